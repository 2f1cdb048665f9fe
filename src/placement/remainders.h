// What is left of a device that is partly taken, and how much of it nobody will use.
//
// Tasks that want a share of a device leave remainders. A remainder is worth what the best combination of
// shares that still fits it takes, as in the cutting stock problem (P. Gilmore and R. Gomory, Operations
// Research 9, 1961); shares that are scarce don't count, since most remainders of that size will never see
// one. Small shares are those that can be scarce: many remainders of larger ones wait for them.
//
// Where tasks want memory of devices too, a combination must fit the share and the memory that are left (the
// knapsack problem with two constraints). Memory is counted in steps of what divides all that is asked for;
// if that were too many, in larger ones, asks rounded up. Thread safety: immutable.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "placement/demand.h"

namespace flexai::placement {

class Remainders {
 public:
  // Typical shares below `least_common`, in thousandths of a device, are scarce.
  Remainders(std::span<const TypicalTask> typical, int32_t least_common);

  // Of a device with that much free, in thousandths of a device: what will stay unused. None of a free one.
  int32_t Waste(int32_t free_milli, int32_t memory_mib = 0) const {
    const auto level = std::min(static_cast<size_t>(memory_mib / step_mib_), waste_.size() - 1);
    return waste_[level][static_cast<size_t>(free_milli)];
  }
  int32_t Waste(const NodeState& node) const;

 private:
  using ByShare = std::array<int16_t, kWholeDevice + 1>;

  int32_t step_mib_ = 1;
  std::vector<ByShare> waste_;  // by steps of memory; the last is as good as more
};

// The shares of one device that typical tasks ask for, but for all of it: ascending, each once.
std::vector<int32_t> TypicalShares(std::span<const TypicalTask> typical);

}  // namespace flexai::placement
