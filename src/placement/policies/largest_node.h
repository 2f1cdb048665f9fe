// Idle CPU and idle devices as parts of the largest node that the published simulator knows: the common scale
// of best-fit and dot-product.
//
// Source: Weng et al., USENIX ATC 2023, and its simulator.
#pragma once

#include "placement/shape.h"

namespace flexai::placement {

constexpr double PartOfCpu(int64_t cpu_milli) { return static_cast<double>(cpu_milli) / 128'000; }
constexpr double PartOfDevices(int64_t milli) { return static_cast<double>(milli) / (8 * kWholeDevice); }

}  // namespace flexai::placement
