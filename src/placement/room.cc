#include "placement/room.h"

#include <algorithm>
#include <numeric>

namespace flexai::placement {
namespace {

// How many tasks have room on the device at that position.
int64_t SharesOn(const NodeState& state, const TaskShape& shape, size_t position) {
  int64_t shares = kPlenty;
  if (shape.share_milli > 0) {
    shares = state.free[position] / shape.share_milli;
  }
  if (shape.device_memory_mib > 0) {
    shares = std::min<int64_t>(shares, state.memory[position] / shape.device_memory_mib);
  }
  return shares;
}

// The most tasks that devices can take if each task needs its share of `devices` different ones. With c[i] =
// shares that fit device i, k tasks fit exactly if the sum of min(c[i], k) is at least k * devices.
int64_t RoomOnDevices(const NodeState& state, const TaskShape& shape) {
  std::array<int64_t, kMostDevices> shares_on{};
  int64_t all = 0;
  for (size_t i = 0; i < static_cast<size_t>(state.devices); ++i) {
    shares_on[i] = SharesOn(state, shape, i);
    all += shares_on[i];
  }
  const auto fits = [&shares_on, &shape](int64_t tasks) {
    int64_t shares = 0;
    for (const int64_t on : shares_on) {
      shares += std::min(on, tasks);
    }
    return shares >= tasks * shape.devices;
  };
  int64_t room = 0;
  int64_t most = all / shape.devices;
  while (room < most) {
    const int64_t middle = (room + most + 1) / 2;
    if (fits(middle)) {
      room = middle;
    } else {
      most = middle - 1;
    }
  }
  return room;
}

}  // namespace

DeviceMask RoomiestDevices(const NodeState& state, const TaskShape& shape) {
  std::array<size_t, kMostDevices> order{};
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.begin() + state.devices,
                   [&](size_t a, size_t b) { return SharesOn(state, shape, a) > SharesOn(state, shape, b); });
  unsigned roomiest = 0;
  for (size_t i = 0; i < static_cast<size_t>(shape.devices); ++i) {
    roomiest |= 1u << order[i];
  }
  return static_cast<DeviceMask>(roomiest);
}

int64_t RoomIn(const NodeState& state, int64_t memory_free, const TaskShape& shape) {
  if (memory_free < shape.memory_mib || !state.Fits(shape)) {
    return 0;
  }
  int64_t room = kPlenty;
  if (shape.cpu_milli > 0) {
    room = std::min(room, state.cpu_free / shape.cpu_milli);
  }
  if (shape.memory_mib > 0) {
    room = std::min(room, memory_free / shape.memory_mib);
  }
  if (shape.devices > 0) {
    room = std::min(room, RoomOnDevices(state, shape));
  }
  return room;
}

int64_t RoomOn(const Cluster& cluster, NodeId node, const TaskShape& shape) {
  return RoomIn(cluster.state_of_node(node), cluster.memory_free(node), cluster.TakenOn(node, shape));
}

int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough) {
  int64_t room = 0;
  for (NodeId node = 0; node < cluster.nodes().size() && room < enough; ++node) {
    if (request.Allows(node)) {
      room += RoomOn(cluster, node, request.shape);
    }
  }
  return std::min(room, enough);
}

}  // namespace flexai::placement
