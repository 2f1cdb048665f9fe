#include "executor/opencl/kernel.h"

#include <cstring>

namespace flexai::executor::opencl {
namespace {

// What the native kernel has is of no version of ours.
constexpr uint64_t kUnknownVersion = ~uint64_t{0};

uint32_t ArgumentCount(const Api& api, cl_kernel kernel) {
  cl_uint count = 0;
  return api.clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, sizeof count, &count, nullptr) == CL_SUCCESS ? count
                                                                                                      : 0;
}

}  // namespace

void ArgValue::Set(const void* data, size_t bytes) {
  large_.clear();
  std::byte* to = small_.data();
  if (bytes > small_.size()) {
    large_.resize(bytes);
    to = large_.data();
  }
  if (bytes > 0) {
    std::memcpy(to, data, bytes);
  }
}

Kernel::Kernel(Runtime& runtime, uint64_t id, cl_kernel native, std::string name, Ref<Program> program)
    : Object(runtime, ObjectKind::kKernel, id),
      native_(native),
      name_(std::move(name)),
      program_(std::move(program)),
      cost_(program_->CostOf(name_)),
      args_(ArgumentCount(api(), native)),
      applied_(args_.size()) {}

Kernel::~Kernel() { api().clReleaseKernel(native_); }

bool Kernel::Set(uint32_t index, KernelArg arg) {
  if (index >= args_.size()) {
    return false;
  }
  arg.version = next_version_++;
  args_.Change(index) = std::move(arg);
  return true;
}

void Kernel::CopyArgs(const Kernel& from) {
  for (uint32_t i = 0; i < from.args_.size() && i < args_.size(); ++i) {
    if (from.args_[i].version != 0) {
      Set(i, from.args_[i]);
    }
  }
}

cl_int Kernel::Apply(const KernelArgs& args) {
  for (size_t i = 0; i < args.size(); ++i) {
    if (args[i].version == applied_[i] || args[i].version == 0) {
      continue;  // never set: the driver says so itself
    }
    if (const cl_int status = ApplyOne(static_cast<cl_uint>(i), args[i]); status != CL_SUCCESS) {
      applied_[i] = kUnknownVersion;
      return status;
    }
    applied_[i] = args[i].version;
  }
  return CL_SUCCESS;
}

cl_int Kernel::Try(uint32_t index, const KernelArg& arg) {
  if (index < applied_.size()) {
    applied_[index] = kUnknownVersion;
  }
  return ApplyOne(index, arg);
}

cl_int Kernel::ApplyOne(cl_uint index, const KernelArg& arg) const {
  switch (arg.kind) {
    case ArgKind::kSvmPointer: {
      void* pointer = nullptr;
      std::memcpy(&pointer, arg.value.data(), sizeof pointer);
      return api().clSetKernelArgSVMPointer(native_, index, pointer);
    }
    case ArgKind::kLocal:
    case ArgKind::kNull:
      return api().clSetKernelArg(native_, index, arg.size, nullptr);
    default:
      return api().clSetKernelArg(native_, index, arg.size, arg.value.data());
  }
}

}  // namespace flexai::executor::opencl
