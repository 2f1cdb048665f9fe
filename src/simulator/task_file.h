// Tasks as CSV: what they ask for, when they come, and on which terms they run. docs/formats/workload.md
// describes the file.
//
// Errors are kInvalidArgument and name file, line, and what was expected; nothing is loaded by halves. Thread
// safety: values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "placement/constraints.h"
#include "placement/queues.h"
#include "placement/shape.h"
#include "placement/time_window.h"
#include "simulator/csv.h"

namespace flexai::simulator {

// Whether a task's devices may be on another node than its CPU and memory.
enum class Remote : uint8_t { kNever, kAllowed, kOnly };

struct TimedTask {
  std::string name;
  Nanos arrival;   // since the start of the workload
  Nanos duration;  // how long it runs if nothing interrupts it; above 0 in a timed workload
  placement::TaskShape shape;
  std::string queue = "default";
  int32_t priority = 0;     // the higher goes first
  std::string gang;         // what its members have in common; empty: none
  int32_t gang_min = 1;     // so many members start together or none does
  int32_t gang_max = 1;     // so many members may run at a time
  bool preemptible = true;  // may be interrupted for others, and starts again
  Nanos min_run;            // but not before it has run that long
  Nanos restart;            // what an interruption adds to the time that it has still to run
  Remote remote = Remote::kNever;
  Nanos expected_run;           // how long it says itself that it runs; 0: it says nothing
  placement::ClassRules rules;  // the name is that of the service
  std::string together;         // label of the domain that all members of its gang share; empty: none
  std::optional<placement::TimeWindow> window;  // when it may start; absent: at any time

  bool operator==(const TimedTask&) const = default;
};

inline constexpr Nanos kLongestWorkload = Seconds(int64_t{10} * 365 * 86'400);
inline constexpr int32_t kMostPriority = 1'000'000'000;

// Which columns a file must have: tasks of a timed workload need an arrival and a duration, those of a
// snapshot an arrival, and those that are added to one neither.
enum class TaskUse { kAdded, kSnapshot, kTimed };

// The tasks as they stand in the table. `models` are the names of device models by number (nodes.h). Without
// `queues` every queue name will do; else it must be that of a leaf. `more` are columns for the caller to
// read.
Result<std::vector<TimedTask>> TasksOf(const CsvTable& table, const std::vector<std::string>& models,
                                       std::span<const placement::QueueSpec> queues, TaskUse use,
                                       std::span<const std::string_view> more = {});
// Gives numbers to the models in the column gpu_spec that have none: tasks may wait for what no node has.
Status AddModelsOfTasks(const CsvTable& table, std::vector<std::string>* models);
// Of a timed workload, by arrival; those that arrive together as they stand in the file. `name` is the
// file's, for messages.
Result<std::vector<TimedTask>> ParseTasks(std::string_view text, std::string_view name,
                                          const std::vector<std::string>& models,
                                          std::span<const placement::QueueSpec> queues = {});

// What TasksOf reads as the same again, if names have no comma, quote or control character. Columns that
// would be empty are left out. `more` is the heading of further columns, each with a comma before it, and
// what stands there of each task.
struct MoreColumns {
  std::string heading;
  std::vector<std::string> fields;
};
std::string TasksText(std::span<const TimedTask> tasks, const std::vector<std::string>& models,
                      const MoreColumns* more = nullptr);

}  // namespace flexai::simulator
