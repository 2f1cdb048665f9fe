// What a change of a cluster would do: one scheduling cycle on a snapshot as it is, and one with the change,
// each on its own copy.
//
// One cycle and nothing after it: what ends later, or comes later, is for timed runs (timed.h). Everything
// follows from the arguments. Thread safety: none needed, nothing is kept.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "placement/scheduler.h"
#include "simulator/snapshot.h"

namespace flexai::simulator {

struct Change {
  NodeList nodes;                    // those of the snapshot, and those that are added after them
  std::vector<std::string> removed;  // nodes of the snapshot that fail or are taken away
  std::vector<TimedTask> tasks;      // added; they arrive at the time of the snapshot
};

// The parts of a change as files; empty texts for none. `*_name` stand in error messages, which are as those
// of snapshot.h.
struct ChangeTexts {
  std::string nodes, nodes_name, tasks, tasks_name;
};
Result<Change> ParseChange(const ChangeTexts& texts, std::vector<std::string> removed,
                           const Snapshot& snapshot);

struct WhatIfOptions {
  placement::SchedulerOptions scheduler;
  Nanos half_life = Seconds(3'600);  // of usage in the order of the queues
  std::string policy = "hi";         // by name
  size_t most_explained = 10;        // jobs of which it is said why they wait
};

// Of the jobs of a queue, a priority, or all.
struct JobCounts {
  size_t running = 0;
  size_t waiting = 0;
  int64_t waiting_milli = 0;          // thousandths of devices that waiting jobs need to start
  double waiting_device_seconds = 0;  // that times how long they run, of those of which that is known
  size_t of_unknown_length = 0;       // waiting jobs with devices of which it is not
};

// The cluster at one point of the comparison.
struct Standing {
  int64_t capacity_milli = 0;  // thousandths of devices of nodes in service
  int64_t taken_milli = 0;     // of them
  JobCounts all;
  std::map<std::string, JobCounts> by_queue;
  std::map<int32_t, JobCounts> by_priority;

  double allocation() const;  // in percent
};

// A job that fares otherwise because of the change.
struct Difference {
  std::string job;
  std::string queue;
  int32_t priority = 0;
  std::string as_is;  // what becomes of it, in words: "waits", "starts on n1", "runs on n1", ...
  std::string with_change;
  std::string reason;  // one sentence; empty if there is none to tell
};

struct WhatIf {
  Standing now;    // before any cycle
  Standing as_is;  // after one
  Standing with_change;
  std::vector<Difference> differences;  // by what becomes of them, then as they stand in the snapshot
  size_t waiting = 0;                   // with the change
  std::vector<std::string> waits;       // why, of the first of them by priority and age, with the change
};

// kInvalidArgument for a policy that there is not and queues that make no tree.
Result<WhatIf> RunWhatIf(const Snapshot& snapshot, const Change& change, const WhatIfOptions& options);

}  // namespace flexai::simulator
