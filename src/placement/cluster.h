// The nodes of a cluster and what is taken of them.
//
// Nodes in equal states share the state's number, by which ratings are remembered; and a journal tells which
// nodes changed, so that what is derived from them is brought up to date and not made again. Nothing is ever
// over-allocated, links included: Take refuses what does not fit. Thread safety: one thread; a copy is a
// snapshot.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "placement/links.h"
#include "placement/node_set.h"
#include "placement/shape.h"

namespace flexai::placement {

struct NodeSpec {
  std::string name;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int32_t devices = 0;
  int32_t model = 0;
  bool lends = true;   // its devices may be used from other nodes
  int32_t domain = 0;  // of the network (links.h)
};

using StateId = uint32_t;  // dense; a state that no node has been in for a while loses its number to another

// Where a task runs. A remote placement has its devices on another node than its CPU and memory.
struct Placement {
  NodeId cpu_node = 0;
  NodeId device_node = 0;
  std::vector<int32_t> devices;  // numbers on device_node, ascending

  bool remote() const { return !devices.empty() && cpu_node != device_node; }
};

class Cluster {
 public:
  // At most kMostDevices devices a node, models below kMostModels, domains that the links know.
  explicit Cluster(std::vector<NodeSpec> nodes, Links links = {});

  const std::vector<NodeSpec>& nodes() const { return nodes_; }
  const Links& links() const { return links_; }
  // In thousandths of a device.
  int64_t device_capacity() const { return device_capacity_; }
  int64_t device_taken() const { return device_taken_; }

  const NodeState& state(StateId id) const { return states_[id].value; }
  // Tells apart the states that have had a number one after another.
  uint32_t serial(StateId id) const { return states_[id].serial; }
  size_t state_count() const { return states_.size(); }  // every StateId is below
  StateId state_of(NodeId node) const { return live_[node].state; }
  const NodeState& state_of_node(NodeId node) const { return state(state_of(node)); }
  int64_t memory_free(NodeId node) const { return live_[node].memory_free; }
  int32_t device_free(NodeId node, int32_t device) const {
    return live_[node].free[static_cast<size_t>(device)];
  }

  // How many changes there have been. A change is one node's; a task that comes or goes makes one or two.
  uint64_t version() const { return first_change_ + changes_.size(); }
  // The nodes that changed since then, some repeatedly; nothing if that is longer ago than is remembered,
  // which is as many changes as there are nodes.
  std::optional<std::span<const NodeId>> ChangesSince(uint64_t version) const;

  // The link of a remote placement: whether it has what the task reserves, and how long a round trip takes.
  bool Linked(NodeId cpu_node, NodeId device_node, int32_t mbit) const {
    return links_.HasRoom(nodes_[cpu_node].domain, nodes_[device_node].domain, mbit);
  }
  Nanos Latency(const Placement& where) const {
    return where.remote() ? links_.Latency(nodes_[where.cpu_node].domain, nodes_[where.device_node].domain)
                          : Nanos{};
  }

  // Whether the node alone has room for the task.
  bool Fits(NodeId node, const TaskShape& task) const {
    return memory_free(node) >= task.memory_mib && state_of_node(node).Fits(task);
  }
  // The devices at positions [first, first + task.devices) of the node's state.
  std::vector<int32_t> DevicesAt(NodeId node, int first, int count) const;

  // A remote placement reserves the task's bandwidth too. kResourceExhausted, and nothing changed, if it does
  // not fit; kInvalidArgument if it is not as the task asks, or the node of the devices does not lend them.
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

  struct State {
    NodeState value;
    uint32_t serial = 0;
    uint32_t nodes = 0;
  };

  StateId Intern(const NodeState& state);
  void ForgetDeadStates();
  NodeState StateOf(NodeId node) const;
  void Update(NodeId node);
  void Add(const TaskShape& task, const Placement& where, int sign);
  Status CheckRemote(const TaskShape& task, const Placement& where) const;

  std::vector<NodeSpec> nodes_;
  Links links_;
  std::vector<Live> live_;
  std::vector<State> states_;
  std::vector<StateId> unused_;  // numbers without a state
  size_t live_states_ = 0;       // with nodes
  uint32_t next_serial_ = 1;
  std::unordered_map<NodeState, StateId, StateHash> ids_;
  std::vector<NodeId> changes_;
  uint64_t first_change_ = 0;
  int64_t device_capacity_ = 0;
  int64_t device_taken_ = 0;
};

}  // namespace flexai::placement
