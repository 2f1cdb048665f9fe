// Tasks by what they take of devices: the classes for which acceptance is told apart.
#pragma once

#include "placement/shape.h"

namespace flexai::placement {

enum class TaskClass { kCpu, kFraction, kOne, kMulti };
inline constexpr size_t kTaskClasses = 4;

constexpr TaskClass ClassOf(const TaskShape& shape) {
  if (shape.devices == 0) {
    return TaskClass::kCpu;
  }
  if (shape.devices > 1) {
    return TaskClass::kMulti;
  }
  return shape.share_milli < kWholeDevice ? TaskClass::kFraction : TaskClass::kOne;
}

}  // namespace flexai::placement
