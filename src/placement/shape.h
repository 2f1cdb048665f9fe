// What a task asks for and what a node has left, in the units that placement scores are made of.
//
// A share of a device is counted in thousandths of it (milli), CPU in thousandths of a core, memory in MiB.
// Thread safety: values.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>

namespace flexai::placement {

inline constexpr int32_t kWholeDevice = 1000;
inline constexpr int kMostDevices = 16;  // of one node
inline constexpr int kMostModels = 64;   // of one cluster

// A set of device models; models are numbered by whoever describes the cluster.
using ModelSet = uint64_t;
inline constexpr ModelSet kAnyModel = ~ModelSet{0};
constexpr ModelSet OneModel(int model) { return ModelSet{1} << model; }

// Whether a task's devices may be on another node than its CPU and memory.
enum class Remote : uint8_t { kNever, kAllowed, kOnly };

// Tasks with equal shapes are the same to every score.
struct TaskShape {
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int32_t devices = 0;      // how many
  int32_t share_milli = 0;  // of each of them; kWholeDevice: all of it
  ModelSet models = kAnyModel;
  Remote remote = Remote::kNever;
  int32_t link_mbit = 0;  // that it reserves between its two nodes if it is placed remotely

  int64_t device_milli() const { return int64_t{devices} * share_milli; }
  auto operator<=>(const TaskShape&) const = default;
};

// What of a node the scores look at. Nodes in equal states are the same to every score, and few states are
// ever alive: hence the devices have no identity here, they are sorted by what is free on them, most first.
struct NodeState {
  int64_t cpu_free = 0;
  int32_t model = 0;
  int32_t devices = 0;
  std::array<int16_t, kMostDevices> free{};

  bool operator==(const NodeState&) const = default;

  int64_t free_milli() const {
    int64_t sum = 0;
    for (int i = 0; i < devices; ++i) {
      sum += free[static_cast<size_t>(i)];
    }
    return sum;
  }
  // How many devices have at least that much free.
  int CountWith(int32_t share_milli) const {
    int count = 0;
    while (count < devices && free[static_cast<size_t>(count)] >= share_milli) {
      ++count;
    }
    return count;
  }
  // But for memory, which states leave out: it hardly ever decides, and would make nearly all states differ.
  bool Fits(const TaskShape& task) const {
    return cpu_free >= task.cpu_milli && (task.devices == 0 || ((task.models & OneModel(model)) != 0 &&
                                                                CountWith(task.share_milli) >= task.devices));
  }
  // The state after `task` took its share of the devices at positions [first, first + task.devices).
  NodeState After(const TaskShape& task, int first) const;
};

}  // namespace flexai::placement
