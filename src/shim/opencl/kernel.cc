// Kernels: making, cloning, counts.
#include <cstring>

#include "shim/opencl/program.h"

namespace flexai::shim {

namespace {

// Adds what a description says to the program, unless another thread did so first. Null without memory.
KernelDefinition* AddDefinition(Program* program, const char* name, size_t length,
                                std::span<const std::byte> description) {
  KernelDefinition* made = KernelDefinition::Read(name, length, description);
  if (made == nullptr) {
    return nullptr;
  }
  const wire::FutexLock lock(program->mutex);
  for (KernelDefinition* known = program->definitions; known != nullptr; known = known->next) {
    if (std::strcmp(known->name(), made->name()) == 0) {
      Delete(made);
      return known;
    }
  }
  made->next = program->definitions;
  program->definitions = made;
  return made;
}

// A kernel object that the executor does not know yet.
Kernel* NewKernel(Program* program) {
  auto* kernel = New<Kernel>(program->session, program->session->NewId());
  if (kernel != nullptr) {
    kernel->program = program;
    Hold(program);
    program->kernels.fetch_add(1, std::memory_order_acq_rel);
  }
  return kernel;
}

void DiscardKernel(Kernel* kernel) {
  Program* program = kernel->program;
  program->kernels.fetch_sub(1, std::memory_order_acq_rel);
  kernel->kind = Kind::kDead;
  Delete(kernel);
  Drop(program);
}

bool Define(Kernel* kernel, KernelDefinition* definition) {
  if (definition == nullptr || !kernel->arguments.Resize(definition->arguments().size())) {
    return false;
  }
  kernel->definition = definition;
  kernel->unset.store(static_cast<uint32_t>(definition->arguments().size()), std::memory_order_relaxed);
  return true;
}

Kernel* MakeKernel(Program* program, const char* name, cl_int* status) {
  Kernel* kernel = NewKernel(program);
  if (kernel == nullptr) {
    *status = CL_OUT_OF_HOST_MEMORY;
    return nullptr;
  }
  const size_t length = std::strlen(name);
  opencl::CreateKernel message;
  message.kernel = kernel->id;
  message.program = program->id;
  message.name = {reinterpret_cast<const std::byte*>(name), length};
  Reply<opencl::CreateKernelReply> reply;
  *status = program->session->Call(message, &reply);
  if (*status != CL_SUCCESS) {
    DiscardKernel(kernel);
    return nullptr;
  }
  KernelDefinition* definition = FindDefinition(program, name);
  if (definition == nullptr) {
    definition = AddDefinition(program, name, length, reply.message.description);
  }
  if (!Define(kernel, definition)) {
    *status = CL_OUT_OF_HOST_MEMORY;
    Release(kernel);
    return nullptr;
  }
  return kernel;
}

}  // namespace

cl_int DescribeKernels(Program* program) {
  {
    const wire::FutexLock lock(program->mutex);
    if (program->described) {
      return CL_SUCCESS;
    }
  }
  opencl::DescribeProgram message;
  message.program = program->id;
  Reply<opencl::DescribeProgramReply> reply;
  const cl_int status = program->session->Call(message, &reply);
  if (status != CL_SUCCESS) {
    return status;
  }
  const std::span<const std::byte> bytes = reply.message.description;
  opencl::ProgramInfo info(bytes.data(), bytes.size());
  for (uint32_t i = 0; i < info.kernel_count(); ++i) {
    const opencl::ProgramInfo::Kernel kernel = info.NextKernel();
    if (!info.ok() ||
        AddDefinition(program, reinterpret_cast<const char*>(kernel.name.data), kernel.name.length,
                      {kernel.description.data, kernel.description.length}) == nullptr) {
      return CL_OUT_OF_HOST_MEMORY;
    }
  }
  const wire::FutexLock lock(program->mutex);
  program->described = info.ok();
  return info.ok() ? CL_SUCCESS : CL_OUT_OF_RESOURCES;
}

void DestroyKernel(Kernel* kernel) {
  kernel->session->SendRelease(kernel->id);
  DiscardKernel(kernel);
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_kernel CL_API_CALL clCreateKernel(cl_program program, const char* kernel_name, cl_int* errcode_ret) {
  if (!IsValid(program)) {
    return Failure(CL_INVALID_PROGRAM, errcode_ret);
  }
  if (kernel_name == nullptr) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  if (IsBuilding(program)) {
    return Failure(CL_INVALID_PROGRAM_EXECUTABLE, errcode_ret);
  }
  cl_int status = CL_SUCCESS;
  Kernel* kernel = MakeKernel(program, kernel_name, &status);
  return kernel != nullptr ? Success(kernel, errcode_ret) : Failure(status, errcode_ret);
}

cl_int CL_API_CALL clCreateKernelsInProgram(cl_program program, cl_uint num_kernels, cl_kernel* kernels,
                                            cl_uint* num_kernels_ret) {
  if (!IsValid(program)) {
    return CL_INVALID_PROGRAM;
  }
  if (IsBuilding(program)) {
    return CL_INVALID_PROGRAM_EXECUTABLE;
  }
  cl_int status = DescribeKernels(program);
  if (status != CL_SUCCESS) {
    return status;
  }
  // Definitions are only added at the front while kernels are made, so the list stays good after the lock.
  cl_uint count = 0;
  KernelDefinition* first = nullptr;
  {
    const flexai::wire::FutexLock lock(program->mutex);
    first = program->definitions;
  }
  for (const KernelDefinition* definition = first; definition != nullptr; definition = definition->next) {
    ++count;
  }
  if (kernels != nullptr && num_kernels < count) {
    return CL_INVALID_VALUE;
  }
  // The list is in reverse order of the program's.
  cl_uint made = 0;
  for (const KernelDefinition* definition = first; kernels != nullptr && definition != nullptr;
       definition = definition->next) {
    Kernel* kernel = MakeKernel(program, definition->name(), &status);
    if (kernel == nullptr) {
      for (cl_uint i = 0; i < made; ++i) {
        Release(kernels[count - 1 - i]);
      }
      return status;
    }
    kernels[count - 1 - made++] = kernel;
  }
  if (num_kernels_ret != nullptr) {
    *num_kernels_ret = count;
  }
  return CL_SUCCESS;
}

cl_kernel CL_API_CALL clCloneKernel(cl_kernel source_kernel, cl_int* errcode_ret) {
  if (!IsValid(source_kernel)) {
    return Failure(CL_INVALID_KERNEL, errcode_ret);
  }
  Kernel* kernel = NewKernel(source_kernel->program);
  if (kernel == nullptr || !Define(kernel, source_kernel->definition)) {
    if (kernel != nullptr) {
      DiscardKernel(kernel);
    }
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  for (size_t i = 0; i < kernel->arguments.size(); ++i) {
    kernel->arguments[i] = source_kernel->arguments[i];
  }
  kernel->unset.store(source_kernel->unset.load(std::memory_order_relaxed), std::memory_order_relaxed);
  flexai::opencl::CloneKernel message;
  message.kernel = kernel->id;
  message.source = source_kernel->id;
  const cl_int status = kernel->session->Call(message);
  if (status != CL_SUCCESS) {
    DiscardKernel(kernel);
    return Failure(status, errcode_ret);
  }
  return Success(kernel, errcode_ret);
}

cl_int CL_API_CALL clRetainKernel(cl_kernel kernel) {
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  Retain(kernel);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseKernel(cl_kernel kernel) {
  return IsValid(kernel) && Release(kernel) ? CL_SUCCESS : CL_INVALID_KERNEL;
}

}  // extern "C"
