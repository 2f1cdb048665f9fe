#include "cli/sim_timed_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/sim_options.h"
#include "os/files.h"
#include "simulator/plot.h"
#include "simulator/timed_comparison.h"

namespace flexai::cli {
namespace {

using nlohmann::json;
using simulator::Spread;
using simulator::TimedResult;
using simulator::TimedRun;

struct Figure {
  const char* name;     // in JSON
  const char* heading;  // in the table
  const char* format;
  double (*of)(const TimedRun& run);
};

constexpr Figure kFigures[] = {
    {"allocation", "ALLOCATED", "{:.2f} %", [](const TimedRun& run) { return run.allocation; }},
    {"goodput", "GOODPUT", "{:.2f} %", [](const TimedRun& run) { return run.goodput; }},
    {"wait_mean", "WAIT", "{:.1f} s", [](const TimedRun& run) { return run.waits.mean; }},
    {"wait_p99", "P99", "{:.0f} s", [](const TimedRun& run) { return run.waits.p99; }},
    {"wait_mean_by_device", "BY DEVICE", "{:.1f} s",
     [](const TimedRun& run) { return run.waits.mean_by_device; }},
    {"high_wait_p99", "P99 OF HIGHEST", "{:.1f} s",
     [](const TimedRun& run) { return run.by_priority.empty() ? 0 : run.by_priority.rbegin()->second.p99; }},
    {"evictions", "EVICTIONS", "{:.1f}",
     [](const TimedRun& run) { return static_cast<double>(run.evictions); }},
    {"moves", "MOVES", "{:.1f}", [](const TimedRun& run) { return static_cast<double>(run.moves); }},
    {"finished", "FINISHED", "{:.0f}", [](const TimedRun& run) { return static_cast<double>(run.finished); }},
};

Result<Nanos> Duration(const char* option, const std::string& text) {
  Result<Nanos> value = ParseNanos(text);
  if (!value.ok()) {
    return value.status().WithContext(option);
  }
  return value;
}

Status ReadSnapshotOptions(const SimTimedOptions& options, simulator::TimedComparisonOptions* comparison) {
  if (options.snapshot.empty() && options.snapshot_at.empty()) {
    return {};
  }
  if (options.snapshot.empty() || options.snapshot_at.empty()) {
    return InvalidArgument("--snapshot and --snapshot-at: each goes with the other");
  }
  if (comparison->policies.size() != 1 || comparison->seeds.size() != 1) {
    return InvalidArgument(
        "--snapshot: is of one run: give one policy and one seed, as --policies hi --seeds 1");
  }
  FLEXAI_ASSIGN_OR_RETURN(comparison->timed.snapshot_at, Duration("--snapshot-at", options.snapshot_at));
  return *comparison->timed.snapshot_at < comparison->timed.horizon
             ? Status()
             : InvalidArgument("--snapshot-at: must be before the horizon");
}

Status ReadOptions(const SimTimedOptions& options, simulator::TimedComparisonOptions* comparison,
                   simulator::GeneratorOptions* generator) {
  FLEXAI_ASSIGN_OR_RETURN(comparison->policies, ParsePolicies(options.policies, placement::PolicyNames()));
  FLEXAI_ASSIGN_OR_RETURN(const auto seeds, ParseSeeds(options.seeds));
  for (uint64_t seed = seeds.first; seed <= seeds.second; ++seed) {
    comparison->seeds.push_back(seed);
  }
  simulator::TimedOptions& timed = comparison->timed;
  FLEXAI_ASSIGN_OR_RETURN(timed.warm_up, Duration("--warm-up", options.warm_up));
  FLEXAI_ASSIGN_OR_RETURN(timed.horizon, Duration("--horizon", options.horizon));
  if (timed.horizon <= timed.warm_up) {
    return InvalidArgument("--horizon: must be after the end of the warm-up");
  }
  FLEXAI_ASSIGN_OR_RETURN(timed.scheduler.reserve_after, Duration("--reserve-after", options.reserve_after));
  if (!options.mean_up.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(timed.mean_up, Duration("--mean-up", options.mean_up));
  }
  timed.scheduler.preempt = !options.no_preempt;
  timed.scheduler.move = options.move;
  timed.explain = options.explain;
  FLEXAI_RETURN_IF_ERROR(ReadSnapshotOptions(options, comparison));

  generator->length = timed.horizon;
  generator->load = options.load;
  FLEXAI_ASSIGN_OR_RETURN(generator->median_duration, Duration("--median", options.median));
  FLEXAI_ASSIGN_OR_RETURN(generator->restart, Duration("--restart", options.restart));
  FLEXAI_ASSIGN_OR_RETURN(generator->min_run, Duration("--min-run", options.min_run));
  generator->sigma = options.sigma;
  if (!(options.high >= 0 && options.high < 1)) {
    return InvalidArgument("--high: must be at least 0 and below 1, for example 0.1");
  }
  if (!(options.gangs >= 0 && options.gangs <= 1)) {
    return InvalidArgument("--gangs: must be from 0 to 1, for example 0.02");
  }
  simulator::TaskKind low;
  low.part = 1 - options.high;
  if (!options.low_window.empty()) {
    const Result<placement::TimeWindow> window = placement::TimeWindow::Parse(options.low_window);
    FLEXAI_RETURN_IF_ERROR(window.status().WithContext("--low-window"));
    low.window = *window;
  }
  generator->kinds = {low};
  if (options.high > 0) {
    simulator::TaskKind high;
    high.part = options.high;
    high.priority = 1;
    generator->kinds.push_back(high);
  }
  generator->gang_part = options.gangs;
  generator->gang_sizes = {2, 4, 8};
  return {};
}

json ToJson(const simulator::Waits& waits) {
  return {{"jobs", waits.jobs},
          {"started", waits.started},
          {"mean_s", waits.mean},
          {"p99_s", waits.p99},
          {"mean_by_device_s", waits.mean_by_device}};
}

json ToJson(const TimedRun& run, uint64_t seed) {
  json entry{{"seed", seed}, {"failures", run.failures}, {"waits", ToJson(run.waits)}};
  for (const Figure& figure : kFigures) {
    entry[figure.name] = figure.of(run);
  }
  for (const auto& [priority, waits] : run.by_priority) {
    entry["by_priority"][std::to_string(priority)] = ToJson(waits);
  }
  for (const auto& [size, waits] : run.by_size) {
    entry["by_size"][size] = ToJson(waits);
  }
  entry["course"] = json::array();
  for (const auto& [allocation, waiting] : run.course) {
    entry["course"].push_back({{"allocation", allocation}, {"waiting", waiting}});
  }
  if (!run.story.empty()) {
    entry["story"] = run.story;
  }
  return entry;
}

// A kind of jobs whose waits are told apart from the rest.
struct Group {
  std::string name;
  std::function<simulator::Waits(const TimedRun& run)> of;  // nothing if a run has none of them
};

std::vector<Group> GroupsIn(const std::vector<TimedResult>& results) {
  std::set<std::string> sizes;
  std::set<int32_t> priorities;
  for (const TimedResult& result : results) {
    for (const TimedRun& run : result.runs) {
      for (const auto& [size, waits] : run.by_size) {
        sizes.insert(size);
      }
      for (const auto& [priority, waits] : run.by_priority) {
        priorities.insert(priority);
      }
    }
  }
  const auto find = [](const auto& by, const auto& key) {
    const auto found = by.find(key);
    return found == by.end() ? simulator::Waits() : found->second;
  };
  std::vector<Group> groups;
  for (const std::string size : {"cpu", "fraction", "one", "multi", "gang"}) {
    if (!sizes.contains(size)) {
      continue;
    }
    groups.push_back({size, [size, find](const TimedRun& run) { return find(run.by_size, size); }});
  }
  for (const int32_t priority : priorities) {
    groups.push_back({fmt::format("priority {}", priority),
                      [priority, find](const TimedRun& run) { return find(run.by_priority, priority); }});
  }
  return groups;
}

double MeanWait(const TimedResult& result, const Group& group) {
  return result.Of([&group](const TimedRun& run) { return group.of(run).mean; }).mean;
}
double P99Wait(const TimedResult& result, const Group& group) {
  return result.Of([&group](const TimedRun& run) { return group.of(run).p99; }).mean;
}

void PrintWaits(const Context& context, const std::vector<TimedResult>& results) {
  const std::vector<Group> groups = GroupsIn(results);
  std::vector<std::vector<std::string>> rows{{"POLICY"}};
  for (const Group& group : groups) {
    rows[0].push_back(group.name);
  }
  for (const TimedResult& result : results) {
    rows.push_back({result.policy});
    for (const Group& group : groups) {
      rows.back().push_back(fmt::format("{:.1f} / {:.0f}", MeanWait(result, group), P99Wait(result, group)));
    }
  }
  context.out << "\nWaits by size and by priority, seconds, mean / p99:\n" << FormatTable(rows);
}

void PrintTables(const Context& context, const std::vector<TimedResult>& results) {
  std::vector<std::vector<std::string>> rows{{"POLICY"}};
  for (const Figure& figure : kFigures) {
    rows[0].emplace_back(figure.heading);
  }
  for (const TimedResult& result : results) {
    rows.push_back({result.policy});
    for (const Figure& figure : kFigures) {
      rows.back().push_back(fmt::format(fmt::runtime(figure.format), result.Of(figure.of).mean));
    }
  }
  context.out << FormatTable(rows);
  PrintWaits(context, results);
  if (results.size() < 2 || results[0].runs.size() < 2) {
    return;
  }
  // The last against each of the others, in the same runs.
  const TimedResult& last = results.back();
  std::vector<std::vector<std::string>> pairs{{last.policy + " AGAINST"}};
  for (const Figure& figure : kFigures) {
    pairs[0].emplace_back(figure.heading);
  }
  for (size_t i = 0; i + 1 < results.size(); ++i) {
    pairs.push_back({results[i].policy});
    for (const Figure& figure : kFigures) {
      const Spread difference = last.Minus(results[i], figure.of);
      pairs.back().push_back(fmt::format("{:+.2f} +- {:.2f}", difference.mean, difference.half_width));
    }
  }
  context.out << "\nMean difference over the seeds and the half width of its 95 % confidence interval:\n"
              << FormatTable(pairs);
}

// What was decided about the job to explain, in the first run of each policy.
void PrintStories(const Context& context, const std::vector<TimedResult>& results, const std::string& job,
                  uint64_t seed) {
  for (const TimedResult& result : results) {
    if (!job.empty()) {
      context.out << fmt::format("\n{} under {}, seed {}:\n", job, result.policy, seed);
    }
    for (const std::string& line : result.runs.front().story) {
      context.out << "  " << line << "\n";
    }
  }
}

void PrintAsJson(const Context& context, const std::vector<TimedResult>& results,
                 const std::vector<uint64_t>& seeds, size_t nodes) {
  json policies = json::array();
  for (const TimedResult& result : results) {
    json entry{{"name", result.policy}};
    for (const Figure& figure : kFigures) {
      const Spread spread = result.Of(figure.of);
      entry[figure.name] = {{"mean", spread.mean}, {"half_width_95", spread.half_width}};
      const Spread difference = results.back().Minus(result, figure.of);
      entry["last_minus_this"][figure.name] = {{"mean", difference.mean},
                                               {"half_width_95", difference.half_width}};
    }
    for (size_t i = 0; i < result.runs.size(); ++i) {
      entry["runs"].push_back(ToJson(result.runs[i], seeds[i]));
    }
    policies.push_back(std::move(entry));
  }
  PrintJson(context, {{"policies", policies}, {"nodes", nodes}});
}

// Means over the seeds, by time.
Status Plot(const std::vector<TimedResult>& results, Nanos horizon, const std::string& path) {
  simulator::Chart allocation{"Devices allocated", "hours", "percent", {}, 0};
  simulator::Chart waiting{"Jobs that wait", "hours", "jobs", {}, 0};
  for (const TimedResult& result : results) {
    simulator::Series taken{result.policy, {}};
    simulator::Series waits{result.policy, {}};
    for (size_t i = 0; i < result.runs.front().course.size(); ++i) {
      const double hours = static_cast<double>(i) / 100 * static_cast<double>(horizon.value) / 3.6e12;
      taken.points.emplace_back(hours,
                                result.Of([i](const TimedRun& run) { return run.course[i].first; }).mean);
      waits.points.emplace_back(
          hours,
          result.Of([i](const TimedRun& run) { return static_cast<double>(run.course[i].second); }).mean);
    }
    allocation.series.push_back(std::move(taken));
    waiting.series.push_back(std::move(waits));
  }
  simulator::BarChart mean{"Mean wait by size and priority", "seconds", {}, {}};
  simulator::BarChart p99{"Wait by size and priority, 99th percentile", "seconds", {}, {}};
  const std::vector<Group> groups = GroupsIn(results);
  for (const Group& group : groups) {
    mean.categories.push_back(group.name);
    p99.categories.push_back(group.name);
  }
  for (const TimedResult& result : results) {
    auto& means = mean.series.emplace_back(result.policy, std::vector<double>()).second;
    auto& p99s = p99.series.emplace_back(result.policy, std::vector<double>()).second;
    for (const Group& group : groups) {
      means.push_back(MeanWait(result, group));
      p99s.push_back(P99Wait(result, group));
    }
  }
  return os::WriteFile(path, simulator::DrawCharts({allocation, waiting}, {mean, p99}));
}

Status Simulate(const Context& context, const SimTimedOptions& options) {
  simulator::TimedComparisonOptions comparison;
  simulator::GeneratorOptions generator;
  FLEXAI_RETURN_IF_ERROR(ReadOptions(options, &comparison, &generator));
  FLEXAI_ASSIGN_OR_RETURN(const simulator::Trace trace, simulator::ReadOpenb(options.nodes, options.pods));
  std::optional<simulator::Workload> given;
  if (!options.tasks.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(given, simulator::ReadWorkload(options.tasks, options.queues, trace.models));
  } else if (!options.queues.empty()) {
    return InvalidArgument("--queues: goes with --tasks, a drawn workload has queues of its own");
  }
  const auto workload_of = [&](uint64_t seed) -> Result<simulator::Workload> {
    if (given.has_value()) {
      return *given;
    }
    simulator::GeneratorOptions drawn = generator;
    drawn.seed = seed;
    Result<simulator::Workload> workload = simulator::DrawWorkload(trace, drawn);
    if (options.only_high && workload.ok()) {
      std::erase_if(workload->tasks, [](const simulator::TimedTask& task) { return task.priority == 0; });
    }
    return workload;
  };
  if (!options.write_tasks.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(const simulator::Workload first, workload_of(comparison.seeds.front()));
    FLEXAI_RETURN_IF_ERROR(
        os::WriteFile(options.write_tasks, simulator::TasksText(first.tasks, trace.models)));
  }
  std::vector<TimedResult> results;
  {
    Progress progress(context);
    comparison.on_progress = [&progress](size_t done, size_t runs) { progress.Show(done, runs); };
    FLEXAI_ASSIGN_OR_RETURN(results, simulator::CompareTimed(trace, workload_of, comparison));
  }
  if (context.json) {
    PrintAsJson(context, results, comparison.seeds, trace.nodes.size());
  } else {
    PrintTables(context, results);
    PrintStories(context, results, options.explain, comparison.seeds.front());
  }
  // After the rest, which is not lost then if these can't be written.
  if (!options.snapshot.empty()) {
    FLEXAI_RETURN_IF_ERROR(simulator::WriteSnapshot(*results[0].runs[0].snapshot, options.snapshot));
  }
  return options.plot.empty() ? Status() : Plot(results, comparison.timed.horizon, options.plot);
}

}  // namespace

int SimTimed(const Context& context, const SimTimedOptions& options) {
  const Status status = Simulate(context, options);
  return Report(context, status, status.code() == Code::kInvalidArgument ? kExitUsage : kExitFailure);
}

}  // namespace flexai::cli
