#include "placement/hi_parameters.h"

#include <vector>

#include "placement/policy.h"
#include "placement/remainders.h"
#include "placement/rollout.h"
#include "placement/stranding.h"

namespace flexai::placement {
namespace {

constexpr int kDraws = 8;
constexpr uint64_t kSeed = 1;
constexpr double kFairness = 0.02;  // percent of allocation that a percent of acceptance is worth
constexpr double kLeastGain = 0.05;

class Search {
 public:
  Search(std::span<const TypicalTask> typical, std::span<const NodeSpec> nodes)
      : typical_(typical), rollouts_(typical, nodes, kDraws, kSeed), best_(UntunedHi(typical)) {
    value_ = Value(best_);
  }

  // Takes the best of the candidates, if it is worth it.
  void Step(std::span<const HiParameters> candidates) {
    double needed = value_ + kLeastGain;
    for (const HiParameters& candidate : candidates) {
      const double value = Value(candidate);
      if (value > needed) {
        needed = value_ = value;
        best_ = candidate;
      }
    }
  }
  const HiParameters& best() const { return best_; }

 private:
  double Value(const HiParameters& parameters) const {
    const Outcome outcome = rollouts_.Play([&] { return *MakePolicy("hi", {typical_, kSeed, parameters}); });
    return outcome.allocation + kFairness * outcome.acceptance;
  }

  std::span<const TypicalTask> typical_;
  Rollouts rollouts_;
  HiParameters best_;
  double value_ = 0;
};

}  // namespace

HiParameters UntunedHi(std::span<const TypicalTask> typical) { return {CpuPerDevice(typical), 0}; }

HiParameters TuneHi(std::span<const TypicalTask> typical, std::span<const NodeSpec> nodes) {
  Search search(typical, nodes);
  const HiParameters untuned = search.best();
  std::vector<HiParameters> candidates;
  for (const int percent : {80, 90, 110, 120, 130, 140, 150, 160, 170, 180}) {
    candidates.push_back({untuned.cpu_per_device * percent / 100, untuned.least_common_share});
  }
  search.Step(candidates);
  candidates.clear();
  // Of two shares that are larger than half a device none waits for a remainder of the other.
  for (const int32_t share : TypicalShares(typical)) {
    if (2 * share < kWholeDevice) {
      candidates.push_back({search.best().cpu_per_device, share + 1});
    }
  }
  search.Step(candidates);
  return search.best();
}

}  // namespace flexai::placement
