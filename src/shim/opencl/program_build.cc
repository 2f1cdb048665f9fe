// Building, compiling and linking programs.
#include <cstring>

#include "shim/opencl/build_options.h"
#include "shim/opencl/headers.h"
#include "shim/opencl/program.h"

namespace flexai::shim {

namespace {

using BuildCallback = void(CL_CALLBACK*)(cl_program, void*);

struct BuildNotify {
  BuildCallback function = nullptr;
  void* user_data = nullptr;

  bool contradicts() const { return function == nullptr && user_data != nullptr; }
};

// A build's options as they are sent, after the headers that the source needs. What the application gave is
// kept where that differs.
class BuildInput {
 public:
  // CL_SUCCESS, CL_OUT_OF_HOST_MEMORY, or CL_OUT_OF_RESOURCES if the session is lost.
  cl_int Send(Program* program, const char* options) {
    options = options == nullptr ? "" : options;
    options_ = AsBytes(options, std::strlen(options));
    bool changed = false;
    Array<char> folder;
    const bool has_folders = std::strstr(options, "-I") != nullptr;
    const bool includes =
        !program->source.empty() && std::strstr(program->source.data(), "include") != nullptr;
    if ((has_folders || includes) && WorkingFolder(&folder)) {
      const cl_int status = Resolve(program, options, folder.data(), includes, &changed);
      if (status != CL_SUCCESS) {
        return status;
      }
    }
    const wire::FutexLock lock(program->mutex);
    program->options.Clear();
    if (changed && !program->options.Append(options, std::strlen(options) + 1)) {
      return CL_OUT_OF_HOST_MEMORY;
    }
    return CL_SUCCESS;
  }

  std::span<const std::byte> options() const { return options_; }

 private:
  static std::span<const std::byte> AsBytes(const char* text, size_t length) {
    return {reinterpret_cast<const std::byte*>(text), length};
  }

  cl_int Resolve(Program* program, const char* options, const char* folder, bool includes, bool* changed) {
    HeaderSet headers;
    if (!ResolveIncludes(options, folder, false, &headers, &resolved_, changed)) {
      return CL_OUT_OF_HOST_MEMORY;
    }
    if (includes && (!headers.AddFolder(folder, std::strlen(folder)) ||
                     !headers.Collect(program->source.data(), program->source.size() - 1))) {
      return CL_OUT_OF_HOST_MEMORY;
    }
    for (const HeaderFile& file : headers.files()) {
      const cl_int status = SendHeader(program, file);
      if (status != CL_SUCCESS) {
        return status;
      }
    }
    if (!headers.files().empty() && !ResolveIncludes(options, folder, true, nullptr, &resolved_, changed)) {
      return CL_OUT_OF_HOST_MEMORY;
    }
    if (*changed) {
      options_ = AsBytes(resolved_.data(), resolved_.size());
    }
    return CL_SUCCESS;
  }

  static cl_int SendHeader(Program* program, const HeaderFile& file) {
    Session* session = program->session;
    opencl::AddHeader message;
    message.program = program->id;
    message.path = AsBytes(file.path, file.path_length);
    message.key = 0xcbf29ce484222325ull;  // FNV-1a of the path
    for (const std::byte byte : message.path) {
      message.key = (message.key ^ static_cast<uint64_t>(byte)) * 0x100000001b3ull;
    }
    ArenaRange staging;
    if (!session->MakePayload(file.content, file.bytes, &message.content, &staging)) {
      return CL_OUT_OF_HOST_MEMORY;
    }
    uint64_t sequence = 0;
    const cl_int status = session->Send(message, &sequence);
    session->FreeWhenDecoded(&staging, sequence);
    return status;
  }

  Array<char> resolved_;
  std::span<const std::byte> options_;
};

bool IdsOf(cl_uint count, const cl_device_id* devices, ShortArray<uint64_t, 16>* ids) {
  if (!ids->Reserve(count)) {
    return false;
  }
  for (cl_uint i = 0; i < count; ++i) {
    ids->Push(devices[i]->id);
  }
  return true;
}

// What an earlier build knew of the kernels is void. Holds the program's mutex.
void ForgetDefinitions(Program* program) {
  while (program->definitions != nullptr) {
    KernelDefinition* definition = program->definitions;
    program->definitions = definition->next;
    Delete(definition);
  }
  program->described = false;
}

// Takes a slot for a build. CL_INVALID_OPERATION if the program is in use: another build runs or it has
// kernels.
cl_int BeginBuild(Program* program, uint32_t* slot) {
  Session* session = program->session;
  if (session->lost()) {
    return CL_OUT_OF_RESOURCES;
  }
  const wire::FutexLock lock(program->mutex);
  if (program->build_slot != wire::kNoSlot || program->kernels.load(std::memory_order_acquire) != 0) {
    return CL_INVALID_OPERATION;
  }
  *slot = session->slots().Allocate(CL_QUEUED);
  if (*slot == wire::kNoSlot) {
    return CL_OUT_OF_RESOURCES;
  }
  program->build_slot = *slot;
  ForgetDefinitions(program);
  return CL_SUCCESS;
}

void EndBuild(Program* program, bool settled) {
  const wire::FutexLock lock(program->mutex);
  if (program->build_slot != wire::kNoSlot && !program->session->lost()) {
    program->session->slots().Free(program->build_slot, settled, program->session->channel().last_sequence());
  }
  program->build_slot = wire::kNoSlot;
}

void FireBuildCallback(Watch* watch, cl_int) {
  auto* program = static_cast<Program*>(watch->object);
  EndBuild(program, true);
  reinterpret_cast<BuildCallback>(watch->function)(program, watch->user_data);
  Drop(program);
}

// After the build was sent: waits for it, or has the callback called when it is over.
cl_int FollowBuild(Program* program, uint32_t slot, const BuildNotify& notify) {
  if (notify.function == nullptr) {
    const cl_int status = program->session->WaitStatus(slot, CL_COMPLETE);
    EndBuild(program, true);
    return status;
  }
  auto* watch = New<Watch>();
  if (watch != nullptr) {
    watch->slot = slot;
    watch->fire = &FireBuildCallback;
    watch->object = program;
    watch->function = reinterpret_cast<void (*)()>(notify.function);
    watch->user_data = notify.user_data;
    Hold(program);
    if (program->session->notifier().Add(watch)) {
      return CL_SUCCESS;
    }
    Delete(watch);
    Drop(program);
  }
  EndBuild(program, false);
  return CL_OUT_OF_HOST_MEMORY;
}

// Sends a build or compilation with its input, and waits for it or has the callback called.
template <class Message>
cl_int RunBuild(Program* program, const char* options, const BuildNotify& notify, Message* message) {
  uint32_t slot = wire::kNoSlot;
  cl_int status = BeginBuild(program, &slot);
  if (status != CL_SUCCESS) {
    return status;
  }
  NoteBuildOptions(program, options);
  BuildInput input;
  status = input.Send(program, options);
  if (status == CL_SUCCESS) {
    message->program = program->id;
    message->options = input.options();
    message->slot = slot;
    status = program->session->Send(*message);
  }
  if (status != CL_SUCCESS) {
    EndBuild(program, true);
    return status;
  }
  return FollowBuild(program, slot, notify);
}

cl_int CheckBuild(cl_program program, cl_uint num_devices, const cl_device_id* device_list,
                  const BuildNotify& notify) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  if ((num_devices == 0) != (device_list == nullptr) || notify.contradicts()) {
    return CL_INVALID_VALUE;
  }
  return CheckDeviceList(program->devices.span(), num_devices, device_list);
}

// Programs of another session are none to this one: the same id means something else there.
bool IsOf(const Session* session, cl_program program) {
  return IsValid(program) && program->session == session;
}

// The names of the headers, each with a NUL.
cl_int JoinHeaders(const Session* session, cl_uint count, const cl_program* headers, const char** names,
                   ShortArray<uint64_t, 16>* ids, Array<char>* joined) {
  if ((count == 0) != (headers == nullptr) || (count == 0) != (names == nullptr)) {
    return CL_INVALID_VALUE;
  }
  if (!ids->Reserve(count)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  for (cl_uint i = 0; i < count; ++i) {
    if (!IsOf(session, headers[i])) {
      return CL_INVALID_PROGRAM;
    }
    if (names[i] == nullptr) {
      return CL_INVALID_VALUE;
    }
    ids->Push(headers[i]->id);
    if (!joined->Append(names[i], std::strlen(names[i]) + 1)) {
      return CL_OUT_OF_HOST_MEMORY;
    }
  }
  return CL_SUCCESS;
}

}  // namespace

bool IsBuilding(Program* program) {
  const wire::FutexLock lock(program->mutex);
  return program->build_slot != wire::kNoSlot && !program->session->lost() &&
         program->session->status(program->build_slot).status.load(std::memory_order_acquire) > CL_COMPLETE;
}

void WaitForBuild(Program* program) {
  uint32_t slot = wire::kNoSlot;
  {
    const wire::FutexLock lock(program->mutex);
    slot = program->build_slot;
  }
  if (slot != wire::kNoSlot) {
    program->session->WaitStatus(slot, CL_COMPLETE);
  }
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clBuildProgram(cl_program program, cl_uint num_devices, const cl_device_id* device_list,
                                  const char* options, BuildCallback pfn_notify, void* user_data) {
  const BuildNotify notify{pfn_notify, user_data};
  cl_int status = CheckBuild(program, num_devices, device_list, notify);
  ShortArray<uint64_t, 16> devices;
  if (status == CL_SUCCESS && !IdsOf(num_devices, device_list, &devices)) {
    status = CL_OUT_OF_HOST_MEMORY;
  }
  if (status != CL_SUCCESS) {
    return status;
  }
  flexai::opencl::BuildProgram message;
  message.devices = devices.span();
  return RunBuild(program, options, notify, &message);
}

cl_int CL_API_CALL clCompileProgram(cl_program program, cl_uint num_devices, const cl_device_id* device_list,
                                    const char* options, cl_uint num_input_headers,
                                    const cl_program* input_headers, const char** header_include_names,
                                    BuildCallback pfn_notify, void* user_data) {
  const BuildNotify notify{pfn_notify, user_data};
  cl_int status = CheckBuild(program, num_devices, device_list, notify);
  ShortArray<uint64_t, 16> devices;
  ShortArray<uint64_t, 16> headers;
  Array<char> names;
  if (status == CL_SUCCESS) {
    status = JoinHeaders(program->session, num_input_headers, input_headers, header_include_names, &headers,
                         &names);
  }
  if (status == CL_SUCCESS && !IdsOf(num_devices, device_list, &devices)) {
    status = CL_OUT_OF_HOST_MEMORY;
  }
  if (status != CL_SUCCESS) {
    return status;
  }
  flexai::opencl::CompileProgram message;
  message.devices = devices.span();
  message.headers = headers.span();
  message.header_names = {reinterpret_cast<const std::byte*>(names.data()), names.size()};
  return RunBuild(program, options, notify, &message);
}

cl_program CL_API_CALL clLinkProgram(cl_context context, cl_uint num_devices, const cl_device_id* device_list,
                                     const char* options, cl_uint num_input_programs,
                                     const cl_program* input_programs, BuildCallback pfn_notify,
                                     void* user_data, cl_int* errcode_ret) {
  const BuildNotify notify{pfn_notify, user_data};
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  if (num_input_programs == 0 || input_programs == nullptr || notify.contradicts() ||
      (num_devices == 0) != (device_list == nullptr)) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  cl_int status = CheckDeviceList(context->devices.span(), num_devices, device_list);
  ShortArray<uint64_t, 16> inputs;
  if (status == CL_SUCCESS && !inputs.Reserve(num_input_programs)) {
    status = CL_OUT_OF_HOST_MEMORY;
  }
  for (cl_uint i = 0; status == CL_SUCCESS && i < num_input_programs; ++i) {
    if (!IsOf(context->session, input_programs[i])) {
      status = CL_INVALID_PROGRAM;
    } else {
      inputs.Push(input_programs[i]->id);
    }
  }
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  const std::span<const cl_device_id> targets =
      num_devices == 0 ? context->devices.span() : std::span<const cl_device_id>(device_list, num_devices);
  Program* program = MakeProgram(context, targets);
  ShortArray<uint64_t, 16> devices;
  uint32_t slot = flexai::wire::kNoSlot;
  status = program == nullptr || !IdsOf(num_devices, device_list, &devices) ? CL_OUT_OF_HOST_MEMORY
                                                                            : BeginBuild(program, &slot);
  if (status == CL_SUCCESS) {
    flexai::opencl::LinkProgram message;
    message.program = program->id;
    message.context = context->id;
    message.devices = devices.span();
    message.options = {reinterpret_cast<const std::byte*>(options),
                       options == nullptr ? 0 : std::strlen(options)};
    message.inputs = inputs.span();
    message.slot = slot;
    status = context->session->Send(message);
    if (status == CL_SUCCESS) {
      status = FollowBuild(program, slot, notify);
    }
  }
  if (status != CL_SUCCESS) {
    if (program != nullptr) {
      Release(program);
    }
    return Failure(status, errcode_ret);
  }
  return Success(program, errcode_ret);
}

}  // extern "C"
