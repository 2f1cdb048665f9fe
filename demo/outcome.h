// What the demo's runs gave, and what follows from them. Pure: no processes, no clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "busy_intervals.h"
#include "report.h"

namespace flexai::demo {

// One task in one run. Times are CLOCK_MONOTONIC.
struct TaskOutcome {
  std::string name;
  int64_t started_ns = 0;
  int64_t ended_ns = 0;
  std::string digest;                 // of the result's exact bits
  double accuracy = 0;                // 0 where the task has none
  std::vector<double> latency_ms;     // of the service's requests
  std::vector<bench::Interval> busy;  // the union of its commands on the device

  double seconds() const { return static_cast<double>(ended_ns - started_ns) / 1e9; }
  double busy_seconds() const {
    return static_cast<double>(bench::Covered(busy, started_ns, ended_ns)) / 1e9;
  }
};

struct RunOutcome {
  std::string title;
  std::vector<TaskOutcome> tasks;  // the same order in every run

  // One after another: the sum of the tasks' times. Together: from the common start to the last end.
  double makespan_seconds = 0;
};

struct Demo {
  RunOutcome one_by_one;
  RunOutcome uncontrolled;
  RunOutcome vxpus;
  std::vector<int> asked_permille;  // each task's share
};

// Seconds from the earliest start to the latest end.
double Span(const RunOutcome& run);

// The device's busy fraction over a run's whole time (gaps between tasks one after another do not count).
double DeviceBusy(const RunOutcome& run);

// Part of the device's busy time that was this task's, while all tasks ran.
std::vector<double> SharesGot(const RunOutcome& run);

// The rows of demo.json: mixed_utilisation_gain and what belongs to it.
std::vector<bench::Measurement> Judge(const Demo& demo);

// One table: a line per task and run with time, slowdown, busy, shares, latency and result.
std::string FormatDemo(const Demo& demo);

}  // namespace flexai::demo
