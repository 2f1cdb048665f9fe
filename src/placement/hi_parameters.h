// What policy hi must know about demand and supply together.
//
// Both are found by rollouts on the given nodes with draws from the typical tasks, one after the other, from
// what the demand alone says: a step is taken only if it gains more than draws differ by. Where CPU is
// plentiful nothing better is found; where it is short, more CPU per device must be kept than tasks ask for
// on average. What the class of tasks that fares worst is accepted counts a little, lest one class pays for
// hundredths. Thread safety: values.
#pragma once

#include <span>

#include "placement/cluster.h"
#include "placement/demand.h"

namespace flexai::placement {

struct HiParameters {
  double cpu_per_device = 0;       // kept for idle devices (stranding.h), both in thousandths
  int32_t least_common_share = 0;  // smaller ones are scarce (remainders.h)

  bool operator==(const HiParameters&) const = default;
};

// From the demand alone.
HiParameters UntunedHi(std::span<const TypicalTask> typical);
// The same for the same arguments; the order of `nodes` matters little. Takes seconds for a thousand nodes.
// Where typical tasks may be placed remotely, the rollouts do so too.
HiParameters TuneHi(std::span<const TypicalTask> typical, std::span<const NodeSpec> nodes);

}  // namespace flexai::placement
