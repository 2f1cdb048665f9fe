// Bounds on what a queue uses, what it means to be within them as a limit and as a guarantee, and what they
// leave.
//
// Units: resources.h. Thread safety: values.
#pragma once

#include <array>
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

// Whether `asked` asks for something that is named, or for devices.
bool Names(const QueueLimits& guaranteed, const Resources& asked);

// Whether a small task that asks for CPU, memory and devices, as far as they are named, would be covered.
bool HasRoom(const QueueLimits& guaranteed, const Resources& used);

// What bounds leave for more tasks, one after another. Below zero where more is used than they allow, which
// binds only who asks for more of it.
struct Headroom {
  static constexpr int64_t kUnbounded = INT64_MAX / 4;

  int64_t cpu_milli = kUnbounded;
  int64_t memory_mib = kUnbounded;
  int64_t device_milli = kUnbounded;  // of all models together
  std::array<int64_t, kMostModels> model_milli;

  Headroom() { model_milli.fill(kUnbounded); }
  // Down to what both leave.
  void Narrow(const Headroom& other);
  // Whether one more task fits that takes so much, with devices of that model.
  bool Fits(const TaskShape& taken, int model) const;
  void Take(const TaskShape& taken, int model);
};

Headroom LeftOf(const QueueLimits& limits, const Resources& used);
// Of a guarantee that is the limit as well, for a gang that asks for `asked` (of whatever model).
Headroom LeftOfGuarantee(const QueueLimits& guaranteed, const Resources& used, const Resources& asked);

}  // namespace flexai::placement
