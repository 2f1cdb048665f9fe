// Several policies over the same timed workloads, for many seeds at once, compared in pairs.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "simulator/generator.h"
#include "simulator/timed.h"

namespace flexai::simulator {

struct TimedComparisonOptions {
  std::vector<std::string> policies;
  std::vector<uint64_t> seeds;  // of the generator and of failures; one run of each policy for each
  TimedOptions timed;           // `seed` is that of the run
  // Called from several threads, but never twice at once: so many of so many runs are done.
  std::function<void(size_t done, size_t runs)> on_progress;
};

// Of one figure over the seeds.
struct Spread {
  double mean = 0;
  double half_width = 0;  // of the 95 % confidence interval of the mean, by Student's t; 0 for one seed

  bool above_zero() const { return mean - half_width > 0; }
  bool below_zero() const { return mean + half_width < 0; }
};
Spread SpreadOf(std::span<const double> values);

struct TimedResult {
  std::string policy;
  std::vector<TimedRun> runs;  // by seed

  Spread Of(const std::function<double(const TimedRun&)>& figure) const;
  // The difference to another policy's in the same runs.
  Spread Minus(const TimedResult& other, const std::function<double(const TimedRun&)>& figure) const;
};

// In the order of the policies; the same for any number of threads. `workload_of` makes the workload of a
// seed.
Result<std::vector<TimedResult>> CompareTimed(
    const Trace& trace, const std::function<Result<Workload>(uint64_t seed)>& workload_of,
    const TimedComparisonOptions& options);

}  // namespace flexai::simulator
