// clGetKernelInfo, clGetKernelArgInfo, clGetKernelWorkGroupInfo, clGetKernelSubGroupInfo and the suggested
// size.
#include <cstring>

#include "shim/opencl/info.h"
#include "shim/opencl/program.h"
#include "shim/opencl/query.h"

namespace flexai::shim {

namespace {

std::string_view TextOf(const opencl::InfoBytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data), bytes.length};
}

// The device that a null handle stands for: the only one of the program.
cl_int ResolveDevice(const Kernel* kernel, cl_device_id* device) {
  const Array<cl_device_id>& devices = kernel->program->devices;
  if (*device == nullptr) {
    if (devices.size() != 1) {
      return CL_INVALID_DEVICE;
    }
    *device = devices[0];
    return CL_SUCCESS;
  }
  for (const Device* member : devices) {
    if (member == *device) {
      return CL_SUCCESS;
    }
  }
  return CL_INVALID_DEVICE;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clGetKernelInfo(cl_kernel kernel, cl_kernel_info param_name, size_t param_value_size,
                                   void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_KERNEL_FUNCTION_NAME:
      return target.Text(kernel->definition->name());
    case CL_KERNEL_NUM_ARGS:
      return target.Value(static_cast<cl_uint>(kernel->arguments.size()));
    case CL_KERNEL_REFERENCE_COUNT:
      return target.Value(cl_uint{kernel->references()});
    case CL_KERNEL_CONTEXT:
      return target.Value(kernel->program->context);
    case CL_KERNEL_PROGRAM:
      return target.Value(kernel->program);
    case CL_KERNEL_ATTRIBUTES:
      return target.Text(TextOf(kernel->definition->attributes()));
    default:
      break;
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetKernelInfo);
  query.object = kernel->id;
  query.parameter = param_name;
  return query.Answer(kernel->session, target);
}

cl_int CL_API_CALL clGetKernelArgInfo(cl_kernel kernel, cl_uint arg_index, cl_kernel_arg_info param_name,
                                      size_t param_value_size, void* param_value,
                                      size_t* param_value_size_ret) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  if (arg_index >= kernel->arguments.size()) {
    return CL_INVALID_ARG_INDEX;
  }
  const flexai::opencl::KernelArgument& info = kernel->definition->arguments()[arg_index].info;
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  if (info.present) {
    switch (param_name) {
      case CL_KERNEL_ARG_ADDRESS_QUALIFIER:
        return target.Value(cl_kernel_arg_address_qualifier{info.address_qualifier});
      case CL_KERNEL_ARG_ACCESS_QUALIFIER:
        return target.Value(cl_kernel_arg_access_qualifier{info.access_qualifier});
      case CL_KERNEL_ARG_TYPE_NAME:
        return target.Text(TextOf(info.type_name));
      case CL_KERNEL_ARG_TYPE_QUALIFIER:
        return target.Value(cl_kernel_arg_type_qualifier{info.type_qualifier});
      case CL_KERNEL_ARG_NAME:
        return target.Text(TextOf(info.name));
      default:
        return CL_INVALID_VALUE;
    }
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetKernelArgInfo);
  query.object = kernel->id;
  query.index = arg_index;
  query.parameter = param_name;
  return query.Answer(kernel->session, target);
}

cl_int CL_API_CALL clGetKernelWorkGroupInfo(cl_kernel kernel, cl_device_id device,
                                            cl_kernel_work_group_info param_name, size_t param_value_size,
                                            void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  const cl_int status = ResolveDevice(kernel, &device);
  if (status != CL_SUCCESS) {
    return status;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  const KernelLimits* limits = kernel->definition->LimitsFor(device->id);
  flexai::opencl::InfoBytes value;
  // How much local memory a kernel takes depends on its arguments.
  if (param_name != CL_KERNEL_LOCAL_MEM_SIZE && limits != nullptr &&
      limits->values.Find(param_name, &value)) {
    return target.Bytes(value.data, value.length);
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetKernelWorkGroupInfo);
  query.object = kernel->id;
  query.other = device->id;
  query.parameter = param_name;
  return query.Answer(kernel->session, target);
}

cl_int CL_API_CALL clGetKernelSubGroupInfo(cl_kernel kernel, cl_device_id device,
                                           cl_kernel_sub_group_info param_name, size_t input_value_size,
                                           const void* input_value, size_t param_value_size,
                                           void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  const cl_int status = ResolveDevice(kernel, &device);
  if (status != CL_SUCCESS) {
    return status;
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetKernelSubGroupInfo);
  query.object = kernel->id;
  query.other = device->id;
  query.parameter = param_name;
  if (input_value != nullptr) {
    query.input = {static_cast<const std::byte*>(input_value), input_value_size};
  }
  return query.Answer(kernel->session, {param_value_size, param_value, param_value_size_ret});
}

// The input of the query: dimensions, offset, global size, four words at most each.
cl_int CL_API_CALL clGetKernelSuggestedLocalWorkSizeKHR(cl_command_queue queue, cl_kernel kernel,
                                                        cl_uint work_dim, const size_t* global_work_offset,
                                                        const size_t* global_work_size,
                                                        size_t* suggested_local_work_size) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  if (kernel->program->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  if (work_dim == 0 || work_dim > 3) {
    return CL_INVALID_WORK_DIMENSION;
  }
  if (global_work_size == nullptr || suggested_local_work_size == nullptr) {
    return suggested_local_work_size == nullptr ? CL_INVALID_VALUE : CL_INVALID_GLOBAL_WORK_SIZE;
  }
  uint64_t input[7] = {work_dim};
  for (cl_uint i = 0; i < work_dim; ++i) {
    input[1 + i] = global_work_offset == nullptr ? 0 : global_work_offset[i];
    input[4 + i] = global_work_size[i];
  }
  InfoQuery query;
  query.function = FLEXAI_SUGGESTED_SIZE_INDEX;
  query.object = kernel->id;
  query.other = queue->id;
  query.input = std::as_bytes(std::span(input));
  size_t answer[3] = {};
  const cl_int status = query.Answer(kernel->session, {sizeof(answer), answer, nullptr});
  if (status == CL_SUCCESS) {
    std::memcpy(suggested_local_work_size, answer, work_dim * sizeof(size_t));
  }
  return status;
}

}  // extern "C"
