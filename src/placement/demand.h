// What tasks typically ask for: the list by which policies that look ahead judge what a node is still good
// for.
//
// Source: Q. Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation
// Gradient Descent", USENIX ATC 2023, section 4 (typical pods). Thread safety: immutable values.
#pragma once

#include <span>
#include <vector>

#include "placement/shape.h"

namespace flexai::placement {

struct TypicalTask {
  TaskShape shape;
  double popularity = 0;  // sums to 1 over the list
};

// The most frequent shapes, until they make up `covered` of all tasks. Memory does not tell shapes apart.
std::vector<TypicalTask> TypicalTasks(std::span<const TaskShape> tasks, double covered = 0.95);

}  // namespace flexai::placement
