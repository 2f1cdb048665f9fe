#include "placement/remainders.h"

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

namespace flexai::placement {
namespace {

constexpr double kScarce = 0.5;  // of the places that are left for a share

// The shares of the typical tasks that are not scarce.
std::vector<int32_t> CommonShares(std::span<const TypicalTask> typical) {
  std::map<int32_t, double, std::greater<>> demand;
  for (const TypicalTask& task : typical) {
    if (task.shape.devices > 0 && task.shape.share_milli < kWholeDevice) {
      demand[task.shape.share_milli] += task.popularity * task.shape.devices;
    }
  }
  std::vector<int32_t> common;
  std::map<int32_t, double> remainders;  // by size: how many
  for (auto [share, left] : demand) {
    double places = 0;
    for (auto at = remainders.lower_bound(share); at != remainders.end(); ++at) {
      places += at->second * (at->first / share);
    }
    if (left >= kScarce * places) {
      common.push_back(share);
    }
    for (auto at = remainders.lower_bound(share); at != remainders.end() && left > 0; ++at) {
      const int32_t fits = at->first / share;
      const double used = std::min(at->second, left / fits);
      left -= used * fits;
      at->second -= used;
      remainders[at->first - fits * share] += used;
    }
    if (left > 0) {
      const int32_t fits = kWholeDevice / share;
      remainders[kWholeDevice - fits * share] += left / fits;
    }
  }
  return common;
}

}  // namespace

Remainders::Remainders(std::span<const TypicalTask> typical) {
  const std::vector<int32_t> common = CommonShares(typical);
  std::array<int32_t, kWholeDevice> fill{};  // the most that shares can take of a remainder
  for (int32_t free = 1; free < kWholeDevice; ++free) {
    const auto i = static_cast<size_t>(free);
    fill[i] = fill[i - 1];
    for (const int32_t share : common) {
      if (share <= free) {
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
