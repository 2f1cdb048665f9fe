// How far policies stay behind the optimum, over many small instances.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace flexai::oracle {

// All in percent of the device time of an instance, means over the instances.
struct Gap {
  std::string policy;
  double allocated = 0;
  double to_what_fits = 0;  // to the best of those that decide one by one, in points; a batch may beat it
  double to_any_tasks = 0;  // to the clairvoyant optimum
  double optimal = 0;       // of the instances, where it is at least as good as that best
};

struct Gaps {
  size_t instances = 0;
  size_t given_up = 0;   // left out, as the search took too long
  double what_fits = 0;  // the optima
  double any_tasks = 0;
  std::vector<Gap> policies;
};

// Instances of the seeds [first, first + count). kInternal, naming the seed, if a policy breaks a rule, or is
// better than the optimum.
Result<Gaps> MeasureGaps(std::span<const std::string> policies, uint64_t first, size_t count);

}  // namespace flexai::oracle
