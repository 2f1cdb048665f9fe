// Policies that rate each node by its state and take the best one; the first node wins among equals.
//
// A rating depends on the node's state and the task's shape alone, so each pair is rated once. Thread safety:
// one thread.
#pragma once

#include <map>

#include "placement/policy.h"

namespace flexai::placement {

struct Rating {
  int32_t score = 0;  // higher is better
  int32_t first = 0;  // the devices to take: positions [first, first + task.devices) of the state
};

// One file of policies/ each.
class NodeRater {
 public:
  virtual ~NodeRater() = default;
  // `node.Fits(task)` holds.
  virtual Rating Rate(const NodeState& node, const TaskShape& task) const = 0;
};

// The last devices that have enough free, which are those with the least.
int TightestDevices(const NodeState& node, const TaskShape& task);

class ScoredPolicy final : public Policy {
 public:
  explicit ScoredPolicy(std::unique_ptr<NodeRater> rater) : rater_(std::move(rater)) {}
  std::optional<Placement> Choose(const Cluster& cluster, const TaskShape& task) override;

 private:
  struct Cached {
    Rating rating;
    enum : uint8_t { kUnknown, kUnfit, kRated } known = kUnknown;
  };
  const Cached& Look(const Cluster& cluster, std::vector<Cached>* of_task, const TaskShape& task, StateId id);

  std::unique_ptr<NodeRater> rater_;
  std::map<TaskShape, std::vector<Cached>> cache_;  // by the state's id
};

}  // namespace flexai::placement
