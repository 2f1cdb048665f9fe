// Where several tasks go that were held back to be decided together: the interface that every batch policy
// implements.
//
// The rules: tasks are held in the order in which they arrive, at most `most_held` of them; then all that are
// held are decided, and none is held again. The decisions are made one after another, in an order that the
// policy chooses, and a task may be dropped only if at its turn it fits nowhere. Thread safety: one thread
// per policy.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "placement/policy.h"

namespace flexai::placement {

struct BatchDecision {
  size_t task = 0;                 // position in the batch
  std::optional<Placement> where;  // nothing: dropped
};

class BatchPolicy {
 public:
  virtual ~BatchPolicy() = default;
  virtual size_t most_held() const = 0;  // at least 1
  // Decides each of the 1 to `most_held` tasks once; the result is in the order of the decisions. Tries
  // places on the cluster, but leaves it as it was: what is returned is still to be taken, in that order. A
  // policy serves one cluster object.
  virtual std::vector<BatchDecision> Decide(Cluster& cluster, std::span<const TaskShape> tasks) = 0;
};

inline constexpr std::string_view kHiBatch16 = "hi-batch16";

// By name: hi-batch16, and every policy of MakePolicy, which holds nothing back.
Result<std::unique_ptr<BatchPolicy>> MakeBatchPolicy(std::string_view name, const PolicyInputs& inputs);
std::vector<std::string> BatchPolicyNames();  // of both kinds

}  // namespace flexai::placement
