// A job: one task or a gang, with the terms on which it runs.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "placement/constraints.h"
#include "placement/gang.h"
#include "placement/queues.h"
#include "placement/time_window.h"

namespace flexai::placement {

using JobId = uint64_t;

struct JobSpec {
  JobId id = 0;  // of the caller's choice, never used again
  std::string name;
  std::vector<Role> roles;   // a single task: one role with one member
  QueueId queue = 0;         // a leaf
  int32_t priority = 0;      // higher goes first, whatever the queue
  bool preemptible = true;   // may be ended for others, and then waits again
  Nanos min_run;             // ... but not before it has run for so long
  Nanos restart_cost;        // work that is lost at each start but the first
  Nanos expected_run;        // zero: not known; lets it use what is reserved for others if it ends in time
  ClassId rules = kNoRules;  // of every member
  std::string together;      // label of the domains of which all members need one; empty: none
  std::optional<TimeWindow> window;  // when it may start; absent: any time
  Nanos submitted;
};

// What the job's members take together. A member's devices are of the model of the node they are on.
Resources UsedBy(const JobSpec& job, const std::vector<Member>& members, const Cluster& cluster);

}  // namespace flexai::placement
