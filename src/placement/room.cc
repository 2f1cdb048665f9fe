#include "placement/room.h"

#include <algorithm>

namespace flexai::placement {
namespace {

// The most tasks that devices can take if each task needs its share of `devices` different ones. With c[i] =
// shares that fit device i, k tasks fit exactly if the sum of min(c[i], k) is at least k * devices.
int64_t RoomOnDevices(const NodeState& state, const TaskShape& shape) {
  const auto fits = [&state, &shape](int64_t tasks) {
    int64_t shares = 0;
    for (int i = 0; i < state.devices; ++i) {
      shares += std::min<int64_t>(state.free[static_cast<size_t>(i)] / shape.share_milli, tasks);
    }
    return shares >= tasks * shape.devices;
  };
  int64_t room = 0;
  int64_t most = state.free_milli() / shape.device_milli();
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
  if (shape.device_milli() > 0) {
    room = std::min(room, RoomOnDevices(state, shape));
  }
  return room;
}

int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough) {
  int64_t room = 0;
  for (NodeId node = 0; node < cluster.nodes().size() && room < enough; ++node) {
    if (request.Allows(node)) {
      room += RoomIn(cluster.state_of_node(node), cluster.memory_free(node), request.shape);
    }
  }
  return std::min(room, enough);
}

}  // namespace flexai::placement
