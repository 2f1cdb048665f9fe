// Devices that the CPU of their node can't feed.
//
// Tasks ask for some CPU with each device; what a node's free CPU is not enough for, at that rate, is
// stranded, whatever the next task asks for. Thread safety: values.
#pragma once

#include <algorithm>
#include <span>

#include "placement/demand.h"

namespace flexai::placement {

// CPU that typical tasks with devices ask for with each device, both in thousandths; 0 if none asks for any.
double CpuPerDevice(std::span<const TypicalTask> typical);

// In thousandths of a device.
inline double Stranded(const NodeState& node, double cpu_per_device) {
  if (cpu_per_device <= 0) {
    return 0;
  }
  return std::max(
      0.0, static_cast<double>(node.free_milli()) - static_cast<double>(node.cpu_free) / cpu_per_device);
}

}  // namespace flexai::placement
