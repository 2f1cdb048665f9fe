// How much of a node's idle device time typical tasks could not use.
//
// Source: Weng et al., USENIX ATC 2023, section 3: the expected fragment of a node, over tasks drawn by their
// popularity. For one task it is all that is idle if the task can't run on the node, because CPU, model or
// number of devices do not fit, and else what is idle on devices with less left than the task's share. A task
// without devices uses none of it.
#pragma once

#include <span>

#include "placement/demand.h"

namespace flexai::placement {

// In thousandths of a device.
double Fragmentation(const NodeState& node, std::span<const TypicalTask> typical);

}  // namespace flexai::placement
