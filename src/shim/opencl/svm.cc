// clSVMAlloc and clSVMFree.
#include "shim/opencl/svm.h"

namespace flexai::shim {

namespace {

constexpr cl_svm_mem_flags kAccess = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
constexpr cl_svm_mem_flags kKnown = kAccess | CL_MEM_SVM_FINE_GRAIN_BUFFER | CL_MEM_SVM_ATOMICS;
constexpr size_t kDefaultAlignment = 128;  // of the largest type, long16
constexpr size_t kMaxAlignment = 4096;

cl_device_svm_capabilities Capabilities(const Context* context) {
  cl_device_svm_capabilities all = 0;
  for (const Device* device : context->devices) {
    all |= device->svm;
  }
  return all;
}

bool FlagsAreGood(cl_svm_mem_flags flags, cl_device_svm_capabilities capabilities) {
  const cl_svm_mem_flags access = flags & kAccess;
  const bool fine = (flags & CL_MEM_SVM_FINE_GRAIN_BUFFER) != 0;
  const bool atomics = (flags & CL_MEM_SVM_ATOMICS) != 0;
  return (flags & ~kKnown) == 0 && (access & (access - 1)) == 0 && (!atomics || fine) &&
         (!fine || (capabilities & CL_DEVICE_SVM_FINE_GRAIN_BUFFER) != 0) &&
         (!atomics || (capabilities & CL_DEVICE_SVM_ATOMICS) != 0);
}

}  // namespace

void FreeSvm(Session* session, void* pointer) {
  SvmRange range;
  if (session->lost() || !session->svm().Remove(pointer, &range)) {
    return;
  }
  // The rest is the same as for a buffer that the application has let go.
  auto* dying = New<Memory>(session, range.id);
  const uint32_t slot = dying == nullptr ? wire::kNoSlot : session->slots().Allocate(CL_QUEUED);
  session->SendRelease(range.id, slot);
  if (slot == wire::kNoSlot) {
    Delete(dying);  // the range stays taken: nobody will tell when it is free
    return;
  }
  dying->kind = Kind::kDead;
  dying->storage = range.storage;
  dying->release_slot = slot;
  session->deferred().AddRelease(dying);
  session->deferred().SettleReleases();
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

void* CL_API_CALL clSVMAlloc(cl_context context, cl_svm_mem_flags flags, size_t size, cl_uint alignment) {
  if (!IsValid(context) || size == 0 || size > context->max_allocation) {
    return nullptr;
  }
  const cl_device_svm_capabilities capabilities = Capabilities(context);
  Session* session = context->session;
  if (capabilities == 0 || !FlagsAreGood(flags, capabilities) || (alignment & (alignment - 1)) != 0 ||
      alignment > kMaxAlignment || session->lost()) {
    return nullptr;
  }
  session->deferred().SettleReleases();
  SvmRange range;
  range.storage = AllocateArena(session, size, alignment == 0 ? kDefaultAlignment : alignment);
  if (!range.storage) {
    return nullptr;
  }
  range.data = session->arena().At(range.storage.offset);
  range.bytes = size;
  range.id = session->NewId();
  range.context = context;
  range.flags = flags;
  flexai::opencl::SvmAlloc message;
  message.memory = range.id;
  message.context = context->id;
  message.flags = flags == 0 ? cl_svm_mem_flags{CL_MEM_READ_WRITE} : flags;
  message.storage = {range.storage.offset, size};
  message.alignment = alignment;
  if (session->Call(message) != CL_SUCCESS) {
    if (!session->lost()) {
      session->arena().Free(&range.storage);
    }
    return nullptr;
  }
  if (!session->svm().Add(range)) {
    session->SendRelease(range.id);
    return nullptr;
  }
  return range.data;
}

void CL_API_CALL clSVMFree(cl_context context, void* svm_pointer) {
  if (IsValid(context) && svm_pointer != nullptr) {
    FreeSvm(context->session, svm_pointer);
  }
}

}  // extern "C"
