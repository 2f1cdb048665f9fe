// Making programs, and their counts.
#include "shim/opencl/program.h"

#include <cstring>

#include "shim/opencl/memory.h"

namespace flexai::shim {

namespace {

// Joins the strings of clCreateProgramWithSource; with a terminating NUL.
cl_int JoinSource(cl_uint count, const char** strings, const size_t* lengths, Array<char>* source) {
  for (cl_uint i = 0; i < count; ++i) {
    if (strings[i] == nullptr) {
      return CL_INVALID_VALUE;
    }
    const size_t length = lengths != nullptr && lengths[i] != 0 ? lengths[i] : std::strlen(strings[i]);
    if (!source->Append(strings[i], length)) {
      return CL_OUT_OF_HOST_MEMORY;
    }
  }
  return source->Push('\0') ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

void FreeDefinitions(Program* program) {
  while (program->definitions != nullptr) {
    KernelDefinition* definition = program->definitions;
    program->definitions = definition->next;
    Delete(definition);
  }
}

bool IdsOf(std::span<const cl_device_id> devices, ShortArray<uint64_t, 16>* ids) {
  if (!ids->Reserve(devices.size())) {
    return false;
  }
  for (const Device* device : devices) {
    ids->Push(device->id);
  }
  return true;
}

cl_int CheckBinaries(cl_context context, cl_uint num_devices, const cl_device_id* device_list,
                     const size_t* lengths, const unsigned char** binaries, cl_int* binary_status) {
  if (!IsValid(context)) {
    return CL_INVALID_CONTEXT;
  }
  if (device_list == nullptr || num_devices == 0 || lengths == nullptr || binaries == nullptr) {
    return CL_INVALID_VALUE;
  }
  cl_int status = CheckDeviceList(context->devices.span(), num_devices, device_list);
  for (cl_uint i = 0; status == CL_SUCCESS && i < num_devices; ++i) {
    const bool missing = lengths[i] == 0 || binaries[i] == nullptr;
    if (binary_status != nullptr) {
      binary_status[i] = missing ? CL_INVALID_VALUE : CL_SUCCESS;
    }
    if (missing) {
      status = CL_INVALID_VALUE;
    }
  }
  return status;
}

}  // namespace

cl_int CheckDeviceList(std::span<const cl_device_id> known, cl_uint count, const cl_device_id* list) {
  if ((count == 0) != (list == nullptr)) {
    return CL_INVALID_VALUE;
  }
  for (cl_uint i = 0; i < count; ++i) {
    bool found = false;
    for (const Device* device : known) {
      found = found || device == list[i];
    }
    if (!found) {
      return CL_INVALID_DEVICE;
    }
  }
  return CL_SUCCESS;
}

Program* MakeProgram(Context* context, std::span<const cl_device_id> devices) {
  Session* session = context->session;
  auto* program = New<Program>(session, session->NewId());
  if (program == nullptr || !program->devices.Append(devices.data(), devices.size())) {
    Delete(program);
    return nullptr;
  }
  program->context = context;
  Hold(context);
  return program;
}

void DiscardProgram(Program* program) {
  Context* context = program->context;
  FreeDefinitions(program);
  program->kind = Kind::kDead;
  Delete(program);
  Drop(context);
}

void DestroyProgram(Program* program) {
  Session* session = program->session;
  for (size_t i = program->callbacks.size(); i > 0; --i) {
    program->callbacks[i - 1].function(program, program->callbacks[i - 1].user_data);
  }
  session->SendRelease(program->id);
  DiscardProgram(program);
}

void NoteBuildOptions(Program* program, const char* options) {
  bool allowed = program->source.empty();  // what a binary was built with is the device's to know
  for (const char* version : {"-cl-std=CL2", "-cl-std=CL3", "-cl-std=CLC++"}) {
    allowed = allowed || (options != nullptr && std::strstr(options, version) != nullptr);
  }
  if (options != nullptr && std::strstr(options, "-cl-uniform-work-group-size") != nullptr) {
    allowed = false;
  }
  program->non_uniform.store(allowed, std::memory_order_relaxed);
}

KernelDefinition* FindDefinition(Program* program, const char* name) {
  const wire::FutexLock lock(program->mutex);
  for (KernelDefinition* definition = program->definitions; definition != nullptr;
       definition = definition->next) {
    if (std::strcmp(definition->name(), name) == 0) {
      return definition;
    }
  }
  return nullptr;
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_program CL_API_CALL clCreateProgramWithSource(cl_context context, cl_uint count, const char** strings,
                                                 const size_t* lengths, cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  if (count == 0 || strings == nullptr) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  Program* program = MakeProgram(context, context->devices.span());
  if (program == nullptr) {
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  Session* session = context->session;
  cl_int status = JoinSource(count, strings, lengths, &program->source);
  if (status == CL_SUCCESS) {
    flexai::opencl::CreateProgramWithSource message;
    ArenaRange staging;
    uint64_t sequence = 0;
    message.program = program->id;
    message.context = context->id;
    status =
        session->MakePayload(program->source.data(), program->source.size() - 1, &message.source, &staging)
            ? session->Send(message, &sequence)
            : CL_OUT_OF_RESOURCES;
    session->FreeWhenDecoded(&staging, sequence);
  }
  if (status != CL_SUCCESS) {
    DiscardProgram(program);
    return Failure(status, errcode_ret);
  }
  return Success(program, errcode_ret);
}

cl_program CL_API_CALL clCreateProgramWithBinary(cl_context context, cl_uint num_devices,
                                                 const cl_device_id* device_list, const size_t* lengths,
                                                 const unsigned char** binaries, cl_int* binary_status,
                                                 cl_int* errcode_ret) {
  cl_int status = CheckBinaries(context, num_devices, device_list, lengths, binaries, binary_status);
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  Session* session = context->session;
  Program* program = MakeProgram(context, {device_list, num_devices});
  ShortArray<uint64_t, 16> ids;
  ShortArray<uint64_t, 16> sizes;
  Array<unsigned char> joined;
  bool fits = program != nullptr && IdsOf({device_list, num_devices}, &ids) && sizes.Reserve(num_devices);
  for (cl_uint i = 0; fits && i < num_devices; ++i) {
    sizes.Push(lengths[i]);
    fits = joined.Append(binaries[i], lengths[i]);
  }
  flexai::opencl::CreateProgramWithBinary message;
  Reply<flexai::opencl::CreateProgramWithBinaryReply> reply;
  ArenaRange staging;
  status = CL_OUT_OF_HOST_MEMORY;
  if (fits && session->MakePayload(joined.data(), joined.size(), &message.binaries, &staging)) {
    message.program = program->id;
    message.context = context->id;
    message.devices = ids.span();
    message.lengths = sizes.span();
    status = session->Call(message, &reply);
  }
  session->arena().Free(&staging);
  const std::span<const std::byte> statuses = reply.message.statuses;
  if (binary_status != nullptr && statuses.size() == num_devices * sizeof(cl_int)) {
    std::memcpy(binary_status, statuses.data(), statuses.size());
  }
  if (status != CL_SUCCESS) {
    if (program != nullptr) {
      DiscardProgram(program);
    }
    return Failure(status, errcode_ret);
  }
  return Success(program, errcode_ret);
}

cl_program CL_API_CALL clCreateProgramWithBuiltInKernels(cl_context context, cl_uint num_devices,
                                                         const cl_device_id* device_list,
                                                         const char* kernel_names, cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  if (device_list == nullptr || num_devices == 0 || kernel_names == nullptr) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  cl_int status = CheckDeviceList(context->devices.span(), num_devices, device_list);
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  ShortArray<uint64_t, 16> ids;
  Program* program = MakeProgram(context, {device_list, num_devices});
  if (program == nullptr) {
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  status = CL_OUT_OF_HOST_MEMORY;
  if (IdsOf({device_list, num_devices}, &ids)) {
    flexai::opencl::CreateProgramWithBuiltInKernels message;
    message.program = program->id;
    message.context = context->id;
    message.devices = ids.span();
    message.names = {reinterpret_cast<const std::byte*>(kernel_names), std::strlen(kernel_names)};
    status = context->session->Call(message);
  }
  if (status != CL_SUCCESS) {
    DiscardProgram(program);
    return Failure(status, errcode_ret);
  }
  return Success(program, errcode_ret);
}

cl_program CL_API_CALL clCreateProgramWithIL(cl_context context, const void* il, size_t length,
                                             cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  if (il == nullptr || length == 0) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  Session* session = context->session;
  Program* program = MakeProgram(context, context->devices.span());
  if (program == nullptr) {
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  flexai::opencl::CreateProgramWithIl message;
  ArenaRange staging;
  message.program = program->id;
  message.context = context->id;
  cl_int status = CL_OUT_OF_HOST_MEMORY;
  if (program->il.Append(static_cast<const std::byte*>(il), length) &&
      session->MakePayload(il, length, &message.il, &staging)) {
    status = session->Call(message);
  }
  session->arena().Free(&staging);
  if (status != CL_SUCCESS) {
    DiscardProgram(program);
    return Failure(status, errcode_ret);
  }
  return Success(program, errcode_ret);
}

cl_int CL_API_CALL clRetainProgram(cl_program program) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  Retain(program);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseProgram(cl_program program) {
  return IsValid(program) && Release(program) ? CL_SUCCESS : CL_INVALID_PROGRAM;
}

cl_int CL_API_CALL clSetProgramReleaseCallback(cl_program program,
                                               void(CL_CALLBACK* pfn_notify)(cl_program, void*),
                                               void* user_data) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  if (pfn_notify == nullptr) {
    return CL_INVALID_VALUE;
  }
  const flexai::wire::FutexLock lock(program->mutex);
  return program->callbacks.Push({pfn_notify, user_data}) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

cl_int CL_API_CALL clSetProgramSpecializationConstant(cl_program program, cl_uint spec_id, size_t spec_size,
                                                      const void* spec_value) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  if (spec_value == nullptr || spec_size == 0) {
    return CL_INVALID_VALUE;
  }
  flexai::opencl::SetSpecializationConstant message;
  message.program = program->id;
  message.constant = spec_id;
  message.value = {static_cast<const std::byte*>(spec_value), spec_size};
  return program->session->Call(message);
}

}  // extern "C"
