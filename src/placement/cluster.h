// The nodes of a cluster and what is taken of them.
//
// Nodes in equal states share the state's number, by which ratings are remembered; and a journal tells which
// nodes changed, so that what is derived from them is brought up to date and not made again. Nothing is ever
// over-allocated, links between nodes included: Take refuses what does not fit. Devices may be out of
// service; they are in no state, so that no score or count sees them, and what they hold stays booked. A copy
// is a snapshot: it shares what neither has changed since, and costs little. Thread safety: one thread for
// each copy.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "placement/link_groups.h"
#include "placement/links.h"
#include "placement/node_free.h"
#include "placement/node_set.h"
#include "placement/shape.h"
#include "placement/shared_vector.h"

namespace flexai::placement {

struct NodeSpec {
  std::string name;
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int32_t devices = 0;
  int32_t model = 0;              // of all its devices
  int32_t device_memory_mib = 0;  // of each device; 0: not modelled, and tasks that ask for some don't fit
  DeviceSteps steps;              // of all devices of that model, whichever node they are in
  LinkGroups groups{};            // by number of the device; at first all in one
  bool lends = true;              // its devices may be used from other nodes
  int32_t domain = 0;             // of the network (links.h)
};

// Nothing of it is taken.
NodeFree EmptyNode(const NodeSpec& spec);

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
  // At most kMostDevices devices a node, models below kMostModels; all devices of a node are of one model.
  // Domains are those that the links know.
  explicit Cluster(std::vector<NodeSpec> nodes, Links links = {});
  // The same nodes and links with nothing taken and all devices in service.
  Cluster Idle() const { return Cluster(nodes_, links_.Idle()); }

  const std::vector<NodeSpec>& nodes() const { return *nodes_; }
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
  int64_t memory_free(NodeId node) const { return live_[node].free.memory_mib; }
  int32_t device_free(NodeId node, int32_t device) const {
    return live_[node].free.share[static_cast<size_t>(device)];
  }
  // What the node has left, its devices by number.
  const NodeFree& node_free(NodeId node) const { return live_[node].free; }

  // How many changes there have been. A change is one node's; a task that comes or goes makes one or two.
  uint64_t version() const { return journal_.first + journal_.changes.size(); }
  // The nodes that changed since then, some repeatedly; nothing if that is longer ago than is remembered,
  // which is as many changes as there are nodes.
  std::optional<std::span<const NodeId>> ChangesSince(uint64_t version) const;

  // What the task takes on devices of that model. Wherever states and amounts are compared with what is asked
  // for, it is with this.
  TaskShape Taken(const TaskShape& task, int32_t model) const {
    const DeviceSteps& steps = steps_[static_cast<size_t>(model)];
    return steps == DeviceSteps() ? task : steps.Taken(task);
  }
  TaskShape TakenOn(NodeId node, const TaskShape& task) const { return Taken(task, nodes()[node].model); }

  // The link of a remote placement: whether it has what the task reserves, and how long a round trip takes.
  bool Linked(NodeId cpu_node, NodeId device_node, int32_t mbit) const {
    return links_.HasRoom(nodes()[cpu_node].domain, nodes()[device_node].domain, mbit);
  }
  Nanos Latency(const Placement& where) const {
    return where.remote() ? links_.Latency(nodes()[where.cpu_node].domain, nodes()[where.device_node].domain)
                          : Nanos{};
  }

  // Whether the node alone has room for the task.
  bool Fits(NodeId node, const TaskShape& task) const {
    return memory_free(node) >= task.memory_mib && state_of_node(node).Fits(TakenOn(node, task));
  }
  // The devices at these positions of the node's state; of equal ones those that keep together
  // (link_groups.h).
  std::vector<int32_t> DevicesAt(NodeId node, DeviceMask positions) const;

  // Whether new tasks may go to the device; at first they may. Capacities count it either way.
  void SetInService(NodeId node, int32_t device, bool in_service);
  bool InService(NodeId node, int32_t device) const { return live_[node].free.InService(device); }

  // A remote placement reserves the task's bandwidth too. kResourceExhausted, and nothing changed, if it does
  // not fit; kInvalidArgument if it is not as the task asks, or the node of the devices does not lend them.
  // That it goes to devices in service is up to who chose the place: what runs on others already is taken as
  // well.
  Status Take(const TaskShape& task, const Placement& where);
  // Undoes a Take with the same arguments.
  void Give(const TaskShape& task, const Placement& where);

 private:
  struct Live {
    NodeFree free;
    StateId state = 0;
  };
  struct State {
    NodeState value;
    uint32_t serial = 0;
    uint32_t nodes = 0;
  };

  // The nodes that changed, from change number `first` on. Nobody has asked a copy about changes before it.
  struct Journal {
    Journal() = default;
    Journal(const Journal& other) : first(other.first + other.changes.size()) {}
    Journal(Journal&&) = default;
    Journal& operator=(const Journal& other) { return *this = Journal(other); }
    Journal& operator=(Journal&&) = default;

    std::vector<NodeId> changes;
    uint64_t first = 0;
  };
  static constexpr StateId kNoState = ~StateId{0};

  Cluster(std::shared_ptr<const std::vector<NodeSpec>> nodes, Links links);

  const NodeSpec& spec(NodeId node) const { return (*nodes_)[node]; }
  size_t SlotOf(const NodeState& state) const;
  void Reindex(size_t slots);
  StateId Intern(const NodeState& state);
  void ForgetDeadStates();
  NodeState StateOf(NodeId node) const;
  void Update(NodeId node);
  void Add(const TaskShape& task, const Placement& where, int sign);
  Status CheckRemote(const TaskShape& task, const Placement& where) const;

  std::shared_ptr<const std::vector<NodeSpec>> nodes_;
  Links links_;
  std::array<DeviceSteps, kMostModels> steps_;  // by model
  SharedVector<Live> live_;
  SharedVector<State> states_;
  SharedVector<StateId, 1024> index_;  // the states by their hash: open addressing, at most half full
  size_t known_states_ = 0;            // in the index
  std::vector<StateId> unused_;        // numbers without a state
  size_t live_states_ = 0;             // with nodes
  uint32_t next_serial_ = 1;
  Journal journal_;
  int64_t device_capacity_ = 0;
  int64_t device_taken_ = 0;
};

}  // namespace flexai::placement
