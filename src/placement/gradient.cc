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
  const auto take = [&](DeviceMask devices) {
    return Rating{Score(before, Potential(node.After(task, devices))), devices};
  };
  // Whole devices are all the same, and tasks with several shares take the fullest devices.
  if (task.devices != 1 || task.share_milli == kWholeDevice) {
    return take(TightestDevices(node, task));
  }
  Rating best{-1, 0};
  size_t tried = kMostDevices;
  for (unsigned left = node.FittingDevices(task); left != 0; left &= left - 1) {
    const auto at = static_cast<size_t>(std::countr_zero(left));
    if (tried < kMostDevices && node.SameDevices(tried, at)) {
      continue;
    }
    tried = at;
    const Rating rating = take(static_cast<DeviceMask>(1u << at));
    if (rating.score > best.score) {
      best = rating;
    }
  }
  return best;
}

}  // namespace flexai::placement
