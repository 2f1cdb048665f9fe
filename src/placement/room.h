// How many tasks of one shape there is room for, by counting.
//
// Tasks of one shape on different nodes don't get into each other's way, so the room of a cluster is the sum
// over its nodes; that a gang of identical members can't be placed is thus proven as fast as that it can.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include "placement/cluster.h"
#include "placement/policy.h"

namespace flexai::placement {

// What counts as endless, for tasks that ask for nothing.
inline constexpr int64_t kPlenty = int64_t{1} << 32;

// On one node, whose memory is given beside the state; `shape` is what a task takes there. A task takes its
// share and memory of `shape.devices` different devices; as many go as can when each takes the devices on
// which the most of them have room.
int64_t RoomIn(const NodeState& state, int64_t memory_free, const TaskShape& shape);

// On a node of a cluster.
int64_t RoomOn(const Cluster& cluster, NodeId node, const TaskShape& shape);

// Those devices, for a task that fits.
DeviceMask RoomiestDevices(const NodeState& state, const TaskShape& shape);

// On all nodes that the request allows; stops counting at `enough`.
int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough = kPlenty);

}  // namespace flexai::placement
