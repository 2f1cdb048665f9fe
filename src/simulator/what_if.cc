#include "simulator/what_if.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "placement/demand.h"
#include "placement/hi_parameters.h"
#include "placement/policy.h"
#include "simulator/csv.h"

namespace flexai::simulator {
namespace {

using placement::Decision;
using placement::JobId;
using placement::Member;
using placement::NodeId;

// What becomes of a job, in the order in which differences are told.
enum class Fate { kEnded, kStartsAgain, kMoved, kShrunk, kGrown, kStarts, kWaits, kRuns };

// The policy's part that both cycles share: what tasks typically ask for is what the snapshot's ask for.
struct Foresight {
  std::vector<placement::TypicalTask> typical;
  placement::PolicyInputs inputs;
};

// A copy of the cluster, with what was decided about it.
class World {
 public:
  static Result<std::unique_ptr<World>> Make(Snapshot snapshot, const Foresight& foresight,
                                             const WhatIfOptions& options) {
    placement::Constraints constraints(snapshot.nodes.identities);
    FLEXAI_ASSIGN_OR_RETURN(
        placement::QueueTree queues,
        placement::QueueTree::Make(snapshot.queues, CapacityOf(snapshot.nodes.specs), options.half_life));
    FLEXAI_ASSIGN_OR_RETURN(std::unique_ptr<placement::Policy> policy,
                            placement::MakePolicy(options.policy, foresight.inputs));
    FLEXAI_ASSIGN_OR_RETURN(std::vector<Job> jobs, JobsOf(snapshot.tasks, queues, &constraints));
    std::unique_ptr<World> world(new World(std::move(snapshot), std::move(jobs), std::move(constraints),
                                           std::move(queues), std::move(policy), options));
    FLEXAI_RETURN_IF_ERROR(Restore(world->snapshot_, world->jobs_, &world->scheduler_));
    return world;
  }

  const std::vector<Job>& jobs() const { return jobs_; }
  const std::string& queue_name(const Job& job) const { return queues_.spec(job.spec.queue).name; }
  bool Runs(const Job& job) const { return !scheduler_.members(job.spec.id)->empty(); }

  void Lose(const std::vector<std::string>& nodes) {
    for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
      if (std::find(nodes.begin(), nodes.end(), cluster_.nodes()[node].name) != nodes.end()) {
        Note(scheduler_.LoseNode(node, Clock()));
      }
    }
  }
  Status Cycle() {
    Note(scheduler_.Cycle(Clock()));
    return scheduler_.Audit();
  }

  Standing Stand() const {
    Standing standing;
    for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
      const int32_t devices = constraints_.node(node).in_service ? cluster_.nodes()[node].devices : 0;
      standing.capacity_milli += int64_t{devices} * placement::kWholeDevice;
      for (int32_t device = 0; device < devices; ++device) {
        standing.taken_milli += placement::kWholeDevice - cluster_.device_free(node, device);
      }
    }
    for (placement::QueueId queue = 0; queue < queues_.size(); ++queue) {
      if (queues_.is_leaf(queue)) {
        standing.by_queue[queues_.spec(queue).name];
      }
    }
    for (const Job& job : jobs_) {
      for (JobCounts* counts :
           {&standing.all, &standing.by_queue[queue_name(job)], &standing.by_priority[job.spec.priority]}) {
        Count(job, counts);
      }
    }
    return standing;
  }

  Fate FateOf(const Job& job) const {
    const auto noted = notes_.find(job.spec.id);
    if (noted == notes_.end()) {
      return Runs(job) ? Fate::kRuns : Fate::kWaits;
    }
    const Notes& note = noted->second;
    if (note.ended) {
      return Runs(job) ? Fate::kStartsAgain : Fate::kEnded;
    }
    switch (note.last) {
      case Decision::kMove:
        return Fate::kMoved;
      case Decision::kShrink:
        return Fate::kShrunk;
      case Decision::kGrow:
        return note.started ? Fate::kStarts : Fate::kGrown;
      case Decision::kEnd:
      case Decision::kStart:
        break;
    }
    return Fate::kStarts;
  }

  size_t MembersOf(const Job& job) const { return scheduler_.members(job.spec.id)->size(); }

  std::string FateText(const Job& job) const {
    switch (FateOf(job)) {
      case Fate::kEnded:
        return "is ended";
      case Fate::kStartsAgain:
        return "is ended, starts again on " + Place(job);
      case Fate::kMoved:
        return "is moved to " + Place(job);
      case Fate::kShrunk:
      case Fate::kGrown:
        return fmt::format("runs with {} members on {}", MembersOf(job), Place(job));
      case Fate::kStarts:
        return MembersOf(job) > 1 ? fmt::format("starts with {} members on {}", MembersOf(job), Place(job))
                                  : "starts on " + Place(job);
      case Fate::kWaits:
        return "waits";
      case Fate::kRuns:
        break;
    }
    return "runs on " + Place(job);
  }

  // Of what was decided, or else of waiting.
  std::string Reason(const Job& job) const {
    const auto noted = notes_.find(job.spec.id);
    if (noted != notes_.end()) {
      return fmt::format("{}", fmt::join(noted->second.reasons, "; "));
    }
    return Runs(job) ? "" : Explain(job);
  }
  std::string Explain(const Job& job) const { return *scheduler_.Explain(job.spec.id, Clock()); }

 private:
  struct Notes {
    Decision::Kind last = Decision::kStart;
    bool ended = false;
    bool started = false;
    std::vector<std::string> reasons;
  };

  World(Snapshot snapshot, std::vector<Job> jobs, placement::Constraints constraints,
        placement::QueueTree queues, std::unique_ptr<placement::Policy> policy, const WhatIfOptions& options)
      : snapshot_(std::move(snapshot)),
        jobs_(std::move(jobs)),
        cluster_(snapshot_.nodes.specs),
        constraints_(std::move(constraints)),
        queues_(std::move(queues)),
        policy_(std::move(policy)),
        scheduler_(cluster_, constraints_, queues_, *policy_, options.scheduler) {}

  Nanos Clock() const { return kWorkloadStart + snapshot_.now; }

  void Note(const std::vector<Decision>& decisions) {
    for (const Decision& decision : decisions) {
      Notes& note = notes_[decision.job];
      note.last = decision.kind;
      note.ended = note.ended || decision.kind == Decision::kEnd;
      note.started = note.started || decision.kind == Decision::kStart;
      note.reasons.push_back(decision.reason);
    }
  }

  void Count(const Job& job, JobCounts* counts) const {
    if (Runs(job)) {
      ++counts->running;
      return;
    }
    ++counts->waiting;
    int64_t milli = 0;
    for (const placement::Role& role : job.spec.roles) {
      milli += role.shape.device_milli() * role.min;
    }
    counts->waiting_milli += milli;
    Nanos length = job.spec.expected_run;
    for (const size_t task : job.tasks) {
      length = job.spec.expected_run > Nanos{} ? length : std::max(length, snapshot_.tasks[task].duration);
    }
    counts->of_unknown_length += milli > 0 && length == Nanos{} ? 1 : 0;
    counts->waiting_device_seconds +=
        static_cast<double>(milli) / placement::kWholeDevice * static_cast<double>(length.value) * 1e-9;
  }

  // "n1", "n1, with devices of n2", "n1, n2 and 3 more nodes".
  std::string Place(const Job& job) const {
    std::set<NodeId> nodes;
    std::set<NodeId> lenders;
    for (const Member& member : *scheduler_.members(job.spec.id)) {
      nodes.insert(member.where.cpu_node);
      if (member.where.remote()) {
        lenders.insert(member.where.device_node);
      }
    }
    return Names(nodes) + (lenders.empty() ? "" : ", with devices of " + Names(lenders));
  }
  std::string Names(const std::set<NodeId>& nodes) const {
    constexpr size_t kNamed = 2;
    std::vector<std::string> names;
    for (const NodeId node : nodes) {
      if (names.size() < kNamed) {
        names.push_back(cluster_.nodes()[node].name);
      }
    }
    const size_t more = nodes.size() - names.size();
    return fmt::format("{}{}", fmt::join(names, ", "),
                       more == 0 ? "" : fmt::format(" and {} more node{}", more, more == 1 ? "" : "s"));
  }

  const Snapshot snapshot_;
  const std::vector<Job> jobs_;
  placement::Cluster cluster_;
  placement::Constraints constraints_;
  placement::QueueTree queues_;
  const std::unique_ptr<placement::Policy> policy_;
  placement::Scheduler scheduler_;
  std::map<JobId, Notes> notes_;
};

Snapshot With(Snapshot snapshot, const Change& change) {
  snapshot.nodes = change.nodes;
  snapshot.tasks.insert(snapshot.tasks.end(), change.tasks.begin(), change.tasks.end());
  snapshot.places.resize(snapshot.tasks.size());
  return snapshot;
}

Foresight ForeseeBy(const Snapshot& snapshot, const std::string& policy) {
  std::vector<placement::TaskShape> shapes;
  for (const TimedTask& task : snapshot.tasks) {
    shapes.push_back(task.shape);
  }
  Foresight foresight{placement::TypicalTasks(shapes), {}};
  foresight.inputs.typical = foresight.typical;
  if (policy == "hi") {
    foresight.inputs.hi = placement::TuneHi(foresight.typical, snapshot.nodes.specs);
  }
  return foresight;
}

// Jobs of the snapshot have the same numbers in both worlds, and those that are added come after them.
std::vector<Difference> Compare(const World& as_is, const World& with_change) {
  std::vector<std::pair<Fate, Difference>> found;
  for (size_t i = 0; i < with_change.jobs().size(); ++i) {
    const Job& job = with_change.jobs()[i];
    const bool added = i >= as_is.jobs().size();
    const Fate fate = with_change.FateOf(job);
    if (!added && as_is.FateOf(as_is.jobs()[i]) == fate &&
        as_is.MembersOf(as_is.jobs()[i]) == with_change.MembersOf(job)) {
      continue;
    }
    found.emplace_back(fate, Difference{job.spec.name, with_change.queue_name(job), job.spec.priority,
                                        added ? "is not there" : as_is.FateText(as_is.jobs()[i]),
                                        with_change.FateText(job), with_change.Reason(job)});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Difference> differences;
  differences.reserve(found.size());
  for (auto& [fate, difference] : found) {
    differences.push_back(std::move(difference));
  }
  return differences;
}

// Those that wait, the highest priority and the oldest first.
std::vector<const Job*> Waiting(const World& world) {
  std::vector<const Job*> waiting;
  for (const Job& job : world.jobs()) {
    if (!world.Runs(job)) {
      waiting.push_back(&job);
    }
  }
  std::stable_sort(waiting.begin(), waiting.end(), [](const Job* a, const Job* b) {
    return std::tuple(b->spec.priority, a->spec.submitted) < std::tuple(a->spec.priority, b->spec.submitted);
  });
  return waiting;
}

Status ParseAddedTasks(const ChangeTexts& texts, const Snapshot& snapshot, Change* change) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(texts.tasks, texts.tasks_name));
  FLEXAI_RETURN_IF_ERROR(AddModelsOfTasks(table, &change->nodes.models));
  FLEXAI_ASSIGN_OR_RETURN(change->tasks,
                          TasksOf(table, change->nodes.models, snapshot.queues, TaskUse::kAdded));
  std::unordered_set<std::string_view> names;
  std::unordered_set<std::string_view> gangs;
  for (const TimedTask& task : snapshot.tasks) {
    names.insert(task.name);
    gangs.insert(task.gang);
  }
  for (size_t i = 0; i < change->tasks.size(); ++i) {
    TimedTask& task = change->tasks[i];
    if (names.contains(task.name)) {
      return InvalidArgument(
          fmt::format("{}: the snapshot has a task '{}' already", table.row(i).place(), task.name));
    }
    if (!task.gang.empty() && gangs.contains(task.gang)) {
      return InvalidArgument(
          fmt::format("{}: the snapshot has a gang '{}' already", table.row(i).place(), task.gang));
    }
    task.arrival = snapshot.now;
  }
  return {};
}

}  // namespace

double Standing::allocation() const {
  return capacity_milli == 0 ? 0
                             : 100 * static_cast<double>(taken_milli) / static_cast<double>(capacity_milli);
}

Result<Change> ParseChange(const ChangeTexts& texts, std::vector<std::string> removed,
                           const Snapshot& snapshot) {
  Change change{snapshot.nodes, std::move(removed), {}};
  for (const std::string& name : change.removed) {
    const auto& nodes = snapshot.nodes.specs;
    if (std::none_of(nodes.begin(), nodes.end(),
                     [&name](const placement::NodeSpec& node) { return node.name == name; })) {
      return InvalidArgument(fmt::format("there is no node '{}' in the snapshot to remove", name));
    }
  }
  if (!texts.nodes.empty()) {
    FLEXAI_RETURN_IF_ERROR(AddNodes(texts.nodes, texts.nodes_name, OtherColumns::kRefused, &change.nodes));
  }
  if (!texts.tasks.empty()) {
    FLEXAI_RETURN_IF_ERROR(ParseAddedTasks(texts, snapshot, &change));
  }
  return change;
}

Result<WhatIf> RunWhatIf(const Snapshot& snapshot, const Change& change, const WhatIfOptions& options) {
  const Foresight foresight = ForeseeBy(snapshot, options.policy);
  FLEXAI_ASSIGN_OR_RETURN(const std::unique_ptr<World> as_is, World::Make(snapshot, foresight, options));
  WhatIf result;
  result.now = as_is->Stand();
  FLEXAI_RETURN_IF_ERROR(as_is->Cycle());
  result.as_is = as_is->Stand();
  FLEXAI_ASSIGN_OR_RETURN(const std::unique_ptr<World> with_change,
                          World::Make(With(snapshot, change), foresight, options));
  with_change->Lose(change.removed);
  FLEXAI_RETURN_IF_ERROR(with_change->Cycle());
  result.with_change = with_change->Stand();
  result.differences = Compare(*as_is, *with_change);
  const std::vector<const Job*> waiting = Waiting(*with_change);
  result.waiting = waiting.size();
  for (size_t i = 0; i < std::min(waiting.size(), options.most_explained); ++i) {
    result.waits.push_back(with_change->Explain(*waiting[i]));
  }
  return result;
}

}  // namespace flexai::simulator
