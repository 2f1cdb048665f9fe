#include "placement/shape.h"

#include <algorithm>
#include <utility>

namespace flexai::placement {

NodeState NodeState::After(const TaskShape& task, DeviceMask taken) const {
  NodeState after = *this;
  after.cpu_free -= task.cpu_milli;
  // What is taken moves back, the last first, so that all behind it is in order.
  const auto less = [&after](size_t a, size_t b) {
    return std::pair(after.free[a], after.memory[a]) < std::pair(after.free[b], after.memory[b]);
  };
  for (unsigned left = taken; left != 0;) {
    auto at = static_cast<size_t>(std::bit_width(left) - 1);
    left ^= 1u << at;
    after.free[at] = static_cast<int16_t>(after.free[at] - task.share_milli);
    after.memory[at] -= task.device_memory_mib;
    for (; at + 1 < static_cast<size_t>(devices) && less(at, at + 1); ++at) {
      std::swap(after.free[at], after.free[at + 1]);
      std::swap(after.memory[at], after.memory[at + 1]);
    }
  }
  return after;
}

TaskShape DeviceSteps::Taken(TaskShape task) const {
  const auto round_up = [](int32_t amount, int32_t step) { return (amount + step - 1) / step * step; };
  task.share_milli = std::min(round_up(task.share_milli, share_milli), kWholeDevice);
  task.device_memory_mib = round_up(task.device_memory_mib, memory_mib);
  return task;
}

DeviceMask FirstDevices(DeviceMask of, int count) {
  unsigned first = 0;
  for (unsigned left = of; count > 0; --count, left &= left - 1) {
    first |= left & ~(left - 1);
  }
  return static_cast<DeviceMask>(first);
}

DeviceMask LastDevices(DeviceMask of, int count) {
  unsigned last = 0;
  for (unsigned left = of; count > 0 && left != 0; --count) {
    const unsigned highest = std::bit_floor(left);
    last |= highest;
    left ^= highest;
  }
  return static_cast<DeviceMask>(last);
}

}  // namespace flexai::placement
