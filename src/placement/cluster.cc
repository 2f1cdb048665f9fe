#include "placement/cluster.h"

#include <algorithm>
#include <cassert>
#include <functional>

namespace flexai::placement {
namespace {

// States without nodes that are remembered beside those with some: most come back soon.
constexpr size_t kDeadStates = 4096;

}  // namespace

size_t Cluster::StateHash::operator()(const NodeState& state) const {
  uint64_t hash = static_cast<uint64_t>(state.cpu_free) * 0x9e3779b97f4a7c15ull +
                  static_cast<uint64_t>(state.model * kMostDevices + state.devices);
  for (int i = 0; i < state.devices; ++i) {
    hash = (hash ^ static_cast<uint64_t>(state.free[static_cast<size_t>(i)])) * 0xbf58476d1ce4e5b9ull;
    hash ^= hash >> 29;
  }
  return hash;
}

Cluster::Cluster(std::vector<NodeSpec> nodes, Links links)
    : nodes_(std::move(nodes)), links_(std::move(links)), live_(nodes_.size()) {
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    const NodeSpec& spec = nodes_[node];
    assert(spec.devices >= 0 && spec.devices <= kMostDevices && spec.model >= 0 && spec.model < kMostModels);
    assert(!links_.described() || (spec.domain >= 0 && spec.domain < links_.domain_count()));
    Live& live = live_[node];
    live.cpu_free = spec.cpu_milli;
    live.memory_free = spec.memory_mib;
    std::fill_n(live.free.begin(), spec.devices, static_cast<int16_t>(kWholeDevice));
    live.state = Intern(StateOf(node));
    live_states_ += states_[live.state].nodes++ == 0 ? 1 : 0;
    device_capacity_ += int64_t{spec.devices} * kWholeDevice;
  }
}

NodeState Cluster::StateOf(NodeId node) const {
  const Live& live = live_[node];
  NodeState state{live.cpu_free, nodes_[node].model, nodes_[node].devices, live.free};
  std::sort(state.free.begin(), state.free.begin() + state.devices, std::greater<>());
  return state;
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

std::vector<int32_t> Cluster::DevicesAt(NodeId node, int first, int count) const {
  std::vector<int32_t> order(static_cast<size_t>(nodes_[node].devices));
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<int32_t>(i);
  }
  const auto& free = live_[node].free;
  std::stable_sort(order.begin(), order.end(), [&free](int32_t a, int32_t b) {
    return free[static_cast<size_t>(a)] > free[static_cast<size_t>(b)];
  });
  std::vector<int32_t> devices(order.begin() + first, order.begin() + first + count);
  std::sort(devices.begin(), devices.end());
  return devices;
}

Status Cluster::Take(const TaskShape& task, const Placement& where) {
  const Live& cpu = live_[where.cpu_node];
  const Live& device = live_[where.device_node];
  if (cpu.cpu_free < task.cpu_milli || cpu.memory_free < task.memory_mib) {
    return ResourceExhausted("node " + nodes_[where.cpu_node].name + " has too little CPU or memory left");
  }
  if (where.devices.size() != static_cast<size_t>(task.devices) ||
      (task.devices > 0 && (task.models & OneModel(nodes_[where.device_node].model)) == 0)) {
    return InvalidArgument("the devices on node " + nodes_[where.device_node].name +
                           " are not what was asked for");
  }
  int32_t previous = -1;
  for (const int32_t number : where.devices) {
    if (number <= previous || number >= nodes_[where.device_node].devices) {
      return InvalidArgument("node " + nodes_[where.device_node].name + " has no such devices");
    }
    if (device.free[static_cast<size_t>(number)] < task.share_milli) {
      return ResourceExhausted("a device of node " + nodes_[where.device_node].name + " has too little left");
    }
    previous = number;
  }
  FLEXAI_RETURN_IF_ERROR(CheckRemote(task, where));
  if (where.remote()) {
    FLEXAI_RETURN_IF_ERROR(
        links_.Take(nodes_[where.cpu_node].domain, nodes_[where.device_node].domain, task.link_mbit));
  }
  Add(task, where, -1);
  return {};
}

Status Cluster::CheckRemote(const TaskShape& task, const Placement& where) const {
  const std::string& node = nodes_[where.device_node].name;
  if (where.remote() ? task.remote == Remote::kNever : task.remote == Remote::kOnly) {
    return InvalidArgument(where.remote()
                               ? "the devices are on node " + node + ", and the task may not be remote"
                               : "the devices are on node " + node + " itself, and the task must be remote");
  }
  if (where.remote() && !nodes_[where.device_node].lends) {
    return InvalidArgument("node " + node + " does not lend its devices to other nodes");
  }
  return {};
}

void Cluster::Give(const TaskShape& task, const Placement& where) {
  if (where.remote()) {
    links_.Give(nodes_[where.cpu_node].domain, nodes_[where.device_node].domain, task.link_mbit);
  }
  Add(task, where, 1);
}

void Cluster::Add(const TaskShape& task, const Placement& where, int sign) {
  live_[where.cpu_node].cpu_free += sign * task.cpu_milli;
  live_[where.cpu_node].memory_free += sign * task.memory_mib;
  for (const int32_t number : where.devices) {
    live_[where.device_node].free[static_cast<size_t>(number)] +=
        static_cast<int16_t>(sign * task.share_milli);
  }
  device_taken_ -= sign * task.device_milli();
  Update(where.cpu_node);
  if (where.device_node != where.cpu_node) {
    Update(where.device_node);
  }
}

}  // namespace flexai::placement
