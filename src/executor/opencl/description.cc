#include "executor/opencl/description.h"

#include "api/opencl/session_info.h"
#include "api/opencl/session_info_writer.h"

namespace flexai::executor::opencl {
namespace {

using flexai::opencl::InfoWriter;

std::string KernelText(const Api& api, cl_kernel kernel, cl_kernel_info parameter) {
  size_t size = 0;
  if (api.clGetKernelInfo(kernel, parameter, 0, nullptr, &size) != CL_SUCCESS) {
    return {};
  }
  std::string text(size, '\0');
  if (api.clGetKernelInfo(kernel, parameter, size, text.data(), nullptr) != CL_SUCCESS) {
    return {};
  }
  return text.substr(0, text.find('\0'));
}

bool ArgumentText(const Api& api, cl_kernel kernel, cl_uint index, cl_kernel_arg_info parameter,
                  std::string* text) {
  size_t size = 0;
  if (api.clGetKernelArgInfo(kernel, index, parameter, 0, nullptr, &size) != CL_SUCCESS) {
    return false;
  }
  text->resize(size);
  if (api.clGetKernelArgInfo(kernel, index, parameter, size, text->data(), nullptr) != CL_SUCCESS) {
    return false;
  }
  text->resize(std::min(text->find('\0'), text->size()));
  return true;
}

template <typename T>
bool ArgumentNumber(const Api& api, cl_kernel kernel, cl_uint index, cl_kernel_arg_info parameter, T* value) {
  return api.clGetKernelArgInfo(kernel, index, parameter, sizeof *value, value, nullptr) == CL_SUCCESS;
}

void WriteArgument(const Api& api, cl_kernel kernel, cl_uint index, InfoWriter* writer) {
  cl_kernel_arg_address_qualifier address = 0;
  cl_kernel_arg_access_qualifier access = 0;
  cl_kernel_arg_type_qualifier type = 0;
  std::string type_name;
  std::string name;
  const bool present = ArgumentNumber(api, kernel, index, CL_KERNEL_ARG_ADDRESS_QUALIFIER, &address) &&
                       ArgumentNumber(api, kernel, index, CL_KERNEL_ARG_ACCESS_QUALIFIER, &access) &&
                       ArgumentNumber(api, kernel, index, CL_KERNEL_ARG_TYPE_QUALIFIER, &type) &&
                       ArgumentText(api, kernel, index, CL_KERNEL_ARG_TYPE_NAME, &type_name) &&
                       ArgumentText(api, kernel, index, CL_KERNEL_ARG_NAME, &name);
  writer->U32(present ? 1 : 0);
  writer->U32(address);
  writer->U32(access);
  writer->U32(0);
  writer->U64(type);
  writer->String(type_name);
  writer->String(name);
}

void WriteWorkGroupValues(const Api& api, cl_kernel kernel, cl_device_id device, InfoWriter* writer) {
  constexpr cl_kernel_work_group_info kParameters[] = {
      CL_KERNEL_WORK_GROUP_SIZE, CL_KERNEL_COMPILE_WORK_GROUP_SIZE, CL_KERNEL_LOCAL_MEM_SIZE,
      CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE, CL_KERNEL_PRIVATE_MEM_SIZE};
  writer->BeginTable();
  for (const cl_kernel_work_group_info parameter : kParameters) {
    std::byte value[64];
    size_t size = 0;
    if (api.clGetKernelWorkGroupInfo(kernel, device, parameter, sizeof value, value, &size) == CL_SUCCESS &&
        size <= sizeof value) {
      writer->Value(parameter, {value, size});
    }
  }
  writer->EndTable();
}

void WriteKernel(const Context& context, cl_kernel kernel, InfoWriter* writer) {
  const Api& api = context.api();
  cl_uint count = 0;
  (void)api.clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof count, &count, nullptr);
  writer->U32(count);
  writer->U32(0);
  for (cl_uint i = 0; i < count; ++i) {
    WriteArgument(api, kernel, i, writer);
  }
  writer->String(KernelText(api, kernel, CL_KERNEL_ATTRIBUTES));
  writer->U32(static_cast<uint32_t>(context.devices().size()));
  writer->U32(0);
  for (const Ref<Device>& device : context.devices()) {
    writer->U64(device->id());
    WriteWorkGroupValues(api, kernel, device->native(), writer);
  }
}

// clCreateKernelsInProgram, in two steps.
cl_int KernelsOf(const Api& api, cl_program program, std::vector<cl_kernel>* kernels) {
  cl_uint count = 0;
  if (const cl_int status = api.clCreateKernelsInProgram(program, 0, nullptr, &count); status != CL_SUCCESS) {
    return status;
  }
  kernels->resize(count);
  return count == 0 ? CL_SUCCESS : api.clCreateKernelsInProgram(program, count, kernels->data(), nullptr);
}

}  // namespace

std::vector<std::byte> DescribeKernel(const Context& context, cl_kernel kernel) {
  InfoWriter writer;
  WriteKernel(context, kernel, &writer);
  return writer.Take();
}

cl_int DescribeProgram(const Program& program, std::vector<std::byte>* description) {
  const Api& api = program.api();
  std::vector<cl_kernel> kernels;
  if (const cl_int status = KernelsOf(api, program.native, &kernels); status != CL_SUCCESS) {
    return status;
  }
  InfoWriter writer;
  writer.U32(static_cast<uint32_t>(kernels.size()));
  writer.U32(0);
  for (cl_kernel kernel : kernels) {
    writer.String(KernelText(api, kernel, CL_KERNEL_FUNCTION_NAME));
    const std::vector<std::byte> one = DescribeKernel(program.context(), kernel);
    writer.String({reinterpret_cast<const char*>(one.data()), one.size()});
    api.clReleaseKernel(kernel);
  }
  *description = writer.Take();
  return CL_SUCCESS;
}

}  // namespace flexai::executor::opencl
