// clSetKernelArg and its relatives. An argument that is given as before is not sent again; one that is given
// in a way that the device has accepted before is sent without waiting for its verdict.
#include <cstring>

#include "shim/opencl/program.h"

namespace flexai::shim {

namespace {

// What the application gave, sorted out.
struct GivenArgument {
  ArgumentKind kind = ArgumentKind::kValue;
  uint64_t size = 0;
  uint64_t object = 0;
  std::span<const std::byte> value;
  // What the device's verdict may depend on beside kind and size: a memory object's type and access, null.
  uint64_t aspect = 0;
};

constexpr uint64_t kNullAspect = 0xff;

template <class T>
T* HandleIn(const void* value) {
  T* handle = nullptr;
  if (value != nullptr) {
    std::memcpy(static_cast<void*>(&handle), value, sizeof(handle));
  }
  return handle;
}

void GiveMemory(const Memory* memory, GivenArgument* given) {
  given->kind = ArgumentKind::kMemory;
  given->object = memory == nullptr ? 0 : memory->id;
  given->aspect = memory == nullptr ? kNullAspect : (memory->type & 0x1f) | (memory->flags & 7) << 5;
}

// Objects of another session are none to this kernel: the same id means something else there.
template <class T>
bool IsValidIn(const Session* session, const T* handle) {
  return IsValid(handle) && handle->session == session;
}

cl_int ReadMemory(const Session* session, size_t size, const void* value, GivenArgument* given) {
  if (size != sizeof(cl_mem)) {
    return CL_INVALID_ARG_SIZE;
  }
  auto* memory = HandleIn<Memory>(value);
  if (memory != nullptr && !IsValidIn(session, memory)) {
    return CL_INVALID_MEM_OBJECT;
  }
  GiveMemory(memory, given);
  return CL_SUCCESS;
}

cl_int ReadSampler(const Session* session, size_t size, const void* value, GivenArgument* given) {
  if (size != sizeof(cl_sampler)) {
    return CL_INVALID_ARG_SIZE;
  }
  if (value == nullptr) {
    return CL_INVALID_ARG_VALUE;
  }
  const auto* sampler = HandleIn<Sampler>(value);
  if (!IsValidIn(session, sampler)) {
    return CL_INVALID_SAMPLER;
  }
  given->kind = ArgumentKind::kSampler;
  given->object = sampler->id;
  return CL_SUCCESS;
}

cl_int ReadQueue(const Session* session, size_t size, const void* value, GivenArgument* given) {
  if (size != sizeof(cl_command_queue)) {
    return CL_INVALID_ARG_SIZE;
  }
  const auto* queue = HandleIn<Queue>(value);
  if (!IsValidIn(session, queue)) {
    return CL_INVALID_DEVICE_QUEUE;
  }
  given->kind = ArgumentKind::kQueue;
  given->object = queue->id;
  return CL_SUCCESS;
}

cl_int ReadValue(size_t size, const void* value, GivenArgument* given) {
  if (value == nullptr) {
    return CL_INVALID_ARG_VALUE;
  }
  given->kind = ArgumentKind::kValue;
  given->value = {static_cast<const std::byte*>(value), size};
  return CL_SUCCESS;
}

// Nothing is known of the argument: a live handle is taken to mean its object.
cl_int ReadUnknown(Session* session, size_t size, const void* value, GivenArgument* given) {
  if (value == nullptr) {
    given->kind = ArgumentKind::kLocal;
    return CL_SUCCESS;
  }
  if (size == sizeof(void*)) {
    const Object* object = session->live_handles().Find(HandleIn<void>(value));
    if (object != nullptr && object->kind == Kind::kMemory) {
      GiveMemory(static_cast<const Memory*>(object), given);
      return CL_SUCCESS;
    }
    if (object != nullptr) {
      given->kind = object->kind == Kind::kSampler ? ArgumentKind::kSampler : ArgumentKind::kQueue;
      given->object = object->id;
      return CL_SUCCESS;
    }
  }
  return ReadValue(size, value, given);
}

cl_int ReadArgument(const Kernel* kernel, cl_uint index, size_t size, const void* value,
                    GivenArgument* given) {
  given->size = size;
  switch (kernel->definition->arguments()[index].meaning) {
    case ArgumentMeaning::kMemory:
      return ReadMemory(kernel->session, size, value, given);
    case ArgumentMeaning::kSampler:
      return ReadSampler(kernel->session, size, value, given);
    case ArgumentMeaning::kQueue:
      return ReadQueue(kernel->session, size, value, given);
    case ArgumentMeaning::kValue:
      return ReadValue(size, value, given);
    case ArgumentMeaning::kLocal:
      given->kind = ArgumentKind::kLocal;
      if (value != nullptr) {
        return CL_INVALID_ARG_VALUE;
      }
      return size == 0 ? CL_INVALID_ARG_SIZE : CL_SUCCESS;
    case ArgumentMeaning::kUnknown:
      break;
  }
  return ReadUnknown(kernel->session, size, value, given);
}

// The argument as one comparable word, if it has that form.
bool AsWord(const GivenArgument& given, uint64_t* word) {
  *word = given.object;
  if (given.kind != ArgumentKind::kValue && given.kind != ArgumentKind::kSvmPointer) {
    return true;
  }
  if (given.value.size() > sizeof(*word)) {
    return false;
  }
  *word = 0;
  std::memcpy(word, given.value.data(), given.value.size());
  return true;
}

cl_int SetArgument(Kernel* kernel, cl_uint index, const GivenArgument& given) {
  Session* session = kernel->session;
  if (session->lost()) {
    return CL_OUT_OF_RESOURCES;
  }
  Kernel::Argument& kept = kernel->arguments[index];
  const auto kind = static_cast<uint32_t>(given.kind);
  uint64_t word = 0;
  const bool comparable = AsWord(given, &word);
  if (comparable && kept.known && kept.kind == kind && kept.size == given.size && kept.value == word) {
    return CL_SUCCESS;
  }
  opencl::SetKernelArg message;
  message.kernel = kernel->id;
  message.index = index;
  message.kind = kind;
  message.size = given.size;
  message.object = given.object;
  message.value = given.value;
  const uint64_t way = (given.size << 16 | given.aspect << 4 | kind) + 1;
  const bool accepted = kernel->definition->Accepted(index, way);
  const cl_int status = accepted ? session->Send(message) : session->Call(message);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!accepted) {
    kernel->definition->NoteAccepted(index, way);
  }
  if (!kept.set) {
    kernel->unset.fetch_sub(1, std::memory_order_relaxed);
  }
  kept = {true, comparable, kind, given.size, word};
  return CL_SUCCESS;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clSetKernelArg(cl_kernel kernel, cl_uint arg_index, size_t arg_size,
                                  const void* arg_value) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  if (arg_index >= kernel->arguments.size()) {
    return CL_INVALID_ARG_INDEX;
  }
  GivenArgument given;
  const cl_int status = ReadArgument(kernel, arg_index, arg_size, arg_value, &given);
  return status == CL_SUCCESS ? SetArgument(kernel, arg_index, given) : status;
}

cl_int CL_API_CALL clSetKernelArgSVMPointer(cl_kernel kernel, cl_uint arg_index, const void* arg_value) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  if (arg_index >= kernel->arguments.size()) {
    return CL_INVALID_ARG_INDEX;
  }
  const ArgumentDefinition& definition = kernel->definition->arguments()[arg_index];
  if (definition.meaning != ArgumentMeaning::kUnknown && definition.meaning != ArgumentMeaning::kMemory) {
    return CL_INVALID_ARG_INDEX;
  }
  GivenArgument given;
  given.kind = ArgumentKind::kSvmPointer;
  given.size = sizeof(arg_value);
  given.value = std::as_bytes(std::span(&arg_value, 1));
  given.aspect = arg_value == nullptr ? kNullAspect : 0;
  return SetArgument(kernel, arg_index, given);
}

cl_int CL_API_CALL clSetKernelExecInfo(cl_kernel kernel, cl_kernel_exec_info param_name,
                                       size_t param_value_size, const void* param_value) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  if (param_value == nullptr || param_value_size == 0) {
    return CL_INVALID_VALUE;
  }
  flexai::opencl::SetKernelExecInfo message;
  message.kernel = kernel->id;
  message.parameter = param_name;
  message.value = {static_cast<const std::byte*>(param_value), param_value_size};
  return kernel->session->Call(message);
}

}  // extern "C"
