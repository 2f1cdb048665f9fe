// Idle CPU and idle devices as parts of the largest node that the published simulator knows: the common scale
// of best-fit and dot-product.
//
// Source: Weng et al., USENIX ATC 2023, and its simulator.
#pragma once

#include <algorithm>

#include "placement/shape.h"

namespace flexai::placement {

constexpr double PartOfCpu(int64_t cpu_milli) { return static_cast<double>(cpu_milli) / 128'000; }
constexpr double PartOfDevices(int64_t milli) { return static_cast<double>(milli) / (8 * kWholeDevice); }

// A part of that node as a whole number up to `scale`; what is beyond the largest node counts as all or none.
constexpr int16_t PartAsScore(double part, int16_t scale) {
  return static_cast<int16_t>(std::clamp(part, 0.0, 1.0) * scale);
}

}  // namespace flexai::placement
