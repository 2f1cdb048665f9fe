#include "executor/opencl/objects.h"

#include <algorithm>

namespace flexai::executor::opencl {
namespace {

// Devices hand out memory in pages.
constexpr uint64_t kGranularity = 4096;

}  // namespace

Device::~Device() {
  if (parent_) {
    api().clReleaseDevice(native_);
  }
}

bool Context::Has(const Device* device) const {
  return std::any_of(devices_.begin(), devices_.end(),
                     [&](const Ref<Device>& own) { return own.get() == device; });
}

Context::~Context() { api().clReleaseContext(native_); }

Queue::~Queue() { api().clReleaseCommandQueue(native_); }

Memory::~Memory() { api().clReleaseMemObject(native_); }

Sampler::~Sampler() { api().clReleaseSampler(native_); }

Program::~Program() {
  if (native != nullptr) {
    api().clReleaseProgram(native);
  }
}

std::shared_ptr<KernelCost> Program::CostOf(const std::string& kernel) {
  std::shared_ptr<KernelCost>& cost = costs_[kernel];
  if (cost == nullptr) {
    cost = std::make_shared<KernelCost>();
  }
  return cost;
}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  if (this != &other) {
    GiveBack();
    access_ = other.access_;
    bytes_ = std::exchange(other.bytes_, 0);
  }
  return *this;
}

bool MemoryCharge::Take(const Context& context, uint64_t bytes) {
  if (bytes > (uint64_t{1} << 62)) {
    return false;
  }
  const uint64_t rounded = (bytes + kGranularity - 1) / kGranularity * kGranularity;
  for (const Ref<Device>& device : context.devices()) {
    const LaneLease& access = device->vxpu().access;
    if (access.lease->Charge(access.lane, static_cast<int64_t>(rounded)).ok()) {
      access_ = access;
      bytes_ = rounded;
      return true;
    }
  }
  return false;
}

void MemoryCharge::GiveBack() {
  if (bytes_ != 0) {
    // Giving back always succeeds.
    (void)access_.lease->Charge(access_.lane, -static_cast<int64_t>(std::exchange(bytes_, 0)));
  }
}

}  // namespace flexai::executor::opencl
