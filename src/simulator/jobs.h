// The jobs that tasks are: each task by itself, or the members of a gang together.
//
// Thread safety: values.
#pragma once

#include <span>
#include <vector>

#include "base/status.h"
#include "placement/constraints.h"
#include "placement/job.h"
#include "placement/queues.h"
#include "simulator/task_file.h"

namespace flexai::simulator {

// What the scheduler's clock shows at time 0 of a workload: 1970-01-05 00:00, a Monday's midnight.
inline constexpr Nanos kWorkloadStart = Seconds(int64_t{4} * 86'400);

struct Job {
  placement::JobSpec spec;    // `submitted` by the scheduler's clock
  std::vector<size_t> tasks;  // positions of its members
};

// In the order of their first tasks, with ids from `first_id` on. Their classes are defined in `constraints`:
// of tasks that don't name a service and whose rules count tasks, a gang is a class of its own.
// kInvalidArgument, naming the task, for a queue that there is not, one that must be remote, and a gang whose
// members differ in queue or priority.
Result<std::vector<Job>> JobsOf(std::span<const TimedTask> tasks, const placement::QueueTree& queues,
                                placement::Constraints* constraints, placement::JobId first_id = 1);

// The role of the task in the job.
size_t RoleOf(const placement::JobSpec& job, const TimedTask& task);

}  // namespace flexai::simulator
