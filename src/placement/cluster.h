// The nodes of a cluster and what is taken of them, grouped by state so that a decision looks at states
// instead of nodes.
//
// Nothing is ever over-allocated: Take refuses what does not fit. Thread safety: one thread.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "placement/shape.h"

namespace flexai::placement {

struct NodeSpec {
  std::string name;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int32_t devices = 0;
  int32_t model = 0;
};

using NodeId = uint32_t;   // position in the list that the cluster was made of, which is the order of ties
using StateId = uint32_t;  // dense, never reused

// Where a task runs. A remote placement has its devices on another node than its CPU and memory.
struct Placement {
  NodeId cpu_node = 0;
  NodeId device_node = 0;
  std::vector<int32_t> devices;  // numbers on device_node, ascending
};

class Cluster {
 public:
  // At most kMostDevices devices a node, models below kMostModels.
  explicit Cluster(std::vector<NodeSpec> nodes);

  const std::vector<NodeSpec>& nodes() const { return nodes_; }
  // In thousandths of a device.
  int64_t device_capacity() const { return device_capacity_; }
  int64_t device_taken() const { return device_taken_; }

  const NodeState& state(StateId id) const { return states_[id]; }
  size_t state_count() const { return states_.size(); }
  StateId state_of(NodeId node) const { return live_[node].state; }
  int64_t memory_free(NodeId node) const { return live_[node].memory_free; }
  int32_t device_free(NodeId node, int32_t device) const {
    return live_[node].free[static_cast<size_t>(device)];
  }

  // The states that nodes are in, each with its nodes in order.
  using Groups = std::map<StateId, std::set<NodeId>>;
  const Groups& groups() const { return groups_; }
  // The first node of the state that has that much memory; null if none.
  const NodeId* FirstWith(const std::set<NodeId>& group, int64_t memory_mib) const;

  // The devices at positions [first, first + task.devices) of the node's state.
  std::vector<int32_t> DevicesAt(NodeId node, int first, int count) const;

  // kResourceExhausted, and nothing changed, if it does not fit.
  Status Take(const TaskShape& task, const Placement& where);
  // Undoes a Take with the same arguments.
  void Give(const TaskShape& task, const Placement& where);

 private:
  struct Live {
    int64_t cpu_free = 0;
    int64_t memory_free = 0;
    std::array<int16_t, kMostDevices> free{};
    StateId state = 0;
  };
  struct StateHash {
    size_t operator()(const NodeState& state) const;
  };

  StateId Intern(const NodeState& state);
  NodeState StateOf(NodeId node) const;
  void Regroup(NodeId node);
  void Add(const TaskShape& task, const Placement& where, int sign);

  std::vector<NodeSpec> nodes_;
  std::vector<Live> live_;
  std::vector<NodeState> states_;
  std::unordered_map<NodeState, StateId, StateHash> ids_;
  Groups groups_;
  int64_t device_capacity_ = 0;
  int64_t device_taken_ = 0;
};

}  // namespace flexai::placement
