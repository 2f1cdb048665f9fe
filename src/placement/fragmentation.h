// How much of a node's idle device time typical tasks could not use.
//
// Source: Weng et al., USENIX ATC 2023, section 3: the expected fragment of a node, over tasks drawn by their
// popularity. For one task it is all that is idle if the task can't run on the node, because CPU, model or
// number of devices do not fit, and else what is idle on devices with less left than the task's share. A task
// without devices uses none of it.
//
// What a node's CPU and model decide is the same for all nodes between two of the CPU requests that tasks
// make, and is tabulated; what remains is one look for each device. Thread safety: immutable.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "placement/demand.h"

namespace flexai::placement {

class Fragmentation {
 public:
  explicit Fragmentation(std::span<const TypicalTask> typical);

  // In thousandths of a device.
  double operator()(const NodeState& node) const;

 private:
  // Tasks that want several devices and find CPU and model.
  struct Gang {
    int32_t devices;
    int32_t share_milli;
    double popularity;
  };
  struct Fitting {
    double none = 0;                // popularity of the tasks that can't run there or want no device
    std::vector<double> one_share;  // by rank of what is free: of tasks with one device that want more
    std::vector<Gang> gangs;
  };

  std::vector<int64_t> cpu_levels_;                   // 0 and all that tasks ask for, ascending
  std::array<uint8_t, kMostModels> kind_of_model_{};  // models that the same tasks accept are of one kind
  std::array<uint16_t, kWholeDevice + 1> rank_{};     // how many different shares are at most that large
  std::vector<std::vector<Fitting>> fitting_;         // by kind of model, then by CPU level
};

}  // namespace flexai::placement
