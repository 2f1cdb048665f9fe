#include "simulator/arrivals.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "base/random.h"

namespace flexai::simulator {
namespace {

template <typename T>
void Shuffle(std::vector<T>* items, Random* random) {
  for (size_t left = items->size(); left > 1; --left) {
    std::swap((*items)[left - 1], (*items)[random->Below(left)]);
  }
}

}  // namespace

std::string_view ClassName(TaskClass task_class) {
  constexpr std::string_view kNames[kTaskClasses] = {"cpu", "fraction", "one", "multi"};
  return kNames[static_cast<size_t>(task_class)];
}

double ArrivalRun::acceptance(TaskClass task_class) const {
  const auto i = static_cast<size_t>(task_class);
  return arrived[i] == 0 ? 1 : static_cast<double>(accepted[i]) / static_cast<double>(arrived[i]);
}

Arrivals DrawArrivals(const Trace& trace, const ArrivalOptions& options) {
  Arrivals arrivals{trace.nodes, {}};
  Random random(options.seed);
  Shuffle(&arrivals.nodes, &random);
  double capacity = 0;
  for (const placement::NodeSpec& node : trace.nodes) {
    capacity += node.devices * placement::kWholeDevice;
  }
  const double wanted = options.until * capacity;
  const auto milli = [&trace](size_t pod) {
    return static_cast<double>(trace.pods[pod].shape.device_milli());
  };
  double asked = 0;
  for (size_t i = 0; i < trace.pods.size(); ++i) {
    arrivals.pods.push_back(i);
    asked += milli(i);
  }
  Shuffle(&arrivals.pods, &random);
  const bool any = asked > 0;
  while (any && asked < wanted) {
    arrivals.pods.push_back(random.Below(trace.pods.size()));
    asked += milli(arrivals.pods.back());
  }
  while (asked > wanted) {
    size_t& victim = arrivals.pods[random.Below(arrivals.pods.size())];
    // Not below what is wanted: the last one that crosses it stays.
    if (asked - milli(victim) < wanted) {
      break;
    }
    asked -= milli(victim);
    arrivals.pods.erase(arrivals.pods.begin() + (&victim - arrivals.pods.data()));
  }
  return arrivals;
}

Result<ArrivalRun> RunArrivals(const Trace& trace, const Arrivals& arrivals, placement::BatchPolicy& policy,
                               const std::function<void(const Decision&)>& on_decision, const Clock* clock) {
  placement::Cluster cluster(arrivals.nodes);
  ArrivalRun run;
  run.most_held = policy.most_held();
  std::map<int, std::pair<double, size_t>> sums;
  int64_t asked = 0;
  const auto capacity = static_cast<double>(cluster.device_capacity());
  std::vector<placement::TaskShape> held;
  for (size_t arrived = 0; arrived < arrivals.pods.size(); ++arrived) {
    const placement::TaskShape& shape = trace.pods[arrivals.pods[arrived]].shape;
    held.push_back(shape);
    ++run.arrived[static_cast<size_t>(ClassOf(shape))];
    asked += shape.device_milli();
    if (held.size() == run.most_held || arrived + 1 == arrivals.pods.size()) {
      const size_t first = arrived + 1 - held.size();
      const Nanos start = clock != nullptr ? clock->Now() : Nanos{};
      const std::vector<placement::BatchDecision> decisions = policy.Decide(cluster, held);
      run.deciding = run.deciding + ((clock != nullptr ? clock->Now() : Nanos{}) - start);
      assert(decisions.size() == held.size());
      for (const auto& [task, where] : decisions) {
        const Pod& pod = trace.pods[arrivals.pods[first + task]];
        if (where.has_value()) {
          FLEXAI_RETURN_IF_ERROR(cluster.Take(pod.shape, *where));
          ++run.accepted[static_cast<size_t>(ClassOf(pod.shape))];
          run.remote += pod.shape.devices > 0 && where->cpu_node != where->device_node;
        }
        if (on_decision) {
          on_decision({first + task, &pod, where.has_value() ? &*where : nullptr});
        }
      }
      held.clear();
    }
    // Tasks that are held have asked, and have nothing yet.
    auto& [sum, count] = sums[static_cast<int>(std::lround(100 * static_cast<double>(asked) / capacity))];
    sum += 100 * static_cast<double>(cluster.device_taken()) / capacity;
    ++count;
  }
  for (const auto& [percent, mean] : sums) {
    run.allocation[percent] = mean.first / static_cast<double>(mean.second);
  }
  return run;
}

}  // namespace flexai::simulator
