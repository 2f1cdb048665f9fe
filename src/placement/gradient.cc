#include "placement/gradient.h"

#include <cmath>

namespace flexai::placement {
namespace {

int16_t Score(double before, double after) {
  return static_cast<int16_t>(100 / (1 + std::exp((after - before) / kWholeDevice)));
}

}  // namespace

Rating Gradient::Rate(const NodeState& node, const TaskShape& task) const {
  const double before = Potential(node);
  const int16_t last = TightestDevices(node, task);
  // Whole devices are all the same, and tasks with several shares take the fullest devices.
  const bool one_share = task.devices == 1 && task.share_milli < kWholeDevice;
  Rating best{-1, 0};
  for (int16_t first = one_share ? int16_t{0} : last; first <= last; ++first) {
    if (best.score >= 0 &&
        node.free[static_cast<size_t>(first)] == node.free[static_cast<size_t>(first) - 1]) {
      continue;
    }
    const int16_t score = Score(before, Potential(node.After(task, first)));
    if (score > best.score) {
      best = {score, first};
    }
  }
  return best;
}

}  // namespace flexai::placement
