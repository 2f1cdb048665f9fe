#include "cli/sim_command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "cli/sim_options.h"
#include "os/files.h"
#include "os/monotonic_clock.h"
#include "simulator/comparison.h"
#include "simulator/decision_log.h"
#include "simulator/plot.h"
#include "simulator/published.h"

namespace flexai::cli {
namespace {

using nlohmann::json;

// The log of one run: the file itself if there is one run only, else "NAME-POLICY-SEED.EXTENSION".
std::string LogName(const SimOpenbOptions& options, size_t runs, const std::string& policy, uint64_t seed) {
  if (runs == 1) {
    return options.log;
  }
  const size_t slash = options.log.rfind('/') == std::string::npos ? 0 : options.log.rfind('/') + 1;
  const size_t dot = std::min(options.log.find('.', slash), options.log.size());
  return fmt::format("{}-{}-{}{}", options.log.substr(0, dot), policy, seed, options.log.substr(dot));
}

// How much of the capacity was allocated by the time that so much of it had been asked for.
std::optional<double> At(const simulator::PolicyResult& result, int percent) {
  const auto found = result.allocation.find(percent);
  return found == result.allocation.end() ? std::nullopt : std::optional(found->second);
}

std::string Cell(std::optional<double> percent) { return percent ? fmt::format("{:.2f}", *percent) : "-"; }

json ToJson(const simulator::PolicyResult& result, const simulator::PublishedRow* published, bool remote) {
  json acceptance;
  for (size_t i = 0; i < simulator::kTaskClasses; ++i) {
    acceptance[std::string(simulator::ClassName(static_cast<simulator::TaskClass>(i)))] =
        result.acceptance[i];
  }
  const auto number = [](std::optional<double> value) { return value ? json(*value) : json(); };
  json curve = json::array();
  for (const auto& [percent, allocation] : result.allocation) {
    curve.push_back({percent, allocation});
  }
  json entry{{"name", result.name},
             {"allocation_at_100", number(At(result, 100))},
             {"allocation_at_130", number(At(result, 130))},
             {"acceptance", acceptance},
             {"allocation", curve}};
  if (result.microseconds_per_decision > 0) {
    entry["microseconds_per_decision"] = result.microseconds_per_decision;
  }
  if (result.most_held > 1) {
    entry["most_held"] = result.most_held;
  }
  if (remote) {
    entry["remote_placements"] = result.remote;
  }
  if (published != nullptr) {
    entry["published_at_100"] = published->at_100;
    entry["published_at_130"] = published->at_130;
  }
  return entry;
}

void PrintTable(const Context& context, const std::vector<simulator::PolicyResult>& results,
                const std::map<std::string, simulator::PublishedRow>& published,
                const SimOpenbOptions& options) {
  std::vector<std::vector<std::string>> rows{
      {"POLICY", "AT 100 %", "AT 130 %", "CPU", "FRACTION", "ONE", "MULTI"}};
  if (!published.empty()) {
    rows[0].insert(rows[0].begin() + 3, {"PUBLISHED AT 100 %", "AT 130 %"});
  }
  const bool batches =
      std::any_of(results.begin(), results.end(), [](const auto& result) { return result.most_held > 1; });
  if (batches) {
    rows[0].emplace_back("HOLDS");
  }
  if (options.remote) {
    rows[0].emplace_back("REMOTE");
  }
  if (options.timing) {
    rows[0].emplace_back("US/DECISION");
  }
  for (const simulator::PolicyResult& result : results) {
    std::vector<std::string> row{result.name, Cell(At(result, 100)), Cell(At(result, 130))};
    if (!published.empty()) {
      const auto found = published.find(result.name);
      const bool known = found != published.end();
      row.push_back(known ? Cell(found->second.at_100) : "-");
      row.push_back(known ? Cell(found->second.at_130) : "-");
    }
    for (const double acceptance : result.acceptance) {
      row.push_back(fmt::format("{:.1f} %", 100 * acceptance));
    }
    if (batches) {
      row.push_back(result.most_held > 1 ? fmt::format("{}", result.most_held) : "-");
    }
    if (options.remote) {
      row.push_back(fmt::format("{:.1f}", result.remote));
    }
    if (options.timing) {
      row.push_back(fmt::format("{:.1f}", result.microseconds_per_decision));
    }
    rows.push_back(std::move(row));
  }
  context.out << FormatTable(rows);
}

Status Plot(const std::vector<simulator::PolicyResult>& results, const std::string& path) {
  simulator::Chart chart{
      "Devices allocated", "percent of the devices asked for", "percent of the devices", {}, 0};
  for (const simulator::PolicyResult& result : results) {
    chart.series.push_back({result.name, {result.allocation.begin(), result.allocation.end()}});
  }
  // The interesting part is where the curves bend.
  simulator::Chart end = chart;
  end.title = "Devices allocated, from 80 percent on";
  end.y_from = 80;
  for (simulator::Series& series : end.series) {
    std::erase_if(series.points, [](const auto& point) { return point.first < 80; });
  }
  return os::WriteFile(path, simulator::DrawCharts({chart, end}));
}

Status Simulate(const Context& context, const SimOpenbOptions& options) {
  FLEXAI_ASSIGN_OR_RETURN(const auto seeds, ParseSeeds(options.seeds));
  simulator::ComparisonOptions comparison;
  FLEXAI_ASSIGN_OR_RETURN(comparison.policies,
                          ParsePolicies(options.policies, placement::BatchPolicyNames()));
  if (!(options.until > 0 && options.until <= 100)) {
    return InvalidArgument("--until: must be above 0 and at most 100 times the capacity, for example 1.3");
  }
  if (!(options.cpu_scale > 0 && options.cpu_scale <= 100)) {
    return InvalidArgument("--cpu-scale: must be above 0 and at most 100, for example 0.8");
  }
  comparison.first_seed = seeds.first;
  comparison.last_seed = seeds.second;
  comparison.until = options.until;
  comparison.remote = options.remote;
  const os::MonotonicClock clock;
  comparison.clock = options.timing ? &clock : nullptr;

  FLEXAI_ASSIGN_OR_RETURN(simulator::Trace trace, simulator::ReadOpenb(options.nodes, options.pods));
  for (placement::NodeSpec& node : trace.nodes) {
    node.cpu_milli = std::llround(static_cast<double>(node.cpu_milli) * options.cpu_scale);
  }
  std::map<std::string, simulator::PublishedRow> published;
  if (!options.published.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(published, simulator::ReadPublished(options.published, options.pods));
  }

  const size_t runs = comparison.policies.size() * (seeds.second - seeds.first + 1);
  std::map<std::string, std::unique_ptr<simulator::DecisionLog>> logs;
  if (!options.log.empty()) {
    for (const std::string& policy : comparison.policies) {
      for (uint64_t seed = seeds.first; seed <= seeds.second; ++seed) {
        const std::string name = LogName(options, runs, policy, seed);
        FLEXAI_ASSIGN_OR_RETURN(logs[name], simulator::DecisionLog::Create(name, trace, seed));
      }
    }
    comparison.listen = [&](const std::string& policy, uint64_t seed) {
      simulator::DecisionLog* log = logs.at(LogName(options, runs, policy, seed)).get();
      return [log](const simulator::Decision& decision) { log->Add(decision); };
    };
  }
  std::vector<simulator::PolicyResult> results;
  {
    Progress progress(context);
    comparison.on_progress = [&progress](size_t done, size_t of) { progress.Show(done, of); };
    FLEXAI_ASSIGN_OR_RETURN(results, simulator::Compare(trace, comparison));
  }
  for (const auto& [name, log] : logs) {
    FLEXAI_RETURN_IF_ERROR(log->Finish());
  }
  if (!context.json) {
    PrintTable(context, results, published, options);
  } else {
    json policies = json::array();
    for (const simulator::PolicyResult& result : results) {
      const auto found = published.find(result.name);
      policies.push_back(ToJson(result, found == published.end() ? nullptr : &found->second, options.remote));
    }
    PrintJson(context, {{"policies", policies},
                        {"seeds", {seeds.first, seeds.second}},
                        {"nodes", trace.nodes.size()},
                        {"pods", trace.pods.size()}});
  }
  // After the rest, which is not lost then if the picture can't be written.
  return options.plot.empty() ? Status() : Plot(results, options.plot);
}

}  // namespace

int SimOpenb(const Context& context, const SimOpenbOptions& options) {
  const Status status = Simulate(context, options);
  return Report(context, status, status.code() == Code::kInvalidArgument ? kExitUsage : kExitFailure);
}

}  // namespace flexai::cli
