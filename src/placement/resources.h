// Amounts of what a cluster shares out, and the one number that compares amounts of different kinds.
//
// Thread safety: values.
#pragma once

#include <array>
#include <cstdint>

#include "placement/shape.h"

namespace flexai::placement {

// CPU in thousandths of a core, memory in MiB, device time in thousandths of a device by device model.
template <typename Number>
struct Amounts {
  Number cpu_milli = 0;
  Number memory_mib = 0;
  std::array<Number, kMostModels> device_milli{};

  bool operator==(const Amounts&) const = default;
  Amounts& operator+=(const Amounts& other);
  Amounts& operator-=(const Amounts& other);

  Number total_device_milli() const;
  bool any() const { return *this != Amounts(); }
};

using Resources = Amounts<int64_t>;
using MeanResources = Amounts<double>;  // averages over time

// The largest part of the capacity that is used of anything: of CPU, memory, all devices, the devices of one
// model. What the capacity has nothing of does not count. Source: A. Ghodsi et al., "Dominant Resource
// Fairness: Fair Allocation of Multiple Resource Types", USENIX NSDI 2011.
double DominantShare(const Resources& used, const Resources& capacity);
double DominantShare(const MeanResources& used, const Resources& capacity);

}  // namespace flexai::placement
