#include "outcome.h"

#include <fmt/format.h>

#include <algorithm>

#include "statistics.h"

namespace flexai::demo {
namespace {

using bench::Measurement;
using bench::Quantile;

std::vector<bench::Interval> DeviceIntervals(const RunOutcome& run) {
  std::vector<bench::Interval> all;
  for (const TaskOutcome& task : run.tasks) {
    all.insert(all.end(), task.busy.begin(), task.busy.end());
  }
  return bench::Union(std::move(all));
}

const TaskOutcome* Service(const RunOutcome& run) {
  const auto found = std::find_if(run.tasks.begin(), run.tasks.end(),
                                  [](const TaskOutcome& task) { return !task.latency_ms.empty(); });
  return found == run.tasks.end() ? nullptr : &*found;
}

double ServiceP99(const RunOutcome& run) {
  const TaskOutcome* service = Service(run);
  return service == nullptr ? 0 : Quantile(service->latency_ms, 0.99);
}

// Busy fractions of the tasks, each alone on the native device.
std::vector<double> SoloBusy(const Demo& demo) {
  std::vector<double> busy;
  for (const TaskOutcome& task : demo.one_by_one.tasks) {
    busy.push_back(task.busy_seconds() / task.seconds());
  }
  return busy;
}

double MeanBusy(const Demo& demo) {
  double busy = 0;
  for (const TaskOutcome& task : demo.one_by_one.tasks) {
    busy += task.busy_seconds();
  }
  return busy / demo.one_by_one.makespan_seconds;
}

Measurement GainRow(const Demo& demo) {
  Measurement row{
      .name = "mixed_utilisation_gain", .unit = "%", .target = ">= 80 % and >= 0.85 of the ceiling"};
  row.value = (demo.one_by_one.makespan_seconds / demo.vxpus.makespan_seconds - 1) * 100;
  row = WithReference(row, (1 / MeanBusy(demo) - 1) * 100);
  row.met = row.value >= 80 && *row.ratio >= 0.85;
  row.note = fmt::format(
      "reference: the ceiling; one after another {:.2f} s, uncontrolled {:.2f} s, vXPUs {:.2f} s",
      demo.one_by_one.makespan_seconds, demo.uncontrolled.makespan_seconds, demo.vxpus.makespan_seconds);
  return row;
}

Measurement MakespanRow(const Demo& demo) {
  Measurement row{
      .name = "mixed_makespan", .value = demo.vxpus.makespan_seconds, .unit = "s", .target = "ratio <= 1.05"};
  row = WithReference(row, demo.uncontrolled.makespan_seconds);
  row.met = *row.ratio <= 1.05;
  row.note = "reference: natively all at once, uncontrolled";
  return row;
}

Measurement LatencyRow(const Demo& demo) {
  Measurement row{
      .name = "mixed_service_p99", .value = ServiceP99(demo.vxpus), .unit = "ms", .target = "ratio < 1"};
  row = WithReference(row, ServiceP99(demo.uncontrolled));
  row.met = row.value < *row.reference;
  row.note = fmt::format("reference: uncontrolled; alone {:.2f} ms", ServiceP99(demo.one_by_one));
  return row;
}

Measurement IdenticalRow(const Demo& demo) {
  Measurement row{.name = "mixed_results_identical",
                  .unit = fmt::format("of {}", 2 * demo.one_by_one.tasks.size()),
                  .target = "all"};
  for (const RunOutcome* run : {&demo.uncontrolled, &demo.vxpus}) {
    for (size_t i = 0; i < run->tasks.size(); ++i) {
      row.value += run->tasks[i].digest == demo.one_by_one.tasks[i].digest ? 1 : 0;
    }
  }
  row.met = row.value == 2.0 * static_cast<double>(demo.one_by_one.tasks.size());
  row.note = "bits of each result, against those of the task alone";
  return row;
}

std::string Cell(const TaskOutcome& task, double quantile) {
  return task.latency_ms.empty() ? "-" : fmt::format("{:.1f}", Quantile(task.latency_ms, quantile));
}

}  // namespace

double Span(const RunOutcome& run) {
  int64_t start = run.tasks.front().started_ns;
  int64_t end = run.tasks.front().ended_ns;
  for (const TaskOutcome& task : run.tasks) {
    start = std::min(start, task.started_ns);
    end = std::max(end, task.ended_ns);
  }
  return static_cast<double>(end - start) / 1e9;
}

double DeviceBusy(const RunOutcome& run) {
  const auto merged = DeviceIntervals(run);
  int64_t from = run.tasks.front().started_ns;
  int64_t to = run.tasks.front().ended_ns;
  for (const TaskOutcome& task : run.tasks) {
    from = std::min(from, task.started_ns);
    to = std::max(to, task.ended_ns);
  }
  return static_cast<double>(bench::Covered(merged, from, to)) / 1e9 / run.makespan_seconds;
}

std::vector<double> SharesGot(const RunOutcome& run) {
  int64_t from = run.tasks.front().started_ns;
  int64_t to = run.tasks.front().ended_ns;
  for (const TaskOutcome& task : run.tasks) {
    from = std::max(from, task.started_ns);
    to = std::min(to, task.ended_ns);
  }
  std::vector<double> shares;
  double total = 0;
  for (const TaskOutcome& task : run.tasks) {
    shares.push_back(static_cast<double>(bench::Covered(task.busy, from, to)));
    total += shares.back();
  }
  for (double& share : shares) {
    share = total > 0 ? share / total : 0;
  }
  return shares;
}

std::vector<Measurement> Judge(const Demo& demo) {
  const std::vector<double> solo = SoloBusy(demo);
  Measurement least{.name = "mixed_busy_least",
                    .value = *std::min_element(solo.begin(), solo.end()) * 100,
                    .unit = "%",
                    .target = ">= 35"};
  least.met = least.value >= 35;
  least.note = "the task that keeps the native device least busy";
  Measurement mean{
      .name = "mixed_busy_mean", .value = MeanBusy(demo) * 100, .unit = "%", .target = "45 to 55"};
  mean.met = mean.value >= 45 && mean.value <= 55;
  mean.note = "of all tasks one after another, by time";
  return {GainRow(demo), MakespanRow(demo), LatencyRow(demo), least, mean, IdenticalRow(demo)};
}

std::string FormatDemo(const Demo& demo) {
  std::string table = fmt::format("{:<10} {:>8} {:>9} {:>7} {:>7} {:>7} {:>8} {:>8}  {}\n", "task", "time s",
                                  "slowdown", "busy %", "asked %", "got %", "p50 ms", "p99 ms", "result");
  for (const RunOutcome* run : {&demo.one_by_one, &demo.uncontrolled, &demo.vxpus}) {
    table += fmt::format("-- {}: {:.2f} s, device busy {:.1f} %\n", run->title, run->makespan_seconds,
                         DeviceBusy(*run) * 100);
    const bool alone = run == &demo.one_by_one;
    const std::vector<double> got = alone ? std::vector<double>(run->tasks.size()) : SharesGot(*run);
    for (size_t i = 0; i < run->tasks.size(); ++i) {
      const TaskOutcome& task = run->tasks[i];
      const TaskOutcome& solo = demo.one_by_one.tasks[i];
      table += fmt::format(
          "{:<10} {:>8.2f} {:>9.2f} {:>7.1f} {:>7} {:>7} {:>8} {:>8}  {}\n", task.name, task.seconds(),
          task.seconds() / solo.seconds(), 100 * task.busy_seconds() / task.seconds(),
          run == &demo.vxpus ? fmt::format("{:.1f}", demo.asked_permille[i] / 10.0) : "-",
          alone ? "-" : fmt::format("{:.1f}", got[i] * 100), Cell(task, 0.5), Cell(task, 0.99),
          task.digest == solo.digest ? task.digest : task.digest + " DIFFERS");
    }
  }
  return table;
}

}  // namespace flexai::demo
