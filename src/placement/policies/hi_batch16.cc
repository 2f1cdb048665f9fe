// hi-batch16: holds 16 tasks, then tries orders of them, and keeps the best.
//
// In each order the tasks are placed one after another by hi. Orders tried: as they came, the largest first,
// those that take the fewest models first; and, from the best of these, each exchange of two tasks, kept
// where it is better: a local search with one pass, at most 123 orders in all. An order is better if it
// places more device time; if that is the same, more tasks; and then if hi's potential of the nodes grows
// less, by more than a score can tell apart (gradient.h): for less it is not worth giving up the nodes that
// packing takes.
//
// Source: list scheduling with a search over priority lists, as R. Kolisch and S. Hartmann, "Heuristic
// Algorithms for the Resource-Constrained Project Scheduling Problem", 1999, survey it.
#include <algorithm>
#include <bit>
#include <cassert>
#include <numeric>

#include "placement/policies/hi_potential.h"
#include "placement/policies/policies.h"
#include "placement/transaction.h"

namespace flexai::placement {
namespace {

constexpr size_t kMostHeld = 16;
constexpr double kLeastGain = 40;  // what one point of a score stands for, in thousandths of a device

using Order = std::vector<size_t>;  // positions in the batch

struct Plan {
  Order order;
  std::vector<BatchDecision> decisions;
  int64_t device_milli = 0;
  size_t placed = 0;
  double lost = 0;  // by how much the potential grows, in thousandths of a device
};

bool IsBetter(const Plan& a, const Plan& b) {
  if (a.device_milli != b.device_milli) {
    return a.device_milli > b.device_milli;
  }
  if (a.placed != b.placed) {
    return a.placed > b.placed;
  }
  return a.lost < b.lost - kLeastGain;
}

class HiBatch16 final : public BatchPolicy {
 public:
  HiBatch16(std::unique_ptr<Policy> hi, std::span<const TypicalTask> typical, const HiParameters& parameters)
      : hi_(std::move(hi)), potential_(typical, parameters) {}

  size_t most_held() const override { return kMostHeld; }

  std::vector<BatchDecision> Decide(Cluster& cluster, std::span<const TaskShape> tasks) override {
    Order order(tasks.size());
    std::iota(order.begin(), order.end(), 0);
    Plan best = Try(cluster, tasks, order);
    const auto consider = [&] {
      Plan plan = Try(cluster, tasks, order);
      if (IsBetter(plan, best)) {
        best = std::move(plan);
      }
    };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::pair(tasks[a].device_milli(), tasks[a].cpu_milli) >
             std::pair(tasks[b].device_milli(), tasks[b].cpu_milli);
    });
    consider();
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      return std::popcount(tasks[a].models) < std::popcount(tasks[b].models);
    });
    consider();
    for (size_t i = 0; i < tasks.size(); ++i) {
      for (size_t j = i + 1; j < tasks.size(); ++j) {
        order = best.order;
        if (tasks[order[i]] != tasks[order[j]]) {
          std::swap(order[i], order[j]);
          consider();
        }
      }
    }
    return std::move(best.decisions);
  }

 private:
  // What hi does with the tasks in that order. Leaves the cluster as it was.
  Plan Try(Cluster& cluster, std::span<const TaskShape> tasks, const Order& order) const {
    Plan plan{order, {}};
    Transaction tried(cluster, nullptr);
    for (const size_t task : order) {
      std::optional<Placement> where = hi_->Choose(cluster, tasks[task]);
      if (where.has_value()) {
        plan.lost -= PotentialOf(cluster, *where);
        const Status taken = tried.Take(tasks[task], kNoRules, *where);
        assert(taken.ok());
        (void)taken;
        plan.lost += PotentialOf(cluster, *where);
        plan.device_milli += tasks[task].device_milli();
        ++plan.placed;
      }
      plan.decisions.push_back({task, std::move(where)});
    }
    return plan;
  }

  // Of the nodes that a place is on.
  double PotentialOf(const Cluster& cluster, const Placement& where) const {
    const double cpu = potential_(cluster.state_of_node(where.cpu_node));
    return where.device_node == where.cpu_node ? cpu
                                               : cpu + potential_(cluster.state_of_node(where.device_node));
  }

  std::unique_ptr<Policy> hi_;
  HiPotential potential_;
};

}  // namespace

std::unique_ptr<BatchPolicy> MakeHiBatch16(std::unique_ptr<Policy> hi, std::span<const TypicalTask> typical,
                                           const HiParameters& parameters) {
  return std::make_unique<HiBatch16>(std::move(hi), typical, parameters);
}

}  // namespace flexai::placement
