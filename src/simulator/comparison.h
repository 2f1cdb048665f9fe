// Several policies over the same arrivals, for many seeds at once.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "simulator/arrivals.h"

namespace flexai::simulator {

struct ComparisonOptions {
  std::vector<std::string> policies;
  uint64_t first_seed = 42;
  uint64_t last_seed = 51;
  double until = 1.3;
  bool remote = false;                        // remote placements are allowed
  std::optional<placement::HiParameters> hi;  // found by TuneHi if not given
  const Clock* clock = nullptr;               // measures decisions, if there is one
  // Called from several threads, but never twice at once: so many of so many runs are done.
  std::function<void(size_t done, size_t runs)> on_progress;
  // Makes the listener to one run's decisions, or returns null; each is called from one thread. May be null.
  std::function<std::function<void(const Decision&)>(const std::string& policy, uint64_t seed)> listen;
};

// Means over the seeds.
struct PolicyResult {
  std::string name;
  std::map<int, double> allocation;  // as ArrivalRun has it, for the percentages that every seed reached
  double acceptance[kTaskClasses] = {};
  size_t most_held = 1;                  // tasks undecided at a time
  double remote = 0;                     // placements a run
  double microseconds_per_decision = 0;  // 0 without a clock
};

// In the order of `options.policies`; the same for any number of threads.
Result<std::vector<PolicyResult>> Compare(const Trace& trace, const ComparisonOptions& options);

}  // namespace flexai::simulator
