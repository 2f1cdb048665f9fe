#include "placement/demand.h"

#include <algorithm>
#include <map>

namespace flexai::placement {

std::vector<TypicalTask> TypicalTasks(std::span<const TaskShape> tasks, double covered) {
  std::map<TaskShape, size_t> counts;
  for (TaskShape shape : tasks) {
    shape.memory_mib = 0;
    ++counts[shape];
  }
  std::vector<std::pair<TaskShape, size_t>> by_count(counts.begin(), counts.end());
  std::stable_sort(by_count.begin(), by_count.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  std::vector<TypicalTask> typical;
  size_t sum = 0;
  for (const auto& [shape, count] : by_count) {
    if (static_cast<double>(sum) >= covered * static_cast<double>(tasks.size())) {
      break;
    }
    typical.push_back({shape, static_cast<double>(count)});
    sum += count;
  }
  for (TypicalTask& task : typical) {
    task.popularity /= static_cast<double>(sum);
  }
  return typical;
}

}  // namespace flexai::placement
