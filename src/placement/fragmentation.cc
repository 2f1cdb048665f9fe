#include "placement/fragmentation.h"

namespace flexai::placement {

double Fragmentation(const NodeState& node, std::span<const TypicalTask> typical) {
  const int64_t idle = node.free_milli();
  double sum = 0;
  for (const TypicalTask& task : typical) {
    int64_t fragment = idle;
    if (task.shape.devices > 0 && node.Fits(task.shape)) {
      fragment = 0;
      for (int i = node.CountWith(task.shape.share_milli); i < node.devices; ++i) {
        fragment += node.free[static_cast<size_t>(i)];
      }
    }
    sum += task.popularity * static_cast<double>(fragment);
  }
  return sum;
}

}  // namespace flexai::placement
