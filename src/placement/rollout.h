// What a policy is worth on a cluster, by trying it: arrivals are drawn from the typical tasks, and placed on
// empty nodes until they have asked for 30 % more device time than there is.
//
// Source: rollouts of D. Bertsekas ("Rollout Algorithms for Combinatorial Optimization", 1997), with common
// random numbers: all policies see the same draws. Everything follows from the seed. Thread safety:
// immutable.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "placement/policy.h"

namespace flexai::placement {

struct Outcome {
  double allocation =
      0;  // of the device capacity, in percent: mean of that when 100 % and 130 % were asked for
  double acceptance = 0;  // of the class of tasks with devices that fares worst, in percent
};

class Rollouts {
 public:
  // `draws` times arrivals. Both spans must outlive it.
  Rollouts(std::span<const TypicalTask> typical, std::span<const NodeSpec> nodes, int draws, uint64_t seed);

  // The mean over the draws; each gets a policy of its own.
  Outcome Play(const std::function<std::unique_ptr<Policy>()>& make_policy) const;

 private:
  struct Draw {
    std::vector<NodeSpec> nodes;
    std::vector<size_t> tasks;  // positions in typical_
  };
  Outcome Play(const Draw& draw, Policy& policy) const;

  std::span<const TypicalTask> typical_;
  std::vector<Draw> draws_;
};

}  // namespace flexai::placement
