// flexai-oracle [SEEDS]: policies against the optimum of as many small instances (2,000).
#include <fmt/core.h>

#include <cstdlib>
#include <string>

#include "gaps.h"
#include "placement/batch_policy.h"

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 2'000;
  if (argc > 2 || seeds < 1) {
    fmt::print(stderr, "usage: flexai-oracle [SEEDS]\n");
    return 2;
  }
  const std::vector<std::string> policies = flexai::placement::BatchPolicyNames();
  const auto gaps = flexai::oracle::MeasureGaps(policies, 1, static_cast<size_t>(seeds));
  if (!gaps.ok()) {
    fmt::print(stderr, "flexai-oracle: {}\n", gaps.status().message());
    return 1;
  }
  fmt::print("{} instances, {} given up. Percent of the device time, and percentage points to the optimum.\n",
             gaps->instances, gaps->given_up);
  fmt::print("{:<24}{:>10}{:>16}{:>16}{:>10}\n", "", "allocated", "gap, what fits", "gap, any tasks",
             "optimal");
  fmt::print("{:<24}{:>10.2f}\n", "optimum, any tasks", gaps->any_tasks);
  fmt::print("{:<24}{:>10.2f}{:>16}{:>16.2f}\n", "optimum, what fits", gaps->what_fits, "",
             gaps->any_tasks - gaps->what_fits);
  for (const auto& gap : gaps->policies) {
    fmt::print("{:<24}{:>10.2f}{:>16.2f}{:>16.2f}{:>9.0f}%\n", gap.policy, gap.allocated, gap.to_what_fits,
               gap.to_any_tasks, gap.optimal);
  }
  return 0;
}
