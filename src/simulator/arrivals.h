// The arrival-only protocol: tasks come one after another and stay for ever, until they have asked for more
// device time than there is; what fits nowhere is dropped.
//
// Source: Weng et al., USENIX ATC 2023, section 6: pods are shuffled, and drawn again uniformly until their
// requests reach the wanted part of the capacity. Everything follows from the seed. A batch policy gets tasks
// as soon as it holds as many as it may; while they are held they have asked, and nothing is allocated to
// them.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "placement/batch_policy.h"
#include "placement/task_class.h"
#include "simulator/openb.h"

namespace flexai::simulator {

// What was decided about one arrival.
struct Decision {
  size_t sequence = 0;
  const Pod* pod = nullptr;
  const placement::Placement* where = nullptr;  // null: dropped
};

using placement::ClassOf;
using placement::kTaskClasses;
using placement::TaskClass;
std::string_view ClassName(TaskClass task_class);

struct ArrivalRun {
  // Devices allocated, in percent of the capacity, by the rounded percentage of the capacity that had been
  // asked for: the mean over the arrivals with that percentage.
  std::map<int, double> allocation;
  size_t arrived[kTaskClasses] = {};
  size_t accepted[kTaskClasses] = {};
  size_t most_held = 1;  // undecided at a time
  size_t remote = 0;     // of the accepted: devices on another node than CPU and memory
  Nanos deciding{};      // time spent on decisions; 0 without a clock

  double acceptance(TaskClass task_class) const;
};

struct ArrivalOptions {
  uint64_t seed = 42;
  double until = 1.3;  // of the capacity
};

// The pods in the order in which they arrive, by their number in the trace; and the nodes in the order of
// ties.
struct Arrivals {
  std::vector<placement::NodeSpec> nodes;
  std::vector<size_t> pods;
};
Arrivals DrawArrivals(const Trace& trace, const ArrivalOptions& options);

// Calls `on_decision` in the order of the decisions; it and `clock` may be null.
Result<ArrivalRun> RunArrivals(const Trace& trace, const Arrivals& arrivals, placement::BatchPolicy& policy,
                               const std::function<void(const Decision&)>& on_decision,
                               const Clock* clock = nullptr);

}  // namespace flexai::simulator
