// For how many tasks that may be remote there is room: bounds, and not a count as that of local tasks is
// (room.h), since members take from two nodes and from links.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include "placement/room.h"

namespace flexai::placement {

// Both sums over the nodes that the request allows. Of nodes that don't lend counts what fits locally, or
// nothing if the task must be remote.
struct HalvesRoom {
  int64_t devices = 0;
  int64_t cpu = 0;
};
HalvesRoom RoomForHalves(const Cluster& cluster, const Request& request);

// At most so many tasks fit, locally and remotely together; that of tasks that are never remote is exact.
// Fewer may fit where links or rules decide which halves go together. Counts up to `enough`.
int64_t RoomAtMost(const Cluster& cluster, const Request& request, int64_t enough = kPlenty);

}  // namespace flexai::placement
