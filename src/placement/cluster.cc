#include "placement/cluster.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace flexai::placement {
namespace {

// States without nodes that are remembered beside those with some: most come back soon.
constexpr size_t kDeadStates = 4096;

uint64_t HashOf(const NodeState& state) {
  uint64_t hash = static_cast<uint64_t>(state.cpu_free) * 0x9e3779b97f4a7c15ull +
                  static_cast<uint64_t>(state.model * kMostDevices + state.devices);
  for (int i = 0; i < state.devices; ++i) {
    const auto at = static_cast<size_t>(i);
    const uint64_t device = static_cast<uint64_t>(state.free[at]) ^ static_cast<uint64_t>(state.memory[at])
                                                                        << 16;
    hash = (hash ^ device) * 0xbf58476d1ce4e5b9ull;
    hash ^= hash >> 29;
  }
  return hash ^ hash >> 32;  // the index looks at the low bits
}

}  // namespace

NodeFree EmptyNode(const NodeSpec& spec) {
  NodeFree free;
  free.cpu_milli = spec.cpu_milli;
  free.memory_mib = spec.memory_mib;
  std::fill_n(free.share.begin(), spec.devices, static_cast<int16_t>(kWholeDevice));
  std::fill_n(free.device_memory.begin(), spec.devices, spec.device_memory_mib);
  return free;
}

Cluster::Cluster(std::vector<NodeSpec> nodes, Links links)
    : Cluster(std::make_shared<const std::vector<NodeSpec>>(std::move(nodes)), std::move(links)) {}

Cluster::Cluster(std::shared_ptr<const std::vector<NodeSpec>> nodes, Links links)
    : nodes_(std::move(nodes)), links_(std::move(links)) {
  Reindex(64);
  for (const NodeSpec& spec : *nodes_) {
    assert(spec.devices >= 0 && spec.devices <= kMostDevices && spec.model >= 0 && spec.model < kMostModels);
    assert(!links_.described() || (spec.domain >= 0 && spec.domain < links_.domain_count()));
    DeviceSteps& steps = steps_[static_cast<size_t>(spec.model)];
    assert(spec.devices == 0 || steps == DeviceSteps() || steps == spec.steps);
    steps = spec.devices > 0 ? spec.steps : steps;
    Live live;
    live.free = EmptyNode(spec);
    live.state = Intern(live.free.State(spec.model, spec.devices));
    live_.PushBack(live);
    live_states_ += states_.Mutable(live.state).nodes++ == 0 ? 1 : 0;
    device_capacity_ += int64_t{spec.devices} * kWholeDevice;
  }
}

NodeState Cluster::StateOf(NodeId node) const {
  return live_[node].free.State(spec(node).model, spec(node).devices);
}

// Where the state is in the index, or where it would be.
size_t Cluster::SlotOf(const NodeState& state) const {
  const size_t mask = index_.size() - 1;
  size_t slot = HashOf(state) & mask;
  while (index_[slot] != kNoState && !(states_[index_[slot]].value == state)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void Cluster::Reindex(size_t slots) {
  index_ = {};
  for (size_t slot = 0; slot < slots; ++slot) {
    index_.PushBack(kNoState);
  }
  known_states_ = 0;
  for (StateId id = 0; id < states_.size(); ++id) {
    if (states_[id].serial != 0) {
      index_.Mutable(SlotOf(states_[id].value)) = id;
      ++known_states_;
    }
  }
}

StateId Cluster::Intern(const NodeState& state) {
  const size_t slot = SlotOf(state);
  if (index_[slot] != kNoState) {
    return index_[slot];
  }
  StateId id = 0;
  if (unused_.empty()) {
    id = static_cast<StateId>(states_.size());
    states_.PushBack({state, next_serial_++, 0});
  } else {
    id = unused_.back();
    unused_.pop_back();
    states_.Mutable(id) = {state, next_serial_++, 0};
  }
  index_.Mutable(slot) = id;
  if (++known_states_ * 2 > index_.size()) {
    Reindex(2 * index_.size());
  }
  return id;
}

void Cluster::ForgetDeadStates() {
  for (StateId id = 0; id < states_.size(); ++id) {
    if (states_[id].serial != 0 && states_[id].nodes == 0) {
      states_.Mutable(id).serial = 0;
      unused_.push_back(id);
    }
  }
  // The lowest numbers first.
  std::sort(unused_.begin(), unused_.end(), std::greater<>());
  Reindex(index_.size());
}

void Cluster::Update(NodeId node) {
  const StateId before = live_[node].state;
  const StateId after = Intern(StateOf(node));
  if (after != before) {
    live_states_ += states_.Mutable(after).nodes++ == 0 ? 1 : 0;
    live_states_ -= --states_.Mutable(before).nodes == 0 ? 1 : 0;
    live_.Mutable(node).state = after;
  }
  if (known_states_ > 2 * live_states_ + kDeadStates) {
    ForgetDeadStates();
  }
  std::vector<NodeId>& changes = journal_.changes;
  if (const size_t nodes = nodes_->size(); changes.size() >= 2 * nodes) {
    changes.erase(changes.begin(), changes.begin() + static_cast<ptrdiff_t>(nodes));
    journal_.first += nodes;
  }
  changes.push_back(node);
}

std::optional<std::span<const NodeId>> Cluster::ChangesSince(uint64_t version) const {
  if (version < journal_.first || version > this->version()) {
    return std::nullopt;
  }
  return std::span(journal_.changes).subspan(version - journal_.first);
}

std::vector<int32_t> Cluster::DevicesAt(NodeId node, DeviceMask positions) const {
  const NodeFree::Order order = live_[node].free.DeviceOrder(spec(node).devices);
  const DeviceMask kept = KeepTogether(state_of_node(node), positions, order.number, spec(node).groups);
  std::vector<int32_t> devices;
  for (size_t i = 0; i < static_cast<size_t>(order.count); ++i) {
    if ((kept >> i & 1) != 0) {
      devices.push_back(order.number[i]);
    }
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}

void Cluster::SetInService(NodeId node, int32_t device, bool in_service) {
  const unsigned bit = 1u << device;
  DeviceMask& out = live_.Mutable(node).free.out_of_service;
  const unsigned after = in_service ? out & ~bit : out | bit;
  if (out != after) {
    out = static_cast<DeviceMask>(after);
    Update(node);
  }
}

Status Cluster::Take(const TaskShape& task, const Placement& where) {
  const NodeFree& device_node = live_[where.device_node].free;
  if (!live_[where.cpu_node].free.HasHost(task)) {
    return ResourceExhausted("node " + spec(where.cpu_node).name + " has too little CPU or memory left");
  }
  if (where.devices.size() != static_cast<size_t>(task.devices) ||
      (task.devices > 0 && (task.models & OneModel(spec(where.device_node).model)) == 0)) {
    return InvalidArgument("the devices on node " + spec(where.device_node).name +
                           " are not what was asked for");
  }
  const TaskShape taken = TakenOn(where.device_node, task);
  int32_t previous = -1;
  for (const int32_t number : where.devices) {
    if (number <= previous || number >= spec(where.device_node).devices) {
      return InvalidArgument("node " + spec(where.device_node).name + " has no such devices");
    }
    if (!device_node.HasDevice(taken, number)) {
      return ResourceExhausted("a device of node " + spec(where.device_node).name + " has too little left");
    }
    previous = number;
  }
  FLEXAI_RETURN_IF_ERROR(CheckRemote(task, where));
  if (where.remote()) {
    FLEXAI_RETURN_IF_ERROR(
        links_.Take(spec(where.cpu_node).domain, spec(where.device_node).domain, task.link_mbit));
  }
  Add(task, where, -1);
  return {};
}

Status Cluster::CheckRemote(const TaskShape& task, const Placement& where) const {
  const std::string& node = spec(where.device_node).name;
  if (where.remote() ? task.remote == Remote::kNever : task.remote == Remote::kOnly) {
    return InvalidArgument(where.remote()
                               ? "the devices are on node " + node + ", and the task may not be remote"
                               : "the devices are on node " + node + " itself, and the task must be remote");
  }
  if (where.remote() && !spec(where.device_node).lends) {
    return InvalidArgument("node " + node + " does not lend its devices to other nodes");
  }
  return {};
}

void Cluster::Give(const TaskShape& task, const Placement& where) {
  if (where.remote()) {
    links_.Give(spec(where.cpu_node).domain, spec(where.device_node).domain, task.link_mbit);
  }
  Add(task, where, 1);
}

void Cluster::Add(const TaskShape& task, const Placement& where, int sign) {
  const TaskShape taken = TakenOn(where.device_node, task);
  live_.Mutable(where.cpu_node).free.AddHost(task, sign);
  live_.Mutable(where.device_node).free.AddDevices(taken, where.devices, sign);
  device_taken_ -= sign * taken.device_milli();
  Update(where.cpu_node);
  if (where.device_node != where.cpu_node) {
    Update(where.device_node);
  }
}

}  // namespace flexai::placement
