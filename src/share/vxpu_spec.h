// What a virtual unit is promised: a guaranteed share of one device, a cap, a class and a memory quota.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/units.h"

namespace flexai::share {

using VxpuId = uint64_t;
using SessionId = uint64_t;

inline constexpr uint32_t kMaxVxpusPerDevice = 64;

// Strict: a class is served before all below it.
enum class Priority : uint8_t { kLow = 0, kNormal = 1, kHigh = 2 };

std::string_view PriorityName(Priority priority);
Result<Priority> ParsePriority(std::string_view text);

struct ComputeShare {
  Permille request{0};           // guaranteed; also the weight when idle share is divided
  Permille limit{kWholeDevice};  // never more than this, also alone
  Priority priority = Priority::kNormal;
};

struct VxpuSpec {
  VxpuId id = 0;
  std::string name;  // for people; may be empty
  std::string key;   // by which its maker finds it again; may be empty
  uid_t owner = 0;
  ComputeShare share;
  Bytes memory;
};

// kInvalidArgument with one sentence if the share or the whole spec can never be granted on any device.
Status Validate(const ComputeShare& share);
Status Validate(const VxpuSpec& spec);

}  // namespace flexai::share
