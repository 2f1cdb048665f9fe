#include "shim/opencl/object.h"

#include "shim/opencl/objects.h"
#include "shim/opencl/program.h"

namespace flexai::shim {

void Destroy(Object* object) {
  if (object->session->forked()) {
    return;  // the parent's; see Session::BecomeForkedChild
  }
  switch (object->kind) {
    case Kind::kDevice:
      return DestroyDevice(static_cast<Device*>(object));
    case Kind::kContext:
      return DestroyContext(static_cast<Context*>(object));
    case Kind::kQueue:
      return DestroyQueue(static_cast<Queue*>(object));
    case Kind::kMemory:
      return DestroyMemory(static_cast<Memory*>(object));
    case Kind::kSampler:
      return DestroySampler(static_cast<Sampler*>(object));
    case Kind::kProgram:
      return DestroyProgram(static_cast<Program*>(object));
    case Kind::kKernel:
      return DestroyKernel(static_cast<Kernel*>(object));
    case Kind::kEvent:
      return DestroyEvent(static_cast<Event*>(object));
    case Kind::kPlatform:
    case Kind::kDead:
      return;
  }
}

}  // namespace flexai::shim
