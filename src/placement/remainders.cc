#include "placement/remainders.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace flexai::placement {
namespace {

constexpr int32_t kMostSteps = 64;

// What a task takes of a device.
struct Part {
  int32_t share = 0;
  int32_t memory = 0;
  auto operator<=>(const Part&) const = default;
};

int32_t InSteps(int32_t mib, int32_t step_mib) { return (mib + step_mib - 1) / step_mib; }

// The least memory that never binds, in steps: what a best combination takes that takes little of it. The
// step is doubled until there are few.
int32_t MemoryThatSuffices(std::span<const Part> parts, int32_t* step_mib) {
  while (true) {
    // By share that is free: what the best combination leaves of it, and the steps it takes.
    using LeftAndSteps = std::pair<int32_t, int32_t>;
    std::array<LeftAndSteps, kWholeDevice> best{};
    int32_t most = 0;
    for (int32_t free = 1; free < kWholeDevice; ++free) {
      LeftAndSteps& here = best[static_cast<size_t>(free)];
      here = best[static_cast<size_t>(free) - 1];
      ++here.first;
      for (const Part& part : parts) {
        if (part.share <= free) {
          LeftAndSteps with = best[static_cast<size_t>(free - part.share)];
          with.second += InSteps(part.memory, *step_mib);
          here = std::min(here, with);
        }
      }
      most = std::max(most, here.second);
    }
    // A step as large as any task's memory is as coarse as it gets.
    const bool coarsest = std::all_of(parts.begin(), parts.end(),
                                      [step_mib](const Part& part) { return part.memory <= *step_mib; });
    if (most <= kMostSteps || coarsest) {
      return most;
    }
    *step_mib *= 2;
  }
}

}  // namespace

std::vector<int32_t> TypicalShares(std::span<const TypicalTask> typical) {
  std::set<int32_t> shares;
  for (const TypicalTask& task : typical) {
    if (task.shape.devices > 0 && task.shape.share_milli > 0 && task.shape.share_milli < kWholeDevice) {
      shares.insert(task.shape.share_milli);
    }
  }
  return {shares.begin(), shares.end()};
}

Remainders::Remainders(std::span<const TypicalTask> typical, int32_t least_common) {
  std::set<Part> distinct;
  for (const TypicalTask& task : typical) {
    const TaskShape& shape = task.shape;
    if (shape.devices > 0 && shape.share_milli > 0 && shape.share_milli < kWholeDevice &&
        shape.share_milli >= least_common) {
      distinct.insert({shape.share_milli, shape.device_memory_mib});
    }
  }
  std::vector<Part> parts(distinct.begin(), distinct.end());
  int32_t divides_all = 0;
  for (const Part& part : parts) {
    divides_all = std::gcd(divides_all, part.memory);
  }
  step_mib_ = std::max(divides_all, 1);
  const int32_t most = MemoryThatSuffices(parts, &step_mib_);
  for (Part& part : parts) {
    part.memory = InSteps(part.memory, step_mib_);
  }
  std::vector<ByShare> fill(static_cast<size_t>(most) + 1);  // the most that parts can take of a remainder
  waste_.resize(fill.size());
  for (size_t memory = 0; memory < fill.size(); ++memory) {
    for (size_t free = 1; free < kWholeDevice; ++free) {
      int16_t& best = fill[memory][free];
      best = fill[memory][free - 1];
      for (const Part& part : parts) {
        const auto share = static_cast<size_t>(part.share);
        const auto steps = static_cast<size_t>(part.memory);
        if (share <= free && steps <= memory) {
          best = std::max(best, static_cast<int16_t>(fill[memory - steps][free - share] + part.share));
        }
      }
      waste_[memory][free] = static_cast<int16_t>(static_cast<int16_t>(free) - best);
    }
  }
}

int32_t Remainders::Waste(const NodeState& node) const {
  const bool by_memory = waste_.size() > 1;
  int32_t sum = 0;
  for (size_t i = 0; i < static_cast<size_t>(node.devices); ++i) {
    sum += by_memory ? Waste(node.free[i], node.memory[i]) : waste_[0][static_cast<size_t>(node.free[i])];
  }
  return sum;
}

}  // namespace flexai::placement
