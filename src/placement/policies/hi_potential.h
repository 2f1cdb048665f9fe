// What a node loses for tasks to come, as policy hi sees it: fragmentation, and two losses that it does not
// see. Devices that the node's CPU can't feed are stranded whatever the next task asks for; and remainders of
// devices that no common share fits are wasted for good.
//
// Fragmentation is an expectation over the next task; what is stranded or wasted stays so for all tasks to
// come, and counts for more. By how much was found on draws from the typical tasks, and is not critical
// (docs/placement.md). Thread safety: immutable.
#pragma once

#include "placement/fragmentation.h"
#include "placement/hi_parameters.h"
#include "placement/remainders.h"
#include "placement/stranding.h"

namespace flexai::placement {

class HiPotential {
 public:
  HiPotential(std::span<const TypicalTask> typical, const HiParameters& parameters)
      : fragmentation_(typical),
        cpu_per_device_(parameters.cpu_per_device),
        remainders_(typical, parameters.least_common_share) {}

  // In thousandths of a device.
  double operator()(const NodeState& node) const {
    return fragmentation_(node) + kStranded * Stranded(node, cpu_per_device_) +
           kWasted * remainders_.Waste(node);
  }

 private:
  static constexpr double kStranded = 3;
  static constexpr double kWasted = 8;

  Fragmentation fragmentation_;
  double cpu_per_device_;
  Remainders remainders_;
};

}  // namespace flexai::placement
