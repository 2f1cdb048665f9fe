#include "simulator/comparison.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace flexai::simulator {
namespace {

struct Run {
  ArrivalRun result;
  size_t decisions = 0;
  Status status;
};

Status RunOne(const Trace& trace, const ComparisonOptions& options,
              std::span<const placement::TypicalTask> typical, const std::string& policy_name, uint64_t seed,
              Run* run) {
  const Arrivals arrivals = DrawArrivals(trace, {seed, options.until});
  FLEXAI_ASSIGN_OR_RETURN(const std::unique_ptr<placement::Policy> policy,
                          placement::MakePolicy(policy_name, {typical, seed}));
  const auto listener = options.listen ? options.listen(policy_name, seed) : nullptr;
  FLEXAI_ASSIGN_OR_RETURN(run->result, RunArrivals(trace, arrivals, *policy, listener, options.clock));
  run->decisions = arrivals.pods.size();
  return {};
}

PolicyResult Mean(const std::string& name, std::span<const Run> runs) {
  PolicyResult mean;
  mean.name = name;
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
    deciding = deciding + run.result.deciding;
    decisions += static_cast<double>(run.decisions);
  }
  mean.microseconds_per_decision = decisions > 0 ? static_cast<double>(deciding.value) / 1e3 / decisions : 0;
  return mean;
}

}  // namespace

Result<std::vector<PolicyResult>> Compare(const Trace& trace, const ComparisonOptions& options) {
  const std::vector<placement::TypicalTask> typical = placement::TypicalTasks(ShapesOf(trace));
  const size_t seeds = options.last_seed - options.first_seed + 1;
  std::vector<Run> runs(options.policies.size() * seeds);
  std::atomic<size_t> next = 0;
  std::mutex progress;
  size_t done = 0;
  const auto work = [&] {
    for (size_t i = next++; i < runs.size(); i = next++) {
      runs[i].status = RunOne(trace, options, typical, options.policies[i / seeds],
                              options.first_seed + i % seeds, &runs[i]);
      const std::lock_guard lock(progress);
      ++done;
      if (options.on_progress) {
        options.on_progress(done, runs.size());
      }
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), runs.size());
       ++i) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) {
    thread.join();
  }
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
