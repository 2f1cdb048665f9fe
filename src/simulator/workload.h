// A timed workload as CSV: tasks that arrive, run and end, and the queues that they belong to.
// docs/formats/workload.md describes both files.
//
// Errors are kInvalidArgument and name file, line, and what was expected; nothing is loaded by halves. Thread
// safety: values.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "placement/queues.h"
#include "placement/shape.h"

namespace flexai::simulator {

using placement::Remote;

struct TimedTask {
  std::string name;
  Nanos arrival;   // since the start of the workload
  Nanos duration;  // how long it runs if nothing interrupts it; above 0
  placement::TaskShape shape;
  std::string queue = "default";
  int32_t priority = 0;     // the higher goes first
  std::string gang;         // what its members have in common; empty: none
  int32_t gang_min = 1;     // so many members start together or none does
  int32_t gang_max = 1;     // so many members may run at a time
  bool preemptible = true;  // may be interrupted for others, and starts again
  Nanos min_run;            // but not before it has run that long
  Nanos restart;            // what an interruption adds to the time that it has still to run
  double round_trips = 0;   // of its devices that it waits for, in a second of its run (slowdown.h)

  bool operator==(const TimedTask&) const = default;
};

struct Workload {
  std::vector<TimedTask> tasks;  // by arrival; those that arrive together as they stand in the file
  std::vector<placement::QueueSpec> queues;
};

inline constexpr Nanos kLongestWorkload = Seconds(int64_t{10} * 365 * 86'400);
inline constexpr double kMostRoundTrips = 1e6;
inline constexpr int32_t kMostPriority = 1'000'000'000;

// `models` are the names of device models by number (openb.h), `name` is the file's, for messages. Without
// `queues` every queue name will do; else it must be that of a leaf.
Result<std::vector<TimedTask>> ParseTasks(std::string_view text, std::string_view name,
                                          const std::vector<std::string>& models,
                                          std::span<const placement::QueueSpec> queues = {});
// Whether the queues make a tree that the capacity can carry is for placement::QueueTree to see.
Result<std::vector<placement::QueueSpec>> ParseQueues(std::string_view text, std::string_view name,
                                                      const std::vector<std::string>& models);
// Without a path of queues they are those that the tasks name, all alike, by name.
Result<Workload> ReadWorkload(const std::string& tasks_path, const std::string& queues_path,
                              const std::vector<std::string>& models);

// What the parsers read as the same again, if names have no comma, quote or control character.
std::string TasksText(std::span<const TimedTask> tasks, const std::vector<std::string>& models);
std::string QueuesText(std::span<const placement::QueueSpec> queues, const std::vector<std::string>& models);

}  // namespace flexai::simulator
