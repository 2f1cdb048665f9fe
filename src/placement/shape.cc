#include "placement/shape.h"

#include <algorithm>
#include <functional>

namespace flexai::placement {

NodeState NodeState::After(const TaskShape& task, int first) const {
  NodeState after = *this;
  after.cpu_free -= task.cpu_milli;
  for (int i = first; i < first + task.devices; ++i) {
    after.free[static_cast<size_t>(i)] -= static_cast<int16_t>(task.share_milli);
  }
  std::sort(after.free.begin(), after.free.begin() + devices, std::greater<>());
  return after;
}

}  // namespace flexai::placement
