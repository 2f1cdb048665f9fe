#include "placement/cluster.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace flexai::placement {
namespace {

// States without nodes that are remembered beside those with some: most come back soon.
constexpr size_t kDeadStates = 4096;

}  // namespace

NodeFree EmptyNode(const NodeSpec& spec) {
  NodeFree free;
  free.cpu_milli = spec.cpu_milli;
  free.memory_mib = spec.memory_mib;
  std::fill_n(free.share.begin(), spec.devices, static_cast<int16_t>(kWholeDevice));
  std::fill_n(free.device_memory.begin(), spec.devices, spec.device_memory_mib);
  return free;
}

size_t Cluster::StateHash::operator()(const NodeState& state) const {
  uint64_t hash = static_cast<uint64_t>(state.cpu_free) * 0x9e3779b97f4a7c15ull +
                  static_cast<uint64_t>(state.model * kMostDevices + state.devices);
  for (int i = 0; i < state.devices; ++i) {
    const auto at = static_cast<size_t>(i);
    const uint64_t device = static_cast<uint64_t>(state.free[at]) ^ static_cast<uint64_t>(state.memory[at])
                                                                        << 16;
    hash = (hash ^ device) * 0xbf58476d1ce4e5b9ull;
    hash ^= hash >> 29;
  }
  return hash;
}

Cluster::Cluster(std::vector<NodeSpec> nodes) : nodes_(std::move(nodes)), live_(nodes_.size()) {
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    const NodeSpec& spec = nodes_[node];
    assert(spec.devices >= 0 && spec.devices <= kMostDevices && spec.model >= 0 && spec.model < kMostModels);
    DeviceSteps& steps = steps_[static_cast<size_t>(spec.model)];
    assert(spec.devices == 0 || steps == DeviceSteps() || steps == spec.steps);
    steps = spec.devices > 0 ? spec.steps : steps;
    Live& live = live_[node];
    live.free = EmptyNode(spec);
    live.state = Intern(StateOf(node));
    live_states_ += states_[live.state].nodes++ == 0 ? 1 : 0;
    device_capacity_ += int64_t{spec.devices} * kWholeDevice;
  }
}

NodeState Cluster::StateOf(NodeId node) const {
  return live_[node].free.State(nodes_[node].model, nodes_[node].devices);
}

StateId Cluster::Intern(const NodeState& state) {
  const auto [entry, is_new] = ids_.try_emplace(state, 0);
  if (is_new) {
    if (unused_.empty()) {
      entry->second = static_cast<StateId>(states_.size());
      states_.emplace_back();
    } else {
      entry->second = unused_.back();
      unused_.pop_back();
    }
    states_[entry->second] = {state, next_serial_++, 0};
  }
  return entry->second;
}

void Cluster::ForgetDeadStates() {
  for (auto entry = ids_.begin(); entry != ids_.end();) {
    if (states_[entry->second].nodes > 0) {
      ++entry;
      continue;
    }
    states_[entry->second].serial = 0;
    unused_.push_back(entry->second);
    entry = ids_.erase(entry);
  }
  // The lowest numbers first, whatever the order of the map.
  std::sort(unused_.begin(), unused_.end(), std::greater<>());
}

void Cluster::Update(NodeId node) {
  const StateId before = live_[node].state;
  const StateId after = Intern(StateOf(node));
  live_states_ += states_[after].nodes++ == 0 ? 1 : 0;
  live_states_ -= --states_[before].nodes == 0 ? 1 : 0;
  live_[node].state = after;
  if (ids_.size() > 2 * live_states_ + kDeadStates) {
    ForgetDeadStates();
  }
  if (changes_.size() >= 2 * nodes_.size()) {
    changes_.erase(changes_.begin(), changes_.begin() + static_cast<ptrdiff_t>(nodes_.size()));
    first_change_ += nodes_.size();
  }
  changes_.push_back(node);
}

std::optional<std::span<const NodeId>> Cluster::ChangesSince(uint64_t version) const {
  if (version < first_change_ || version > this->version()) {
    return std::nullopt;
  }
  return std::span(changes_).subspan(version - first_change_);
}

std::vector<int32_t> Cluster::DevicesAt(NodeId node, DeviceMask positions) const {
  const NodeFree::Order order = live_[node].free.DeviceOrder(nodes_[node].devices);
  const DeviceMask kept = KeepTogether(state_of_node(node), positions, order.number, nodes_[node].groups);
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
  DeviceMask& out = live_[node].free.out_of_service;
  const unsigned after = in_service ? out & ~bit : out | bit;
  if (out != after) {
    out = static_cast<DeviceMask>(after);
    Update(node);
  }
}

Status Cluster::Take(const TaskShape& task, const Placement& where) {
  const NodeFree& device_node = live_[where.device_node].free;
  if (!live_[where.cpu_node].free.HasHost(task)) {
    return ResourceExhausted("node " + nodes_[where.cpu_node].name + " has too little CPU or memory left");
  }
  if (where.devices.size() != static_cast<size_t>(task.devices) ||
      (task.devices > 0 && (task.models & OneModel(nodes_[where.device_node].model)) == 0)) {
    return InvalidArgument("the devices on node " + nodes_[where.device_node].name +
                           " are not what was asked for");
  }
  const TaskShape taken = TakenOn(where.device_node, task);
  int32_t previous = -1;
  for (const int32_t number : where.devices) {
    if (number <= previous || number >= nodes_[where.device_node].devices) {
      return InvalidArgument("node " + nodes_[where.device_node].name + " has no such devices");
    }
    if (!device_node.HasDevice(taken, number)) {
      return ResourceExhausted("a device of node " + nodes_[where.device_node].name + " has too little left");
    }
    previous = number;
  }
  Add(task, where, -1);
  return {};
}

void Cluster::Give(const TaskShape& task, const Placement& where) { Add(task, where, 1); }

void Cluster::Add(const TaskShape& task, const Placement& where, int sign) {
  const TaskShape taken = TakenOn(where.device_node, task);
  live_[where.cpu_node].free.AddHost(task, sign);
  live_[where.device_node].free.AddDevices(taken, where.devices, sign);
  device_taken_ -= sign * taken.device_milli();
  Update(where.cpu_node);
  if (where.device_node != where.cpu_node) {
    Update(where.device_node);
  }
}

}  // namespace flexai::placement
