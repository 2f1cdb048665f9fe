// Which of a node's equal devices a task takes: those that are linked best.
//
// Devices in one link group (of NVLink, a PCIe switch or a NUMA node, as whoever describes the node likes)
// reach each other faster than others. Scores don't see groups: a task gets devices with as much left as the
// score wants, and among those with equally much left a set that lies in as few groups as possible; of such
// sets one from the groups that have the fewest such devices besides, so that groups with many stay whole.
// That is found by trying sets of groups, the small ones first: at most 2^16, and few in practice.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include "placement/shape.h"

namespace flexai::placement {

// The group of each device, below kMostDevices.
using LinkGroups = std::array<uint8_t, kMostDevices>;

// Positions of the state as good as `wanted`. `number` has the device at each position.
DeviceMask KeepTogether(const NodeState& state, DeviceMask wanted,
                        const std::array<uint8_t, kMostDevices>& number, const LinkGroups& groups);

}  // namespace flexai::placement
