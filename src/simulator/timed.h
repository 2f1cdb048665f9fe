// Timed runs: jobs arrive, wait, run, are interrupted and end, under the scheduler that runs in a cluster.
//
// An interrupted job starts again from nothing, and its restart cost is added; a moved one keeps what it has
// done and pays that cost. Nodes fail at random and come back. All placements are
// local. Time 0 is a Monday's midnight, for the windows in which jobs may start. Everything follows from
// workload, options and seed.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "placement/scheduler.h"
#include "simulator/openb.h"
#include "simulator/snapshot.h"
#include "simulator/waits.h"
#include "simulator/workload.h"

namespace flexai::simulator {

struct TimedOptions {
  placement::SchedulerOptions scheduler;
  Nanos warm_up;                     // what happens before is not counted
  Nanos horizon;                     // the end; what runs or waits then is counted up to it
  Nanos half_life = Seconds(3'600);  // of usage in the order of the queues
  Nanos mean_up;                     // of a node, between failures; zero: nodes don't fail
  Nanos mean_repair = Seconds(1'800);
  uint64_t seed = 1;                          // of failures
  std::optional<placement::HiParameters> hi;  // for the policy hi; absent: it knows the demand alone
  std::optional<Nanos> snapshot_at;           // before the horizon; absent: none is taken
  std::string explain;                        // name of a job of which every decision is told; empty: none
};

// What is counted between warm-up and horizon.
struct TimedRun {
  double allocation = 0;  // device time taken, in percent of what there was
  double goodput = 0;     // of it, what was not lost to interruptions or spent on restarts
  size_t finished = 0;
  size_t evictions = 0;  // jobs ended for others
  size_t moves = 0;
  size_t failures = 0;  // jobs ended by failing nodes
  Waits waits;
  std::map<int32_t, Waits> by_priority;
  std::map<std::string, Waits> by_size;  // cpu, fraction, one, multi, gang
  // Every hundredth part of the horizon, from the start: allocation in percent, jobs that wait.
  std::vector<std::pair<double, size_t>> course;
  std::vector<std::string> story;  // of the job to explain
  std::optional<Snapshot> snapshot;
};

// `policy` by name. kInvalidArgument for queues that make no tree, tasks of other queues or that must be
// remote, gangs whose rows disagree, and a job to explain that there is not.
Result<TimedRun> RunTimed(const Trace& trace, const Workload& workload, const TimedOptions& options,
                          const std::string& policy);

}  // namespace flexai::simulator
