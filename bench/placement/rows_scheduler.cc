// The whole scheduler: a large gang that others must make room for, and cycles with two priorities.
#include <fmt/format.h>

#include <deque>

#include "base/random.h"
#include "bed.h"
#include "placement/scheduler.h"
#include "placement_suite.h"
#include "statistics.h"

namespace flexai::bench {
namespace {

using placement::Cluster;
using placement::Constraints;
using placement::Decision;
using placement::Evictable;
using placement::GangResult;
using placement::JobId;
using placement::JobSpec;
using placement::Member;
using placement::NodeIdentity;
using placement::NodeSpec;
using placement::Policy;
using placement::QueueTree;
using placement::Resources;
using placement::Scheduler;
using placement::TaskShape;
using placement::Transaction;

Result<QueueTree> OneQueue(const std::vector<NodeSpec>& nodes) {
  Resources capacity;
  for (const NodeSpec& node : nodes) {
    capacity.cpu_milli += node.cpu_milli;
    capacity.memory_mib += node.memory_mib;
    capacity.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * placement::kWholeDevice;
  }
  return QueueTree::Make({{.name = "default"}}, capacity, Seconds(3'600));
}

// A scheduler with all that it needs.
struct Site {
  Site(std::vector<NodeSpec> nodes, QueueTree tree, std::unique_ptr<Policy> with)
      : cluster(std::move(nodes)),
        constraints(std::vector<NodeIdentity>(cluster.nodes().size())),
        queues(std::move(tree)),
        policy(std::move(with)),
        scheduler(cluster, constraints, queues, *policy, {}) {}

  Cluster cluster;
  Constraints constraints;
  QueueTree queues;
  std::unique_ptr<Policy> policy;
  Scheduler scheduler;
};

// Below the gang's priority: halves of a device, one device, and of eight one gang with up to 32 members and
// one with up to four whole nodes.
JobSpec Small(JobId id, Random* random) {
  TaskShape shape{.cpu_milli = 8'000, .memory_mib = 32'768, .devices = 1, .share_milli = 1'000};
  int members = 1;
  const uint64_t kind = random->Below(8);
  if (kind < 3) {
    shape.share_milli = 500;
    shape.cpu_milli = 4'000;
  } else if (kind == 6) {
    members = static_cast<int>(random->Between(2, 32));
  } else if (kind == 7) {
    members = static_cast<int>(random->Between(1, 4));
    shape.devices = 8;
    shape.cpu_milli = 64'000;
  }
  return {.id = id,
          .name = fmt::format("job-{}", id),
          .roles = {{shape, members, members}},
          .priority = static_cast<int32_t>(random->Below(3))};
}

struct Reclaim {
  double choice_ms = 0;  // ChooseVictims alone
  double cycle_ms = 0;
  size_t running = 0;
  size_t ended = 0;
};

Result<Reclaim> ReclaimOnce(const Bed& bed, size_t nodes, const TaskShape& shape, int members) {
  const std::vector<NodeSpec> specs(nodes, {"node", 96'000, 786'432, 8, 0});
  FLEXAI_ASSIGN_OR_RETURN(QueueTree queues, OneQueue(specs));
  const auto site = std::make_unique<Site>(specs, std::move(queues), bed.MakeHi());
  // They run already when the scheduler comes, wherever hi put them, with priorities mixed.
  Cluster filled(specs);
  const std::unique_ptr<Policy> filling = bed.MakeHi();
  std::deque<std::vector<Evictable::Part>> parts;  // does not move
  std::vector<Evictable> candidates;
  Random random(1);
  JobId id = 0;
  while (filled.device_taken() < filled.device_capacity()) {
    JobSpec job = Small(++id, &random);
    Transaction transaction(filled, nullptr);
    GangResult placed = PlaceGang(&transaction, filled, nullptr, *filling, {.roles = job.roles});
    if (placed.outcome != GangResult::kPlaced) {
      continue;
    }
    transaction.Commit();
    Evictable candidate{.priority = job.priority};
    std::vector<Evictable::Part>& of_job = parts.emplace_back();
    for (const Member& member : placed.members) {
      of_job.push_back({job.roles[0].shape, member.where});
      candidate.cost += static_cast<double>(job.roles[0].shape.device_milli());
    }
    candidate.parts = of_job;
    candidates.push_back(candidate);
    FLEXAI_RETURN_IF_ERROR(site->scheduler.Adopt(std::move(job), std::move(placed.members), {}));
  }
  Reclaim result;
  result.running = candidates.size();
  std::optional<std::vector<size_t>> victims;
  result.choice_ms = ThreadTimeOf([&] {
                       victims = ChooseVictims(site->cluster, {shape, nullptr}, members, candidates);
                     }) *
                     1e-3;
  FLEXAI_RETURN_IF_ERROR(site->scheduler.Submit(
      {.id = ++id, .name = "gang", .roles = {{shape, members, members}}, .priority = 100}, Seconds(600)));
  std::vector<Decision> decisions;
  result.cycle_ms = ThreadTimeOf([&] { decisions = site->scheduler.Cycle(Seconds(600)); }) * 1e-3;
  for (const Decision& decision : decisions) {
    result.ended += decision.kind == Decision::kEnd ? 1 : 0;
  }
  if (!victims.has_value() || site->scheduler.state(id) != Scheduler::kAssumed) {
    return Internal("no victims were found for the gang");
  }
  FLEXAI_RETURN_IF_ERROR(site->scheduler.Audit());
  return result;
}

}  // namespace

Result<Rows> MeasureReclaim(size_t nodes, int repeats) {
  constexpr double kTargetMs = 1'000;
  const Bed bed = MakeBed(nodes);
  Rows rows;
  for (const int devices : {1, 8}) {
    const TaskShape shape{.cpu_milli = 8'000 * devices,
                          .memory_mib = 32'768 * devices,
                          .devices = devices,
                          .share_milli = 1'000};
    const int members = static_cast<int>(nodes) * 4 / devices;
    std::vector<double> choices;
    std::vector<double> cycles;
    Reclaim last;
    for (int i = 0; i < repeats; ++i) {
      FLEXAI_ASSIGN_OR_RETURN(last, ReclaimOnce(bed, nodes, shape, members));
      choices.push_back(last.choice_ms);
      cycles.push_back(last.cycle_ms);
    }
    const std::string name = devices == 1 ? "reclaim_2000" : "reclaim_2000_by_8";
    const std::string target = fmt::format("<= {} ms", kTargetMs);
    const double choice = Median(choices);
    const double cycle = Median(cycles);
    rows.push_back(
        {.name = name,
         .value = cycle,
         .unit = "ms",
         .target = target,
         .met = cycle <= kTargetMs,
         .note = fmt::format("Scheduler::Cycle that starts a gang of {} members with {} devices each on {} "
                             "devices full of {} jobs, of which {} are ended; median of {}",
                             members, devices, nodes * 8, last.running, last.ended, repeats)});
    rows.push_back({.name = name + "_choice",
                    .value = choice,
                    .unit = "ms",
                    .target = target,
                    .met = choice <= kTargetMs,
                    .note = "ChooseVictims alone, over the same jobs"});
  }
  return rows;
}

Result<Rows> MeasureCycles(size_t nodes, int cycles) {
  constexpr int kArrivals = 20;  // a cycle; every fourth has high priority
  const Bed bed = MakeBed(nodes);
  FLEXAI_ASSIGN_OR_RETURN(QueueTree queues, OneQueue(bed.arrivals.nodes));
  const auto site = std::make_unique<Site>(bed.arrivals.nodes, std::move(queues), bed.MakeHi());
  Scheduler& scheduler = site->scheduler;
  Random random(1);
  JobId id = 0;
  std::vector<JobId> known;
  Nanos now;
  const auto submit = [&](int32_t priority) {
    const TaskShape& shape = bed.shape(id++ % bed.size());
    known.push_back(id);
    return scheduler.Submit({.id = id,
                             .name = fmt::format("job-{}", id),
                             .roles = {{shape, 1, 1}},
                             .priority = priority,
                             .submitted = now},
                            now);
  };
  size_t starts = 0;
  size_t ends = 0;
  std::vector<double> times;
  const auto cycle = [&] {
    std::vector<Decision> decisions;
    times.push_back(ThreadTimeOf([&] { decisions = scheduler.Cycle(now); }));
    for (const Decision& decision : decisions) {
      starts += decision.kind == Decision::kStart ? 1 : 0;
      ends += decision.kind == Decision::kEnd ? 1 : 0;
    }
  };
  while (id < bed.size()) {
    FLEXAI_RETURN_IF_ERROR(submit(0));
  }
  cycle();
  const double filling_ms = times.front() * 1e-3;
  const size_t waiting = scheduler.waiting();
  times.clear();
  starts = 0;
  for (int i = 0; i < cycles; ++i) {
    now = now + Seconds(1);
    for (int arrival = 0; arrival < kArrivals; ++arrival) {
      FLEXAI_RETURN_IF_ERROR(submit(arrival % 4 == 0 ? 1 : 0));
      std::swap(known[random.Below(known.size())], known.back());
      scheduler.Remove(known.back(), now);
      known.pop_back();
    }
    cycle();
  }
  FLEXAI_RETURN_IF_ERROR(scheduler.Audit());
  double sum = 0;
  for (const double time : times) {
    sum += time;
  }
  return Rows{
      {.name = "cycles_1213",
       .value = 1e6 * static_cast<double>(cycles) / sum,
       .unit = "1/s",
       .note =
           fmt::format("Scheduler::Cycle on a full cluster with {} jobs waiting; {} arrive and {} "
                       "leave before each, a quarter with high priority; {} started and {} ended "
                       "for others in {} cycles; p99 {:.1f} ms",
                       waiting, kArrivals, kArrivals, starts, ends, cycles, Quantile(times, 0.99) * 1e-3)},
      {.name = "cycle_filling_1213",
       .value = filling_ms,
       .unit = "ms",
       .note = fmt::format("the cycle that fills the empty cluster, with {} jobs waiting", bed.size())}};
}

}  // namespace flexai::bench
