#include "placement/remainders.h"

#include <algorithm>
#include <set>

namespace flexai::placement {

std::vector<int32_t> TypicalShares(std::span<const TypicalTask> typical) {
  std::set<int32_t> shares;
  for (const TypicalTask& task : typical) {
    if (task.shape.devices > 0 && task.shape.share_milli > 0 && task.shape.share_milli < kWholeDevice) {
      shares.insert(task.shape.share_milli);
    }
  }
  return {shares.begin(), shares.end()};
}

Remainders::Remainders(std::span<const TypicalTask> typical, int32_t least_common) {
  const std::vector<int32_t> shares = TypicalShares(typical);
  std::array<int32_t, kWholeDevice> fill{};  // the most that shares can take of a remainder
  for (int32_t free = 1; free < kWholeDevice; ++free) {
    const auto i = static_cast<size_t>(free);
    fill[i] = fill[i - 1];
    for (const int32_t share : shares) {
      if (share >= least_common && share <= free) {
        fill[i] = std::max(fill[i], fill[i - static_cast<size_t>(share)] + share);
      }
    }
    waste_[i] = free - fill[i];
  }
}

int32_t Remainders::Waste(const NodeState& node) const {
  int32_t sum = 0;
  for (int i = 0; i < node.devices; ++i) {
    sum += Waste(node.free[static_cast<size_t>(i)]);
  }
  return sum;
}

}  // namespace flexai::placement
