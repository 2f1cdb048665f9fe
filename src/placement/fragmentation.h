// How much of a node's idle device time typical tasks could not use.
//
// Source: Weng et al., USENIX ATC 2023, section 3: the expected fragment of a node, over tasks drawn by their
// popularity. For one task it is all that is idle if the task can't run on the node, because CPU, model or
// number of devices do not fit, and else what is idle on devices with less left than the task's share. A task
// without devices uses none of it. Beyond the source: a device of which the task does not get the memory that
// it wants is none that it can use, whatever share is idle there.
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
    int32_t device_memory_mib;
    double popularity;
  };
  struct Fitting {
    double none = 0;  // popularity of the tasks that can't run there or want no device
    // By rank of memory, then of share, that are free: of tasks with one device that want more of either.
    std::vector<std::vector<double>> one_share;
    std::vector<Gang> gangs;
  };

  // How many of the memory levels are at most that.
  size_t MemoryRank(int32_t mib) const;
  int32_t RoundedUp(int32_t mib) const;
  void AddOneShare(const TypicalTask& task, Fitting* fitting) const;
  static void AddGang(const TypicalTask& task, Fitting* fitting);
  template <bool kByMemory>
  double Of(const NodeState& node) const;

  std::vector<int64_t> cpu_levels_;                   // 0 and all that tasks ask for, ascending
  std::array<uint8_t, kMostModels> kind_of_model_{};  // models that the same tasks accept are of one kind
  std::array<uint16_t, kWholeDevice + 1> rank_{};     // how many different shares are at most that large
  std::vector<int32_t> memory_levels_;  // 0 and what tasks want of a device, ascending; of many levels some
  std::vector<std::vector<Fitting>> fitting_;  // by kind of model, then by CPU level
};

}  // namespace flexai::placement
