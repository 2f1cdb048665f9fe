#include "simulator/jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

namespace flexai::simulator {
namespace {

using placement::ClassRules;
using placement::JobSpec;
using placement::Role;

Status Check(const TimedTask& task, const placement::QueueTree& queues) {
  if (!queues.Find(task.queue).has_value()) {
    return InvalidArgument(fmt::format("task '{}': there is no queue '{}'", task.name, task.queue));
  }
  if (task.remote == Remote::kOnly) {
    return InvalidArgument(fmt::format(
        "task '{}': timed runs place locally, so 'remote' can't be 'only': use never or allowed", task.name));
  }
  return {};
}

Result<placement::ClassId> ClassOf(const TimedTask& task, placement::Constraints* constraints) {
  if (task.rules == ClassRules()) {
    return placement::kNoRules;
  }
  ClassRules rules = task.rules;
  const bool counts = !rules.spreads.empty() || !rules.apart.empty() || !rules.together.empty();
  if (rules.name.empty() && counts) {
    rules.name = task.gang;
  }
  return constraints->Define(rules);
}

void AddMember(JobSpec* spec, const TimedTask& task) {
  const size_t role = RoleOf(*spec, task);
  if (role == spec->roles.size()) {
    spec->roles.push_back({task.shape, 1, 1});
  } else {
    ++spec->roles[role].min;
    ++spec->roles[role].max;
  }
}

}  // namespace

size_t RoleOf(const JobSpec& job, const TimedTask& task) {
  const auto role = std::find_if(job.roles.begin(), job.roles.end(),
                                 [&task](const Role& each) { return each.shape == task.shape; });
  return static_cast<size_t>(role - job.roles.begin());
}

Result<std::vector<Job>> JobsOf(std::span<const TimedTask> tasks, const placement::QueueTree& queues,
                                placement::Constraints* constraints, placement::JobId first_id) {
  std::vector<Job> jobs;
  std::map<std::string_view, size_t> gangs;
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TimedTask& task = tasks[i];
    FLEXAI_RETURN_IF_ERROR(Check(task, queues));
    const auto gang = task.gang.empty() ? gangs.end() : gangs.find(task.gang);
    if (gang != gangs.end()) {
      Job& job = jobs[gang->second];
      if (job.spec.queue != *queues.Find(task.queue) || job.spec.priority != task.priority) {
        return InvalidArgument(
            fmt::format("gang '{}': its members have different queues or priorities", task.gang));
      }
      AddMember(&job.spec, task);
      job.tasks.push_back(i);
      continue;
    }
    Job& job = jobs.emplace_back();
    job.tasks = {i};
    JobSpec& spec = job.spec;
    spec.id = first_id + jobs.size() - 1;
    spec.name = task.gang.empty() ? task.name : task.gang;
    AddMember(&spec, task);
    spec.queue = *queues.Find(task.queue);
    spec.priority = task.priority;
    spec.preemptible = task.preemptible;
    spec.min_run = task.min_run;
    spec.restart_cost = task.restart;
    spec.expected_run = task.expected_run;
    FLEXAI_ASSIGN_OR_RETURN(spec.rules, ClassOf(task, constraints));
    spec.together = task.together;
    spec.window = task.window;
    spec.submitted = kWorkloadStart + task.arrival;
    if (!task.gang.empty()) {
      gangs.emplace(task.gang, jobs.size() - 1);
    }
  }
  // A gang of one shape may start with fewer than all.
  for (const auto& [name, at] : gangs) {
    JobSpec& spec = jobs[at].spec;
    if (spec.roles.size() == 1) {
      const TimedTask& last = tasks[jobs[at].tasks.back()];
      spec.roles[0].max = std::min(spec.roles[0].max, last.gang_max);
      spec.roles[0].min = std::min(spec.roles[0].max, last.gang_min);
    }
  }
  return jobs;
}

}  // namespace flexai::simulator
