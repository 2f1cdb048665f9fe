// A cluster at one moment: its nodes, queues, and tasks that wait or run, as a folder of CSV files.
// docs/formats/snapshot.md describes them.
//
// Errors are kInvalidArgument and name file, line and what was expected; nothing is loaded by halves. Thread
// safety: values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "placement/scheduler.h"
#include "simulator/jobs.h"
#include "simulator/nodes.h"
#include "simulator/task_file.h"

namespace flexai::simulator {

// Where a task runs, and since when.
struct Place {
  placement::Placement where;
  Nanos started;  // on the clock of the workload, as arrivals are
};

struct Snapshot {
  Nanos now;  // likewise
  NodeList nodes;
  std::vector<TimedTask> tasks;  // by arrival; those that arrived together as they stand in the file
  std::vector<std::optional<Place>> places;  // of each task; absent: it waits
  std::vector<placement::QueueSpec> queues;
};

// The texts of the files. `queues` may be empty: they are those that the tasks name, all alike.
struct SnapshotTexts {
  std::string nodes, tasks, queues, time;
};

// What runs must have room where it runs. `folder` stands in error messages.
Result<Snapshot> ParseSnapshot(const SnapshotTexts& texts, const std::string& folder);
// kNotFound if a file is missing other than that of the queues.
Result<Snapshot> ReadSnapshot(const std::string& folder);

// What ParseSnapshot reads as the same again.
SnapshotTexts TextsOf(const Snapshot& snapshot);
// Makes the folder if needed. kFailedPrecondition if no task waits or runs.
Status WriteSnapshot(const Snapshot& snapshot, const std::string& folder);

// The members of a job that run, in the order of its tasks.
std::vector<placement::Member> MembersOf(const Snapshot& snapshot, const Job& job);
// Tells the scheduler all that the snapshot knows: what runs in the order of the starts, then what waits.
// `jobs` are those of the snapshot's tasks. What ended before is not in a snapshot, and so not in past usage
// of queues.
Status Restore(const Snapshot& snapshot, std::span<const Job> jobs, placement::Scheduler* scheduler);

}  // namespace flexai::simulator
