// Which running tasks to end or move so that others get room: a set that costs little.
//
// For each node the cheapest candidates are found that make room for one task more there; the cheapest node
// gives first, until there is enough. A candidate with parts on several nodes makes room on all of them at
// once. Candidates of lower priority go before any of higher. This is a greedy choice, not the optimum; but
// if it finds nothing, all candidates together don't make enough room.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "placement/cluster.h"
#include "placement/policy.h"

namespace flexai::placement {

// What is ended or moved as a whole: a task, a gang, or a member that its gang can do without.
struct Evictable {
  struct Part {
    TaskShape shape;
    Placement where;
  };
  int32_t priority = 0;
  double cost = 0;  // not negative, in any unit
  std::span<const Part> parts;  // of whoever runs it
};

// Positions in `candidates`, ascending, without which at least `needed` tasks of the request fit. Empty if
// there is room already; nothing if not even without all.
std::optional<std::vector<size_t>> ChooseVictims(const Cluster& cluster, const Request& request,
                                                 int64_t needed, std::span<const Evictable> candidates);

}  // namespace flexai::placement
