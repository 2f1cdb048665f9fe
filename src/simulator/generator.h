// Makes up timed workloads: shapes from a trace, arrivals and durations from distributions.
//
// Everything follows from the options. Thread safety: immutable values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "simulator/openb.h"
#include "simulator/workload.h"

namespace flexai::simulator {

// One kind of task. A task is of a kind with a chance in proportion to the kind's part.
struct TaskKind {
  double part = 1;
  std::string queue = "default";
  int32_t priority = 0;
  bool preemptible = true;
  Remote remote = Remote::kNever;               // of tasks with devices; others have kNever
  std::optional<placement::TimeWindow> window;  // when they may start; absent: at any time
};

struct GeneratorOptions {
  uint64_t seed = 1;
  Nanos length = Seconds(86'400);  // tasks arrive before that
  // Device time that is asked for, on average over workloads, by device time that there is. Heavy tails of
  // durations make single workloads differ from it.
  double load = 0.9;
  // Durations are log-normal: exp(N(ln median, sigma^2)), of the mean median exp(sigma^2 / 2), rounded to
  // milliseconds and cut at kLongestWorkload.
  Nanos median_duration = Seconds(600);
  double sigma = 1;
  std::vector<TaskKind> kinds = {TaskKind()};
  // So many of the arrivals are gangs that arrive together, of a size drawn evenly from the list, with one
  // shape (which asks for devices), one kind and one duration. All members must start together.
  double gang_part = 0;
  std::vector<int32_t> gang_sizes;
  Nanos min_run;
  Nanos restart;
};

// Arrivals are a Poisson process, each with the shape of a pod drawn evenly from the trace. Queues are those
// of the kinds, all alike. kInvalidArgument for options that can't be, for a trace without devices or without
// pods that ask for some, and for more than ten million tasks.
Result<Workload> DrawWorkload(const Trace& trace, const GeneratorOptions& options);

}  // namespace flexai::simulator
