#include "simulator/comparison.h"

#include <algorithm>

#include "simulator/parallel.h"

namespace flexai::simulator {
namespace {

struct Run {
  ArrivalRun result;
  size_t decisions = 0;
  Status status;
};

Status RunOne(const Trace& trace, const ComparisonOptions& options, const placement::PolicyInputs& inputs,
              const std::string& policy_name, uint64_t seed, Run* run) {
  const Arrivals arrivals = DrawArrivals(trace, {seed, options.until});
  FLEXAI_ASSIGN_OR_RETURN(
      const std::unique_ptr<placement::BatchPolicy> policy,
      placement::MakeBatchPolicy(policy_name, {inputs.typical, seed, inputs.hi, inputs.remote}));
  const auto listener = options.listen ? options.listen(policy_name, seed) : nullptr;
  FLEXAI_ASSIGN_OR_RETURN(run->result, RunArrivals(trace, arrivals, *policy, listener, options.clock));
  run->decisions = arrivals.pods.size();
  return {};
}

PolicyResult Mean(const std::string& name, std::span<const Run> runs) {
  PolicyResult mean;
  mean.name = name;
  mean.most_held = runs.front().result.most_held;
  const auto count = static_cast<double>(runs.size());
  for (const auto& [percent, first] : runs.front().result.allocation) {
    double sum = 0;
    const bool everywhere = std::all_of(runs.begin(), runs.end(), [&, at = percent](const Run& run) {
      const auto found = run.result.allocation.find(at);
      sum += found != run.result.allocation.end() ? found->second : 0;
      return found != run.result.allocation.end();
    });
    if (everywhere) {
      mean.allocation[percent] = sum / count;
    }
  }
  Nanos deciding{};
  double decisions = 0;
  for (const Run& run : runs) {
    for (size_t i = 0; i < kTaskClasses; ++i) {
      mean.acceptance[i] += run.result.acceptance(static_cast<TaskClass>(i)) / count;
    }
    mean.remote += static_cast<double>(run.result.remote) / count;
    deciding = deciding + run.result.deciding;
    decisions += static_cast<double>(run.decisions);
  }
  mean.microseconds_per_decision = decisions > 0 ? static_cast<double>(deciding.value) / 1e3 / decisions : 0;
  return mean;
}

}  // namespace

Result<std::vector<PolicyResult>> Compare(const Trace& trace, const ComparisonOptions& options) {
  const std::vector<placement::TypicalTask> typical = placement::TypicalTasks(ShapesOf(trace));
  placement::PolicyInputs inputs{typical};
  inputs.remote = options.remote;
  inputs.hi = options.hi;
  const bool with_hi =
      std::any_of(options.policies.begin(), options.policies.end(),
                  [](const std::string& name) { return name == "hi" || name == placement::kHiBatch16; });
  if (!inputs.hi.has_value() && with_hi) {
    inputs.hi = placement::TuneHi(typical, trace.nodes, options.remote);
  }
  const size_t seeds = options.last_seed - options.first_seed + 1;
  std::vector<Run> runs(options.policies.size() * seeds);
  RunAll(
      runs.size(),
      [&](size_t i) {
        runs[i].status = RunOne(trace, options, inputs, options.policies[i / seeds],
                                options.first_seed + i % seeds, &runs[i]);
      },
      options.on_progress);
  std::vector<PolicyResult> results;
  for (size_t i = 0; i < options.policies.size(); ++i) {
    const std::span<const Run> of_policy(runs.data() + i * seeds, seeds);
    for (const Run& run : of_policy) {
      FLEXAI_RETURN_IF_ERROR(run.status);
    }
    results.push_back(Mean(options.policies[i], of_policy));
  }
  return results;
}

}  // namespace flexai::simulator
