#include "gaps.h"

#include <fmt/format.h>

#include "oracle.h"
#include "simulator/sample.h"

namespace flexai::oracle {

Result<Gaps> MeasureGaps(std::span<const std::string> policies, uint64_t first, size_t count) {
  const simulator::Trace trace = simulator::SampleTrace();
  const auto typical = placement::TypicalTasks(simulator::ShapesOf(trace));
  Gaps gaps;
  for (const std::string& name : policies) {
    gaps.policies.push_back({.policy = name});
  }
  for (uint64_t seed = first; seed < first + count; ++seed) {
    const Instance instance = DrawInstance(trace, seed);
    const auto what_fits = MostAllocated(instance, Rule::kWhatFits);
    const auto any_tasks = MostAllocated(instance, Rule::kAnyTasks);
    if (!what_fits.has_value() || !any_tasks.has_value()) {
      ++gaps.given_up;
      continue;
    }
    ++gaps.instances;
    const double percent = 100 / static_cast<double>(instance.device_milli());
    gaps.what_fits += percent * static_cast<double>(*what_fits);
    gaps.any_tasks += percent * static_cast<double>(*any_tasks);
    for (Gap& gap : gaps.policies) {
      FLEXAI_ASSIGN_OR_RETURN(const auto policy, placement::MakeBatchPolicy(gap.policy, {typical, seed}));
      FLEXAI_ASSIGN_OR_RETURN(const int64_t allocated, AllocatedBy(instance, *policy));
      const int64_t most = policy->most_held() > 1 ? *any_tasks : *what_fits;
      if (allocated > most || *what_fits > *any_tasks) {
        return Internal(fmt::format("seed {}: {} allocates {}, which is above the optimum of {} or {}", seed,
                                    gap.policy, allocated, *what_fits, *any_tasks));
      }
      gap.allocated += percent * static_cast<double>(allocated);
      gap.to_what_fits += percent * static_cast<double>(*what_fits - allocated);
      gap.to_any_tasks += percent * static_cast<double>(*any_tasks - allocated);
      gap.optimal += allocated >= *what_fits ? 100 : 0;
    }
  }
  const double instances = std::max<double>(1, static_cast<double>(gaps.instances));
  gaps.what_fits /= instances;
  gaps.any_tasks /= instances;
  for (Gap& gap : gaps.policies) {
    for (double* sum : {&gap.allocated, &gap.to_what_fits, &gap.to_any_tasks, &gap.optimal}) {
      *sum /= instances;
    }
  }
  return gaps;
}

}  // namespace flexai::oracle
