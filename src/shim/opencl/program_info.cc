// clGetProgramInfo and clGetProgramBuildInfo.
#include <cstring>

#include "shim/opencl/info.h"
#include "shim/opencl/program.h"
#include "shim/opencl/query.h"

namespace flexai::shim {

namespace {

InfoQuery ProgramQuery(const Program* program, cl_program_info parameter) {
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetProgramInfo);
  query.object = program->id;
  query.parameter = parameter;
  return query;
}

// The executor answers with the binaries one after another, in the order of the program's devices; the
// application gives an array of addresses, where null means that it does not want that one.
cl_int Binaries(Program* program, const InfoTarget& target) {
  const size_t count = program->devices.size();
  if (target.value == nullptr) {
    return target.Bytes(nullptr, count * sizeof(unsigned char*));
  }
  if (target.capacity < count * sizeof(unsigned char*)) {
    return CL_INVALID_VALUE;
  }
  Array<size_t> sizes;
  if (!sizes.Resize(count)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  cl_int status = ProgramQuery(program, CL_PROGRAM_BINARY_SIZES)
                      .Answer(program->session, {count * sizeof(size_t), sizes.data(), nullptr});
  if (status != CL_SUCCESS) {
    return status;
  }
  Reply<opencl::QueryReply> reply;
  status = ProgramQuery(program, CL_PROGRAM_BINARIES).Fetch(program->session, &reply);
  if (status != CL_SUCCESS) {
    return status;
  }
  const std::span<const std::byte> joined = reply.message.value;
  unsigned char* const* wanted = static_cast<unsigned char* const*>(target.value);
  size_t at = 0;
  for (size_t i = 0; i < count; ++i) {
    if (sizes[i] > joined.size() - at) {
      return CL_OUT_OF_RESOURCES;
    }
    if (wanted[i] != nullptr && sizes[i] != 0) {
      std::memcpy(wanted[i], joined.data() + at, sizes[i]);
    }
    at += sizes[i];
  }
  if (target.size_ret != nullptr) {
    *target.size_ret = count * sizeof(unsigned char*);
  }
  return CL_SUCCESS;
}

bool HasDevice(const Program* program, const Device* device) {
  for (const Device* member : program->devices) {
    if (member == device) {
      return true;
    }
  }
  return false;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clGetProgramInfo(cl_program program, cl_program_info param_name, size_t param_value_size,
                                    void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_PROGRAM_REFERENCE_COUNT:
      return target.Value(cl_uint{program->references()});
    case CL_PROGRAM_CONTEXT:
      return target.Value(program->context);
    case CL_PROGRAM_NUM_DEVICES:
      return target.Value(static_cast<cl_uint>(program->devices.size()));
    case CL_PROGRAM_DEVICES:
      return target.List(program->devices.data(), program->devices.size());
    case CL_PROGRAM_SOURCE:
      return program->source.empty() ? target.Text("")
                                     : target.List(program->source.data(), program->source.size());
    case CL_PROGRAM_IL:
      return target.List(program->il.data(), program->il.size());
    case CL_PROGRAM_BINARIES:
      WaitForBuild(program);
      return Binaries(program, target);
    default:
      WaitForBuild(program);
      return ProgramQuery(program, param_name).Answer(program->session, target);
  }
}

cl_int CL_API_CALL clGetProgramBuildInfo(cl_program program, cl_device_id device,
                                         cl_program_build_info param_name, size_t param_value_size,
                                         void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  if (!IsValid(device) || !HasDevice(program, device)) {
    return CL_INVALID_DEVICE;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  if (param_name == CL_PROGRAM_BUILD_STATUS && IsBuilding(program)) {
    return target.Value(cl_build_status{CL_BUILD_IN_PROGRESS});
  }
  WaitForBuild(program);
  if (param_name == CL_PROGRAM_BUILD_OPTIONS) {
    const flexai::wire::FutexLock lock(program->mutex);
    if (!program->options.empty()) {
      return target.List(program->options.data(), program->options.size());
    }
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetProgramBuildInfo);
  query.object = program->id;
  query.other = device->id;
  query.parameter = param_name;
  return query.Answer(program->session, target);
}

}  // extern "C"
