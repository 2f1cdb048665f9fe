#include "simulator/timed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <queue>
#include <tuple>

#include "base/random.h"
#include "simulator/arrivals.h"
#include "simulator/jobs.h"
#include "simulator/slowdown.h"

namespace flexai::simulator {
namespace {

using placement::Decision;
using placement::JobId;
using placement::NodeId;

double InSeconds(Nanos time) { return static_cast<double>(time.value) * 1e-9; }

// A job as the simulation sees it: what the scheduler does not know.
struct SimulatedJob {
  placement::JobSpec spec;
  std::vector<size_t> tasks;  // positions of its members in the workload
  Nanos arrival;
  Nanos duration;    // with the most members
  std::string size;  // for the report
  Nanos done;        // of the duration, before the last start or change of members
  Nanos overhead;    // of restarts that are still to be done, before that
  Nanos resumed;     // when it last started, moved or changed its members; it runs if `members` > 0
  size_t members = 0;
  uint64_t generation = 0;  // of its end event
  Nanos waiting_since;
  Nanos started_at;  // last, other than by a move
  Nanos waited;
  bool started = false;
  bool finished = false;
  int64_t device_milli = 0;         // of all its members now
  std::vector<double> round_trips;  // by role, the most of any of its tasks
  double slowdown = 1;              // of where its members are now
  size_t remote_members = 0;        // now
  // Thousandths of a device times seconds in the window, since its last start from nothing.
  double useful = 0;
};

std::vector<SimulatedJob> SimulatedJobsOf(std::vector<Job> jobs, const std::vector<TimedTask>& tasks) {
  std::vector<SimulatedJob> simulated;
  for (Job& job : jobs) {
    const TimedTask& first = tasks[job.tasks.front()];
    SimulatedJob& added = simulated.emplace_back();
    added.arrival = first.arrival;
    added.size = first.gang.empty() ? ClassName(ClassOf(first.shape)) : "gang";
    added.round_trips.resize(job.spec.roles.size());
    for (const size_t task : job.tasks) {
      added.duration = std::max(added.duration, tasks[task].duration);
      double& round_trips = added.round_trips[RoleOf(job.spec, tasks[task])];
      round_trips = std::max(round_trips, tasks[task].round_trips);
    }
    added.spec = std::move(job.spec);
    added.tasks = std::move(job.tasks);
  }
  return simulated;
}

class Simulation {
 public:
  Simulation(const Trace& trace, const Workload& workload, const TimedOptions& options,
             std::vector<SimulatedJob> jobs, placement::Constraints constraints, placement::QueueTree queues,
             std::unique_ptr<placement::Policy> policy)
      : options_(options),
        workload_(workload),
        nodes_(NodesOf(trace)),
        jobs_(std::move(jobs)),
        queues_(std::move(queues)),
        policy_(std::move(policy)),
        cluster_(trace.nodes, options.links),
        constraints_(std::move(constraints)),
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
        next = std::min(next, jobs_[next_arrival].arrival);
      }
      if (!events_.empty()) {
        next = std::min(next, events_.top().at);
      }
      next = std::min(next, std::max(now_ + Nanos{1}, scheduler_.NextCycle() - kWorkloadStart));
      if (options_.snapshot_at.has_value() && next > *options_.snapshot_at && !run_.snapshot.has_value()) {
        run_.snapshot = TakeSnapshot(*options_.snapshot_at);  // nothing happens between now and then
      }
      Advance(next);
      if (now_ >= options_.horizon) {
        break;
      }
      while (next_arrival < jobs_.size() && jobs_[next_arrival].arrival <= now_) {
        SimulatedJob& job = jobs_[next_arrival++];
        job.waiting_since = now_;
        FLEXAI_RETURN_IF_ERROR(scheduler_.Submit(job.spec, Clock()));
      }
      while (!events_.empty() && events_.top().at <= now_) {
        const Event event = events_.top();
        events_.pop();
        Handle(event);
      }
      Carry(scheduler_.Cycle(Clock()));
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
  Nanos Clock() const { return kWorkloadStart + now_; }  // the scheduler's
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

  // How fast the job gets on with its members where they are.
  double Speed(const SimulatedJob& job) const {
    size_t most = 0;
    for (const placement::Role& role : job.spec.roles) {
      most += static_cast<size_t>(role.max);
    }
    return static_cast<double>(job.members) / static_cast<double>(most) / job.slowdown;
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
    job->useful +=
        static_cast<double>(job->device_milli) * Counted(job->resumed + restarting) / job->slowdown;
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
    job->slowdown = SlowdownOf(cluster_, members, job->round_trips);
    job->remote_members = RemoteMembers(members);
    ++job->generation;
    if (job->members > 0) {
      const double left = static_cast<double>((job->duration - job->done).value) / Speed(*job);
      // What would take longer than any run lasts ends after it, whatever the links make of it.
      const double most = 2 * static_cast<double>(kLongestWorkload.value);
      Push(job->overhead + Nanos{static_cast<int64_t>(std::clamp(std::ceil(left), 1.0, most))}, Event::kEnd,
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
        scheduler_.Remove(job.spec.id, Clock());
        return;
      }
      case Event::kFail: {
        const auto node = static_cast<NodeId>(event.subject);
        for (const Decision& decision : scheduler_.LoseNode(node, Clock())) {
          run_.failures += now_ >= options_.warm_up ? 1 : 0;
          Interrupt(&At(decision.job));
          Tell(decision.job, "ended", decision.reason);
        }
        Push(Exponential(options_.mean_repair), Event::kRepair, node, 0);
        return;
      }
      case Event::kRepair: {
        const auto node = static_cast<NodeId>(event.subject);
        scheduler_.SetNode(node, nodes_.identities[node]);
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
          job.started_at = now_;
          job.waited = job.waited + (now_ - job.waiting_since);
          Resume(&job, decision.members);
          run_.remote += counts ? job.remote_members : 0;
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
          run_.remote += counts ? job.remote_members : 0;
          Tell(decision.job, "moved", decision.reason);
          break;
        case Decision::kShrink:
        case Decision::kGrow: {
          Settle(&job);
          const size_t remote_before = job.remote_members;
          Resume(&job, decision.members);
          if (counts && job.remote_members > remote_before) {
            run_.remote += job.remote_members - remote_before;
          }
          Tell(decision.job, fmt::format("now has {} members", job.members), decision.reason);
          break;
        }
      }
    }
    if (!options_.explain.empty() && !waits_told_) {
      for (const SimulatedJob& job : jobs_) {
        if (job.spec.name == options_.explain &&
            scheduler_.state(job.spec.id) == placement::Scheduler::kPending) {
          run_.story.push_back(
              fmt::format("{:.1f} s: {}", InSeconds(now_), *scheduler_.Explain(job.spec.id, Clock())));
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

  // What there is at `at`, which is not before now; with the nodes as they are now.
  Snapshot TakeSnapshot(Nanos at) const {
    Snapshot snapshot{at, nodes_, {}, {}, workload_.queues};
    for (NodeId node = 0; node < snapshot.nodes.specs.size(); ++node) {
      snapshot.nodes.identities[node] = constraints_.node(node);
    }
    std::vector<bool> there(workload_.tasks.size(), false);
    std::vector<std::optional<Place>> places(workload_.tasks.size());
    for (const SimulatedJob& job : jobs_) {
      if (job.arrival > at || job.finished) {
        continue;
      }
      std::vector<placement::Member> members = *scheduler_.members(job.spec.id);
      for (const size_t task : job.tasks) {
        there[task] = true;
        const size_t role = RoleOf(job.spec, workload_.tasks[task]);
        const auto member = std::find_if(members.begin(), members.end(),
                                         [role](const auto& each) { return each.role == role; });
        if (member != members.end()) {
          places[task] = Place{member->where, job.started_at};
          members.erase(member);
        }
      }
    }
    for (size_t task = 0; task < there.size(); ++task) {
      if (there[task]) {
        snapshot.tasks.push_back(workload_.tasks[task]);
        snapshot.places.push_back(places[task]);
      }
    }
    return snapshot;
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
      if (job.arrival < options_.warm_up || job.arrival >= options_.horizon) {
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
  const Workload& workload_;
  const NodeList nodes_;            // as they are in service
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
  FLEXAI_ASSIGN_OR_RETURN(
      placement::QueueTree queues,
      placement::QueueTree::Make(workload.queues, CapacityOf(trace.nodes), options.half_life));
  placement::Constraints constraints(NodesOf(trace).identities);
  FLEXAI_ASSIGN_OR_RETURN(std::vector<Job> known, JobsOf(workload.tasks, queues, &constraints));
  std::vector<SimulatedJob> jobs = SimulatedJobsOf(std::move(known), workload.tasks);
  if (options.snapshot_at.has_value() && *options.snapshot_at >= options.horizon) {
    return InvalidArgument("the snapshot must be before the horizon");
  }
  const std::vector<placement::TypicalTask> typical = placement::TypicalTasks(ShapesOf(trace));
  FLEXAI_ASSIGN_OR_RETURN(std::unique_ptr<placement::Policy> policy,
                          placement::MakePolicy(policy_name, {typical, options.seed, options.hi}));
  if (!options.explain.empty() && std::none_of(jobs.begin(), jobs.end(), [&options](const SimulatedJob& job) {
        return job.spec.name == options.explain;
      })) {
    return InvalidArgument(fmt::format(
        "there is no job '{}' to explain: a job has its task's or its gang's name", options.explain));
  }
  return Simulation(trace, workload, options, std::move(jobs), std::move(constraints), std::move(queues),
                    std::move(policy))
      .Run();
}

}  // namespace flexai::simulator
