// Where a task goes: the interface that every placement policy implements.
//
// A policy decides one task at a time and knows the past and the typical tasks only. It must place a task
// that fits somewhere. Thread safety: one thread per policy.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "placement/cluster.h"
#include "placement/demand.h"
#include "placement/hi_parameters.h"

namespace flexai::placement {

class Policy {
 public:
  virtual ~Policy() = default;
  // Nothing only if the task fits nowhere. Changes neither argument.
  virtual std::optional<Placement> Choose(const Cluster& cluster, const TaskShape& task) = 0;
};

// What a policy may be made from. `typical` must outlive it.
struct PolicyInputs {
  std::span<const TypicalTask> typical;
  uint64_t seed = 1;
  std::optional<HiParameters> hi;  // of TuneHi; without, hi knows the demand alone
  bool remote = false;             // a task that fits nowhere locally may be placed remotely (remote.h)
};

// By name: random, best-fit, dot-product, binpack, spread, fgd, hi.
Result<std::unique_ptr<Policy>> MakePolicy(std::string_view name, const PolicyInputs& inputs);
std::vector<std::string> PolicyNames();

}  // namespace flexai::placement
