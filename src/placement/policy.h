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

// What is to be placed. `allowed` (null: every node) must live as long as the request.
struct Request {
  TaskShape shape;
  const NodeSet* allowed = nullptr;

  bool Allows(NodeId node) const { return allowed == nullptr || allowed->Has(node); }
};

class Policy {
 public:
  virtual ~Policy() = default;
  // Nothing only if no node that is allowed has room. Changes neither argument. A policy
  // serves one cluster object; a copy of that needs a policy of its own.
  virtual std::optional<Placement> Choose(const Cluster& cluster, const Request& request) = 0;
  std::optional<Placement> Choose(const Cluster& cluster, const TaskShape& shape) {
    return Choose(cluster, Request{shape, nullptr});
  }
  // As placement::RoomFor has it, locally; a policy that knows where to look is faster.
  virtual int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough);
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
// kInvalidArgument: what is said of a name that is none of the known ones.
Status UnknownPolicy(std::string_view name, std::span<const std::string> known);

}  // namespace flexai::placement
