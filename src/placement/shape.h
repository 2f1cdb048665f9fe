// What a task asks for, what it takes, and what a node has left, in the units that placement scores are made
// of.
//
// A share of a device is counted in thousandths of it (milli), CPU in thousandths of a core, memory of nodes
// and devices in MiB.
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

// Some of a node's devices, by their position in its state if nothing else is said; the first in the lowest
// bit.
using DeviceMask = uint16_t;
static_assert(kMostDevices <= 16);

// Tasks with equal shapes are the same to every score.
struct TaskShape {
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int32_t devices = 0;      // how many
  int32_t share_milli = 0;  // of each of them; kWholeDevice: all of it
  ModelSet models = kAnyModel;
  int32_t device_memory_mib = 0;  // of each of the devices

  int64_t device_milli() const { return int64_t{devices} * share_milli; }
  auto operator<=>(const TaskShape&) const = default;
};

// In what a device hands out its share and its memory, as one that is cut into fixed partitions does: what is
// asked for is rounded up to whole steps, of the share to the whole device at most.
struct DeviceSteps {
  int32_t share_milli = 1;
  int32_t memory_mib = 1;

  // What the task takes there.
  TaskShape Taken(TaskShape task) const;
  bool operator==(const DeviceSteps&) const = default;
};

// What of a node the scores look at. Nodes in equal states are the same to every score, and few states are
// ever alive: hence the devices have no identity here, they are sorted by the share that is free on them,
// then by the memory, most first.
struct NodeState {
  int64_t cpu_free = 0;
  int32_t model = 0;
  int32_t devices = 0;
  std::array<int16_t, kMostDevices> free{};    // share of each
  std::array<int32_t, kMostDevices> memory{};  // MiB free on each; zeros where it is not modelled

  bool operator==(const NodeState&) const = default;

  int64_t free_milli() const {
    int64_t sum = 0;
    for (int i = 0; i < devices; ++i) {
      sum += free[static_cast<size_t>(i)];
    }
    return sum;
  }
  bool SameDevices(size_t a, size_t b) const { return free[a] == free[b] && memory[a] == memory[b]; }
  // The devices that have what the task wants of each.
  DeviceMask FittingDevices(const TaskShape& task) const {
    unsigned fitting = 0;
    for (size_t i = 0; i < static_cast<size_t>(devices) && free[i] >= task.share_milli; ++i) {
      fitting |= static_cast<unsigned>(memory[i] >= task.device_memory_mib) << i;
    }
    return static_cast<DeviceMask>(fitting);
  }
  bool HasDevices(const TaskShape& task) const {
    int missing = task.devices;
    for (size_t i = 0; missing > 0 && i < static_cast<size_t>(devices) && free[i] >= task.share_milli; ++i) {
      missing -= memory[i] >= task.device_memory_mib ? 1 : 0;
    }
    return missing <= 0;
  }
  // But for memory of the node, which states leave out: it hardly ever decides, and would make nearly all
  // states differ.
  bool Fits(const TaskShape& task) const {
    return cpu_free >= task.cpu_milli &&
           (task.devices == 0 || ((task.models & OneModel(model)) != 0 && HasDevices(task)));
  }
  // The state after the task took what it wants of these devices, which have it.
  NodeState After(const TaskShape& task, DeviceMask taken) const;
};

// The first, and the last, `count` of the devices in a mask that has as many.
DeviceMask FirstDevices(DeviceMask of, int count);
DeviceMask LastDevices(DeviceMask of, int count);

}  // namespace flexai::placement
