#include "placement/remote_room.h"

#include <algorithm>

#include "placement/remote.h"

namespace flexai::placement {
namespace {

struct OfNode {
  int64_t devices = 0;
  int64_t cpu = 0;
  int64_t local = 0;
};

// Calls `function` with what each node that is allowed has room for.
template <typename Function>
void ForEachNode(const Cluster& cluster, const Request& request, Function function) {
  const TaskShape device_half = DeviceHalf(request.shape);
  const TaskShape cpu_half = CpuHalf(request.shape);
  const bool may_be_local = request.shape.remote != Remote::kOnly;
  for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
    if (!request.Allows(node)) {
      continue;
    }
    OfNode room;
    room.local = may_be_local ? RoomOn(cluster, node, request.shape) : 0;
    room.devices = cluster.nodes()[node].lends ? RoomOn(cluster, node, device_half) : room.local;
    room.cpu = RoomOn(cluster, node, cpu_half);
    function(room);
  }
}

// How many remote placements all links together can carry.
int64_t RoomOnLinks(const Links& links, int32_t mbit) {
  if (!links.described() || mbit == 0) {
    return kPlenty;
  }
  int64_t room = 0;
  for (size_t link = 0; link < links.size(); ++link) {
    room += links.free_mbit(link) / mbit;
  }
  return room;
}

}  // namespace

HalvesRoom RoomForHalves(const Cluster& cluster, const Request& request) {
  HalvesRoom room;
  ForEachNode(cluster, request, [&room](const OfNode& node) {
    room.devices += node.devices;
    room.cpu += node.cpu;
  });
  return room;
}

int64_t RoomAtMost(const Cluster& cluster, const Request& request, int64_t enough) {
  if (request.shape.remote == Remote::kNever || request.shape.devices == 0) {
    return RoomFor(cluster, request, enough);
  }
  HalvesRoom sum;
  int64_t local = 0;
  int64_t most_of_one = 0;
  ForEachNode(cluster, request, [&](const OfNode& node) {
    sum.devices += node.devices;
    sum.cpu += node.cpu;
    local += node.local;
    most_of_one = std::max(most_of_one, node.devices + node.cpu);
  });
  int64_t room = std::min(sum.devices, sum.cpu);
  if (request.shape.remote == Remote::kOnly) {
    // A task takes its devices or its CPU from other nodes than any given one.
    room = std::min(room, sum.devices + sum.cpu - most_of_one);
  }
  room = std::min(room, local + RoomOnLinks(cluster.links(), request.shape.link_mbit));
  return std::min(room, enough);
}

}  // namespace flexai::placement
