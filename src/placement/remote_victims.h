// Which running tasks to end or move for one that may be remote.
//
// Room on one node is tried first, unless the task must be remote; then room for the half that has none. If
// both have room but not together (links are full, or all of it is on one node), those go that are remote
// themselves, and at last all: who then still fits is to be brought back by the caller.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include "placement/victims.h"

namespace flexai::placement {

// One step: the caller takes the victims out, tries to place, and asks again if that fails. Positions in
// `candidates`, ascending; empty if none are left. Nothing if the halves of `needed` tasks have no room even
// without all candidates.
std::optional<std::vector<size_t>> ChooseRemoteVictims(const Cluster& cluster, const Request& request,
                                                       int64_t needed, std::span<const Evictable> candidates);
inline constexpr size_t kMostRemoteSteps = 5;  // for one role

}  // namespace flexai::placement
