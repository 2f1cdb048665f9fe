#include "simulator/timed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <queue>
#include <tuple>

#include "base/random.h"
#include "simulator/arrivals.h"

namespace flexai::simulator {
namespace {

using placement::Decision;
using placement::JobId;
using placement::NodeId;

double InSeconds(Nanos time) { return static_cast<double>(time.value) * 1e-9; }

// A job as the simulation sees it: what the scheduler does not know.
struct SimulatedJob {
  placement::JobSpec spec;
  Nanos duration;    // with the most members
  std::string size;  // for the report
  Nanos done;        // of the duration, before the last start or change of members
  Nanos overhead;    // of restarts that are still to be done, before that
  Nanos resumed;     // when it last started, moved or changed its members; it runs if `members` > 0
  size_t members = 0;
  uint64_t generation = 0;  // of its end event
  Nanos waiting_since;
  Nanos waited;
  bool started = false;
  bool finished = false;
  int64_t device_milli = 0;  // of all its members now
  // Thousandths of a device times seconds in the window, since its last start from nothing.
  double useful = 0;
};

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

// Rows of one gang are the members of one job.
Result<std::vector<SimulatedJob>> JobsOf(const Workload& workload, const placement::QueueTree& queues) {
  std::vector<SimulatedJob> jobs;
  std::map<std::string, size_t> gangs;
  for (const TimedTask& task : workload.tasks) {
    FLEXAI_RETURN_IF_ERROR(Check(task, queues));
    const auto gang = task.gang.empty() ? gangs.end() : gangs.find(task.gang);
    if (gang != gangs.end()) {
      SimulatedJob& job = jobs[gang->second];
      if (job.spec.queue != *queues.Find(task.queue) || job.spec.priority != task.priority) {
        return InvalidArgument(
            fmt::format("gang '{}': its members have different queues or priorities", task.gang));
      }
      const auto role =
          std::find_if(job.spec.roles.begin(), job.spec.roles.end(),
                       [&task](const placement::Role& each) { return each.shape == task.shape; });
      if (role == job.spec.roles.end()) {
        job.spec.roles.push_back({task.shape, 1, 1});
      } else {
        ++role->min;
        ++role->max;
      }
      job.duration = std::max(job.duration, task.duration);
      continue;
    }
    SimulatedJob& job = jobs.emplace_back();
    if (!task.gang.empty()) {
      gangs.emplace(task.gang, jobs.size() - 1);
    }
    job.spec.id = jobs.size();
    job.spec.name = task.gang.empty() ? task.name : task.gang;
    job.spec.roles = {{task.shape, 1, 1}};
    job.spec.queue = *queues.Find(task.queue);
    job.spec.priority = task.priority;
    job.spec.preemptible = task.preemptible;
    job.spec.min_run = task.min_run;
    job.spec.restart_cost = task.restart;
    job.spec.submitted = task.arrival;
    job.duration = task.duration;
    job.size = task.gang.empty() ? ClassName(ClassOf(task.shape)) : "gang";
  }
  // A gang of one shape may start with fewer than all.
  std::map<std::string, std::pair<int, int>> bounds;
  for (const TimedTask& task : workload.tasks) {
    if (!task.gang.empty()) {
      bounds[task.gang] = {task.gang_min, task.gang_max};
    }
  }
  for (const auto& [name, at] : gangs) {
    placement::JobSpec& spec = jobs[at].spec;
    if (spec.roles.size() == 1) {
      spec.roles[0].max = std::min(spec.roles[0].max, bounds[name].second);
      spec.roles[0].min = std::min(spec.roles[0].max, bounds[name].first);
    }
  }
  return jobs;
}

class Simulation {
 public:
  Simulation(const Trace& trace, const TimedOptions& options, std::vector<SimulatedJob> jobs,
             placement::QueueTree queues, std::unique_ptr<placement::Policy> policy)
      : options_(options),
        jobs_(std::move(jobs)),
        queues_(std::move(queues)),
        policy_(std::move(policy)),
        cluster_(trace.nodes),
        constraints_(std::vector<placement::NodeIdentity>(trace.nodes.size())),
        scheduler_(cluster_, constraints_, queues_, *policy_, options.scheduler),
        random_(options.seed) {}

  Result<TimedRun> Run() {
    if (options_.mean_up.value > 0) {
      for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
        Push(Exponential(options_.mean_up), Event::kFail, node, 0);
      }
    }
    size_t next_arrival = 0;
    while (true) {
      Nanos next = options_.horizon;
      if (next_arrival < jobs_.size()) {
        next = std::min(next, jobs_[next_arrival].spec.submitted);
      }
      if (!events_.empty()) {
        next = std::min(next, events_.top().at);
      }
      next = std::min(next, std::max(now_ + Nanos{1}, scheduler_.NextCycle()));
      Advance(next);
      if (now_ >= options_.horizon) {
        break;
      }
      while (next_arrival < jobs_.size() && jobs_[next_arrival].spec.submitted <= now_) {
        SimulatedJob& job = jobs_[next_arrival++];
        job.waiting_since = now_;
        FLEXAI_RETURN_IF_ERROR(scheduler_.Submit(job.spec, now_));
      }
      while (!events_.empty() && events_.top().at <= now_) {
        const Event event = events_.top();
        events_.pop();
        Handle(event);
      }
      Carry(scheduler_.Cycle(now_));
    }
    FLEXAI_RETURN_IF_ERROR(scheduler_.Audit());
    Report();
    return std::move(run_);
  }

 private:
  struct Event {
    enum Kind { kEnd, kFail, kRepair };
    Nanos at;
    uint64_t sequence = 0;  // the order among events of one time
    Kind kind = kEnd;
    uint64_t subject = 0;  // job or node
    uint64_t generation = 0;
    bool operator>(const Event& other) const {
      return std::tie(at, sequence) > std::tie(other.at, other.sequence);
    }
  };

  void Push(Nanos after, Event::Kind kind, uint64_t subject, uint64_t generation) {
    events_.push({now_ + after, ++sequence_, kind, subject, generation});
  }
  Nanos Exponential(Nanos mean) {
    return {static_cast<int64_t>(-static_cast<double>(mean.value) * std::log1p(-random_.Unit())) + 1};
  }
  SimulatedJob& At(JobId id) { return jobs_[id - 1]; }

  // Seconds of [from, now) within the window that counts.
  double Counted(Nanos from) const {
    return std::max(0.0, InSeconds(now_ - std::max(from, options_.warm_up)));
  }

  void Advance(Nanos to) {
    const Nanos step{std::max<int64_t>(options_.horizon.value / 100, 1)};
    while (static_cast<int64_t>(run_.course.size()) * step.value < to.value && run_.course.size() < 100) {
      run_.course.emplace_back(Percent(static_cast<double>(cluster_.device_taken())), scheduler_.waiting());
    }
    const Nanos from = std::exchange(now_, to);
    taken_ += static_cast<double>(cluster_.device_taken()) * Counted(from);
  }
  double Percent(double milli) const { return 100 * milli / static_cast<double>(cluster_.device_capacity()); }

  // How fast the job gets on with so many members.
  double Speed(const SimulatedJob& job) const {
    size_t most = 0;
    for (const placement::Role& role : job.spec.roles) {
      most += static_cast<size_t>(role.max);
    }
    return static_cast<double>(job.members) / static_cast<double>(most);
  }

  // Brings the books of a running job up to now.
  void Settle(SimulatedJob* job) {
    if (job->members == 0) {
      return;
    }
    const Nanos ran = now_ - job->resumed;
    const Nanos restarting = std::min(ran, job->overhead);
    job->overhead = job->overhead - restarting;
    job->done.value += static_cast<int64_t>(static_cast<double>((ran - restarting).value) * Speed(*job));
    job->useful += static_cast<double>(job->device_milli) * Counted(job->resumed + restarting);
    job->resumed = now_;
  }
  // From now on it has these members.
  void Resume(SimulatedJob* job, const std::vector<placement::Member>& members) {
    job->resumed = now_;
    job->members = members.size();
    job->device_milli = 0;
    for (const placement::Member& member : members) {
      job->device_milli += job->spec.roles[member.role].shape.device_milli();
    }
    ++job->generation;
    if (job->members > 0) {
      const double left = static_cast<double>((job->duration - job->done).value) / Speed(*job);
      Push(job->overhead + Nanos{std::max<int64_t>(static_cast<int64_t>(std::ceil(left)), 1)}, Event::kEnd,
           job->spec.id, job->generation);
    }
  }
  // It lost all that it had done.
  void Interrupt(SimulatedJob* job) {
    Settle(job);
    job->useful = 0;
    job->done = {};
    job->overhead = job->spec.restart_cost;
    Resume(job, {});
    job->waiting_since = now_;
  }

  void Handle(const Event& event) {
    switch (event.kind) {
      case Event::kEnd: {
        SimulatedJob& job = At(event.subject);
        if (event.generation != job.generation) {
          return;  // it was interrupted or changed
        }
        Settle(&job);
        useful_ += std::exchange(job.useful, 0);
        job.members = 0;
        job.finished = true;
        run_.finished += now_ >= options_.warm_up ? 1 : 0;
        Tell(job.spec.id, "finished", "");
        scheduler_.Remove(job.spec.id, now_);
        return;
      }
      case Event::kFail: {
        const auto node = static_cast<NodeId>(event.subject);
        for (const Decision& decision : scheduler_.LoseNode(node, now_)) {
          run_.failures += now_ >= options_.warm_up ? 1 : 0;
          Interrupt(&At(decision.job));
          Tell(decision.job, "ended", decision.reason);
        }
        Push(Exponential(options_.mean_repair), Event::kRepair, node, 0);
        return;
      }
      case Event::kRepair: {
        const auto node = static_cast<NodeId>(event.subject);
        scheduler_.SetNode(node, {});
        Push(Exponential(options_.mean_up), Event::kFail, node, 0);
        return;
      }
    }
  }

  void Carry(const std::vector<Decision>& decisions) {
    const bool counts = now_ >= options_.warm_up;
    for (const Decision& decision : decisions) {
      SimulatedJob& job = At(decision.job);
      switch (decision.kind) {
        case Decision::kStart:
          job.started = true;
          job.waited = job.waited + (now_ - job.waiting_since);
          Resume(&job, decision.members);
          (void)scheduler_.Confirm(decision.job);
          Tell(decision.job, "started", decision.reason);
          break;
        case Decision::kEnd:
          run_.evictions += counts ? 1 : 0;
          Interrupt(&job);
          Tell(decision.job, "ended", decision.reason);
          break;
        case Decision::kMove:
          run_.moves += counts ? 1 : 0;
          Settle(&job);
          job.overhead = job.overhead + job.spec.restart_cost;
          Resume(&job, decision.members);
          Tell(decision.job, "moved", decision.reason);
          break;
        case Decision::kShrink:
        case Decision::kGrow:
          Settle(&job);
          Resume(&job, decision.members);
          Tell(decision.job, fmt::format("now has {} members", job.members), decision.reason);
          break;
      }
    }
    if (!options_.explain.empty() && !waits_told_) {
      for (const SimulatedJob& job : jobs_) {
        if (job.spec.name == options_.explain &&
            scheduler_.state(job.spec.id) == placement::Scheduler::kPending) {
          run_.story.push_back(
              fmt::format("{:.1f} s: {}", InSeconds(now_), *scheduler_.Explain(job.spec.id, now_)));
          waits_told_ = true;
        }
      }
    }
  }

  void Tell(JobId id, std::string_view what, std::string_view why) {
    if (options_.explain.empty() || At(id).spec.name != options_.explain) {
      return;
    }
    waits_told_ = false;
    run_.story.push_back(
        fmt::format("{:.1f} s: {}{}{}", InSeconds(now_), what, why.empty() ? "" : ": ", why));
  }

  void Report() {
    const double window = InSeconds(options_.horizon - options_.warm_up);
    WaitBook all;
    std::map<int32_t, WaitBook> by_priority;
    std::map<std::string, WaitBook> by_size;
    for (SimulatedJob& job : jobs_) {
      if (job.members > 0) {
        Settle(&job);
        useful_ += job.useful;
      }
      if (job.spec.submitted < options_.warm_up || job.spec.submitted >= options_.horizon) {
        continue;
      }
      if (job.members == 0 && !job.finished) {
        job.waited = job.waited + (now_ - job.waiting_since);
      }
      int64_t device_milli = 0;
      for (const placement::Role& role : job.spec.roles) {
        device_milli += role.min * role.shape.device_milli();
      }
      for (WaitBook* book : {&all, &by_priority[job.spec.priority], &by_size[job.size]}) {
        book->Add(InSeconds(job.waited), job.started, device_milli);
      }
    }
    run_.waits = all.Summary();
    for (const auto& [priority, book] : by_priority) {
      run_.by_priority[priority] = book.Summary();
    }
    for (const auto& [size, book] : by_size) {
      run_.by_size[size] = book.Summary();
    }
    run_.allocation = Percent(taken_ / window);
    run_.goodput = Percent(useful_ / window);
  }

  const TimedOptions& options_;
  std::vector<SimulatedJob> jobs_;  // by JobId - 1
  placement::QueueTree queues_;
  std::unique_ptr<placement::Policy> policy_;
  placement::Cluster cluster_;
  placement::Constraints constraints_;
  placement::Scheduler scheduler_;
  Random random_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  uint64_t sequence_ = 0;
  Nanos now_;
  double taken_ = 0;   // thousandths of a device times seconds, in the window
  double useful_ = 0;  // likewise
  bool waits_told_ = false;
  TimedRun run_;
};

}  // namespace

Result<TimedRun> RunTimed(const Trace& trace, const Workload& workload, const TimedOptions& options,
                          const std::string& policy_name) {
  placement::Resources capacity;
  for (const placement::NodeSpec& node : trace.nodes) {
    capacity.cpu_milli += node.cpu_milli;
    capacity.memory_mib += node.memory_mib;
    capacity.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * placement::kWholeDevice;
  }
  FLEXAI_ASSIGN_OR_RETURN(placement::QueueTree queues,
                          placement::QueueTree::Make(workload.queues, capacity, options.half_life));
  FLEXAI_ASSIGN_OR_RETURN(std::vector<SimulatedJob> jobs, JobsOf(workload, queues));
  const std::vector<placement::TypicalTask> typical = placement::TypicalTasks(ShapesOf(trace));
  FLEXAI_ASSIGN_OR_RETURN(std::unique_ptr<placement::Policy> policy,
                          placement::MakePolicy(policy_name, {typical, options.seed, options.hi, false}));
  if (!options.explain.empty() && std::none_of(jobs.begin(), jobs.end(), [&options](const SimulatedJob& job) {
        return job.spec.name == options.explain;
      })) {
    return InvalidArgument(fmt::format(
        "there is no job '{}' to explain: a job has its task's or its gang's name", options.explain));
  }
  return Simulation(trace, options, std::move(jobs), std::move(queues), std::move(policy)).Run();
}

}  // namespace flexai::simulator
