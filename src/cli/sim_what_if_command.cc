#include "cli/sim_what_if_command.h"

#include <fmt/format.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "os/files.h"
#include "simulator/what_if.h"

namespace flexai::cli {
namespace {

using nlohmann::json;
using simulator::Difference;
using simulator::JobCounts;
using simulator::Standing;
using simulator::WhatIf;

constexpr size_t kMostFileBytes = size_t{1} << 30;

double Devices(int64_t milli) { return static_cast<double>(milli) / placement::kWholeDevice; }

Result<WhatIf> Ask(const SimWhatIfOptions& options) {
  simulator::WhatIfOptions asked;
  const Result<Nanos> reserve_after = ParseNanos(options.reserve_after);
  FLEXAI_RETURN_IF_ERROR(reserve_after.status().WithContext("--reserve-after"));
  asked.scheduler.reserve_after = *reserve_after;
  asked.scheduler.preempt = !options.no_preempt;
  asked.scheduler.move = options.move;
  asked.policy = options.policy;
  asked.most_explained = options.explain;
  FLEXAI_RETURN_IF_ERROR(placement::MakePolicy(options.policy, {}).status().WithContext("--policy"));
  FLEXAI_ASSIGN_OR_RETURN(const simulator::Snapshot snapshot, simulator::ReadSnapshot(options.snapshot));
  simulator::ChangeTexts texts{"", options.add_nodes, "", options.add_tasks};
  if (!options.add_nodes.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(texts.nodes, os::ReadFile(options.add_nodes, kMostFileBytes));
  }
  if (!options.add_tasks.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(texts.tasks, os::ReadFile(options.add_tasks, kMostFileBytes));
  }
  FLEXAI_ASSIGN_OR_RETURN(const simulator::Change change,
                          simulator::ParseChange(texts, options.remove_nodes, snapshot));
  return simulator::RunWhatIf(snapshot, change, asked);
}

json ToJson(const JobCounts& counts) {
  return {{"running", counts.running},
          {"waiting", counts.waiting},
          {"waiting_devices", Devices(counts.waiting_milli)},
          {"waiting_device_s", counts.waiting_device_seconds},
          {"waiting_of_unknown_length", counts.of_unknown_length}};
}

json ToJson(const Standing& standing) {
  json entry{{"devices", Devices(standing.capacity_milli)},
             {"devices_taken", Devices(standing.taken_milli)},
             {"allocation", standing.allocation()},
             {"jobs", ToJson(standing.all)}};
  for (const auto& [queue, counts] : standing.by_queue) {
    entry["by_queue"][queue] = ToJson(counts);
  }
  for (const auto& [priority, counts] : standing.by_priority) {
    entry["by_priority"][std::to_string(priority)] = ToJson(counts);
  }
  return entry;
}

void PrintAsJson(const Context& context, const WhatIf& result) {
  json differences = json::array();
  for (const Difference& each : result.differences) {
    differences.push_back({{"job", each.job},
                           {"queue", each.queue},
                           {"priority", each.priority},
                           {"as_is", each.as_is},
                           {"with_change", each.with_change},
                           {"reason", each.reason}});
  }
  PrintJson(context, {{"now", ToJson(result.now)},
                      {"as_is", ToJson(result.as_is)},
                      {"with_change", ToJson(result.with_change)},
                      {"differences", differences},
                      {"waiting", result.waiting},
                      {"waits", result.waits}});
}

std::string CountsText(const JobCounts& counts) {
  return fmt::format("{} run, {} wait", counts.running, counts.waiting);
}

std::string DeviceTimeText(const JobCounts& counts) {
  const std::string unknown =
      counts.of_unknown_length == 0 ? "" : fmt::format(" + {} unknown", counts.of_unknown_length);
  return fmt::format("{:.1f} h{}", counts.waiting_device_seconds / 3'600, unknown);
}

void PrintStandings(const Context& context, const WhatIf& result) {
  std::vector<std::vector<std::string>> rows{{"", "NOW", "AS IS", "WITH THE CHANGE"}};
  const auto add = [&](const std::string& name, const std::function<std::string(const Standing&)>& text) {
    rows.push_back({name, text(result.now), text(result.as_is), text(result.with_change)});
  };
  add("devices in service",
      [](const Standing& standing) { return fmt::format("{:g}", Devices(standing.capacity_milli)); });
  add("of them taken", [](const Standing& standing) {
    return fmt::format("{:g} ({:.2f} %)", Devices(standing.taken_milli), standing.allocation());
  });
  add("jobs", [](const Standing& standing) { return CountsText(standing.all); });
  add("devices waited for",
      [](const Standing& standing) { return fmt::format("{:g}", Devices(standing.all.waiting_milli)); });
  add("device time waited for", [](const Standing& standing) { return DeviceTimeText(standing.all); });
  for (const auto& [queue, counts] : result.with_change.by_queue) {
    add("queue " + queue, [name = queue](const Standing& standing) {
      const auto found = standing.by_queue.find(name);
      return CountsText(found == standing.by_queue.end() ? JobCounts() : found->second);
    });
  }
  for (const auto& [priority, counts] : result.with_change.by_priority) {
    add(fmt::format("priority {}", priority), [number = priority](const Standing& standing) {
      const auto found = standing.by_priority.find(number);
      return CountsText(found == standing.by_priority.end() ? JobCounts() : found->second);
    });
  }
  context.out << FormatTable(rows);
}

void Print(const Context& context, const WhatIf& result) {
  PrintStandings(context, result);
  if (result.differences.empty()) {
    context.out << "\nThe change makes no difference to any job in this cycle.\n";
  } else {
    std::vector<std::vector<std::string>> rows{
        {"JOB", "QUEUE", "PRIORITY", "AS IS", "WITH THE CHANGE", "WHY"}};
    for (const Difference& each : result.differences) {
      rows.push_back({each.job, each.queue, std::to_string(each.priority), each.as_is, each.with_change,
                      each.reason.empty() ? "-" : each.reason});
    }
    context.out << "\nBecause of the change:\n" << FormatTable(rows);
  }
  if (!result.waits.empty()) {
    const bool all = result.waits.size() == result.waiting;
    context.out << fmt::format("\nWith the change {} job{} still wait{}{}:\n", result.waiting,
                               result.waiting == 1 ? "" : "s", result.waiting == 1 ? "s" : "",
                               all ? "" : fmt::format("; of the first {}", result.waits.size()));
    for (const std::string& sentence : result.waits) {
      context.out << "  " << sentence << "\n";
    }
  }
}

}  // namespace

int SimWhatIf(const Context& context, const SimWhatIfOptions& options) {
  const Result<WhatIf> result = Ask(options);
  if (!result.ok()) {
    return Report(context, result.status(),
                  result.status().code() == Code::kInvalidArgument ? kExitUsage : kExitFailure);
  }
  if (context.json) {
    PrintAsJson(context, *result);
  } else {
    Print(context, *result);
  }
  return 0;
}

}  // namespace flexai::cli
