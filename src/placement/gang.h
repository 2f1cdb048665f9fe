// Places gangs: tasks that start together or not at all.
//
// Thread safety: one thread.
#pragma once

#include <span>
#include <vector>

#include "placement/cluster.h"
#include "placement/constraints.h"
#include "placement/policy.h"
#include "placement/queue_limits.h"
#include "placement/transaction.h"

namespace flexai::placement {

// Members of one shape.
struct Role {
  TaskShape shape;
  int min = 1;  // without so many the gang can't start
  int max = 1;  // so many are of use
  auto operator<=>(const Role&) const = default;
};

struct Gang {
  std::vector<Role> roles;
  ClassId rules = kNoRules;          // of every member
  const NodeSet* allowed = nullptr;  // of nodes that rules allow, only these; null: all
  // Not empty: all members within one of these. Must outlive the gang.
  std::span<const NodeSet> domains;
  // What limits leave for all members together, whatever models they get; null: everything.
  const Headroom* headroom = nullptr;
};

struct Member {
  size_t role = 0;
  Placement where;
};

struct GangResult {
  enum Outcome {
    kPlaced,
    kInfeasible,  // proven: one role's members alone don't fit; of remote ones, that a half has no room
    kNotFound,    // the search ended without a place; there may be one
  };
  Outcome outcome = kInfeasible;
  std::vector<Member> members;  // of kPlaced, by role
  size_t role = 0;              // of kInfeasible: the role that does not fit,
  int64_t room = 0;  //   and for how many members there is room, in the best domain if there are several
  int attempts = 0;  // at finding places
};

// Places at least `min` of each role and then as many up to `max` as fit, each where the policy wants it.
// Roles with large members go first; if that fails, other orders are tried, then all orders with each member
// on the first node that has room; up to `most_attempts` in all, over all domains. Found for certain, if it
// fits, is one role whose members are never remote, or one member: without rules that move; or with spread
// and apart, if their domains lie within one another and no limit by model of device divides them. The
// members of kPlaced are taken in the transaction; else nothing is changed.
GangResult PlaceGang(Transaction* transaction, const Cluster& cluster, const Constraints* constraints,
                     Policy& policy, const Gang& gang, int most_attempts = 16);

// The same without a policy, of which there may then be none: only whether there is a place. Each member goes
// to the first node that has room.
GangResult PlaceGangAnywhere(Transaction* transaction, const Cluster& cluster, const Constraints* constraints,
                             const Gang& gang, int most_attempts = 16);

}  // namespace flexai::placement
