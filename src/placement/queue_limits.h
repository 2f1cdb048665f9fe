// Bounds on what a queue uses, and what it means to be within them as a limit and as a guarantee.
//
// Units: resources.h. Thread safety: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "placement/resources.h"

namespace flexai::placement {

// Each bound holds by itself; what is absent is not bounded.
struct QueueLimits {
  std::optional<int64_t> cpu_milli;
  std::optional<int64_t> memory_mib;
  std::optional<int64_t> device_milli;  // of all models together
  std::map<int, int64_t> model_milli;   // of the devices of one model

  bool operator==(const QueueLimits&) const = default;
};

// Whether anything is named.
bool IsNamed(const QueueLimits& bounds);

// As limits: whether all that `more` asks for stays within its bounds, with `used` in use already.
bool Fits(const QueueLimits& limits, const Resources& used, const Resources& more);

// As a guarantee, whose bounds must be positive: whether `more`, which must ask for something, is guaranteed
// with `used` in use already. Devices are if their model is named, or devices in total. CPU and memory that
// are not named come along with what is.
bool Covers(const QueueLimits& guaranteed, const Resources& used, const Resources& more);

// Whether a small task that asks for CPU, memory and devices, as far as they are named, would be covered.
bool HasRoom(const QueueLimits& guaranteed, const Resources& used);

}  // namespace flexai::placement
