// What a node has left, its devices by number: the books of a cluster, and of who tries what would be.
//
// Thread safety: a value.
#pragma once

#include <span>

#include "placement/shape.h"

namespace flexai::placement {

struct NodeFree {
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  std::array<int16_t, kMostDevices> share{};          // of each device
  std::array<int32_t, kMostDevices> device_memory{};  // MiB, of each device
  DeviceMask out_of_service = 0;                      // by number: nothing new may go there

  bool operator==(const NodeFree&) const = default;

  // A task takes (`sign` -1) or gives back (1) its CPU and memory, or what it has of these devices.
  void AddHost(const TaskShape& task, int sign);
  void AddDevices(const TaskShape& task, std::span<const int32_t> numbers, int sign);

  bool HasHost(const TaskShape& task) const {
    return cpu_milli >= task.cpu_milli && memory_mib >= task.memory_mib;
  }
  bool InService(int32_t number) const { return (out_of_service >> number & 1) == 0; }
  // In service or not.
  bool HasDevice(const TaskShape& task, int32_t number) const {
    const auto i = static_cast<size_t>(number);
    return share[i] >= task.share_milli && device_memory[i] >= task.device_memory_mib;
  }

  // The numbers of the devices in service, in the order of the state: states don't have others.
  struct Order {
    std::array<uint8_t, kMostDevices> number{};
    int count = 0;
  };
  Order DeviceOrder(int32_t devices) const;
  NodeState State(int32_t model, int32_t devices) const;
};

}  // namespace flexai::placement
