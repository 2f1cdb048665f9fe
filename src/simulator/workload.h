// A timed workload: tasks that arrive, run and end (task_file.h), and the queues that they belong to, as CSV.
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
#include "placement/queues.h"
#include "simulator/task_file.h"

namespace flexai::simulator {

// Time 0 of a workload is a Monday's midnight, for windows.
struct Workload {
  std::vector<TimedTask> tasks;  // by arrival; those that arrive together as they stand in the file
  std::vector<placement::QueueSpec> queues;
};

// Whether the queues make a tree that the capacity can carry is for placement::QueueTree to see.
Result<std::vector<placement::QueueSpec>> ParseQueues(std::string_view text, std::string_view name,
                                                      const std::vector<std::string>& models);
// The queues that the tasks name, all alike, by name.
std::vector<placement::QueueSpec> QueuesNamedBy(std::span<const TimedTask> tasks);
// Without a path of queues they are those of QueuesNamedBy.
Result<Workload> ReadWorkload(const std::string& tasks_path, const std::string& queues_path,
                              const std::vector<std::string>& models);

// What ParseQueues reads as the same again, if names have no comma, quote or control character.
std::string QueuesText(std::span<const placement::QueueSpec> queues, const std::vector<std::string>& models);

}  // namespace flexai::simulator
