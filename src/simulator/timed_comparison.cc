#include "simulator/timed_comparison.h"

#include <algorithm>
#include <cmath>

#include "simulator/parallel.h"

namespace flexai::simulator {
namespace {

// The quantile 0.975 of Student's t by degrees of freedom, to three digits, from the tables of any textbook;
// beyond 30 the normal distribution's does.
double Student(size_t freedom) {
  constexpr double kTable[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                               2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                               2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  return freedom == 0 ? 0 : freedom <= std::size(kTable) ? kTable[freedom - 1] : 1.960;
}

}  // namespace

Spread SpreadOf(std::span<const double> values) {
  Spread spread;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) {
    spread.mean += value / count;
  }
  double squares = 0;
  for (const double value : values) {
    squares += (value - spread.mean) * (value - spread.mean);
  }
  if (values.size() > 1) {
    spread.half_width = Student(values.size() - 1) * std::sqrt(squares / (count - 1) / count);
  }
  return spread;
}

Spread TimedResult::Of(const std::function<double(const TimedRun&)>& figure) const {
  std::vector<double> values;
  for (const TimedRun& run : runs) {
    values.push_back(figure(run));
  }
  return SpreadOf(values);
}

Spread TimedResult::Minus(const TimedResult& other,
                          const std::function<double(const TimedRun&)>& figure) const {
  std::vector<double> values;
  for (size_t i = 0; i < runs.size(); ++i) {
    values.push_back(figure(runs[i]) - figure(other.runs[i]));
  }
  return SpreadOf(values);
}

Result<std::vector<TimedResult>> CompareTimed(
    const Trace& trace, const std::function<Result<Workload>(uint64_t seed)>& workload_of,
    const TimedComparisonOptions& options) {
  const size_t seeds = options.seeds.size();
  std::optional<placement::HiParameters> hi = options.timed.hi;
  if (!hi.has_value() &&
      std::find(options.policies.begin(), options.policies.end(), "hi") != options.policies.end()) {
    hi = placement::TuneHi(placement::TypicalTasks(ShapesOf(trace)), trace.nodes);
  }
  std::vector<Result<TimedRun>> runs(options.policies.size() * seeds, Result<TimedRun>(TimedRun()));
  RunAll(
      runs.size(),
      [&](size_t i) {
        const uint64_t seed = options.seeds[i % seeds];
        const Result<Workload> workload = workload_of(seed);
        TimedOptions timed = options.timed;
        timed.seed = seed;
        timed.hi = hi;
        runs[i] = workload.ok() ? RunTimed(trace, *workload, timed, options.policies[i / seeds])
                                : Result<TimedRun>(workload.status());
      },
      options.on_progress);
  std::vector<TimedResult> results;
  for (size_t i = 0; i < runs.size(); ++i) {
    FLEXAI_RETURN_IF_ERROR(runs[i].status());
    if (i % seeds == 0) {
      results.push_back({options.policies[i / seeds], {}});
    }
    results.back().runs.push_back(std::move(*runs[i]));
  }
  return results;
}

}  // namespace flexai::simulator
