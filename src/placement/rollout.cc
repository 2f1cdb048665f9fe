#include "placement/rollout.h"

#include <algorithm>
#include <utility>

#include "placement/task_class.h"

namespace flexai::placement {
namespace {

constexpr double kUntil = 1.3;  // of the device capacity

}  // namespace

Rollouts::Rollouts(std::span<const TypicalTask> typical, std::span<const NodeSpec> nodes, int draws,
                   uint64_t seed)
    : typical_(typical) {
  double wanted = 0;
  for (const NodeSpec& node : nodes) {
    wanted += kUntil * node.devices * kWholeDevice;
  }
  std::vector<double> up_to;  // popularity of the tasks up to that one
  bool any = false;
  for (const TypicalTask& task : typical) {
    up_to.push_back((up_to.empty() ? 0 : up_to.back()) + task.popularity);
    any = any || (task.shape.device_milli() > 0 && task.popularity > 0);
  }
  Random random(seed);
  for (int i = 0; any && i < draws; ++i) {
    Draw& draw = draws_.emplace_back();
    draw.nodes.assign(nodes.begin(), nodes.end());
    for (size_t left = draw.nodes.size(); left > 1; --left) {
      std::swap(draw.nodes[left - 1], draw.nodes[random.Below(left)]);
    }
    for (double asked = 0; asked < wanted;) {
      const auto found = std::upper_bound(up_to.begin(), up_to.end(), random.Unit() * up_to.back());
      const auto task = std::min(static_cast<size_t>(found - up_to.begin()), typical.size() - 1);
      draw.tasks.push_back(task);
      asked += static_cast<double>(typical[task].shape.device_milli());
    }
  }
}

Outcome Rollouts::Play(const std::function<std::unique_ptr<Policy>()>& make_policy) const {
  Outcome mean;
  for (const Draw& draw : draws_) {
    const Outcome outcome = Play(draw, *make_policy());
    mean.allocation += outcome.allocation / static_cast<double>(draws_.size());
    mean.acceptance += outcome.acceptance / static_cast<double>(draws_.size());
  }
  return mean;
}

Outcome Rollouts::Play(const Draw& draw, Policy& policy) const {
  Cluster cluster(draw.nodes);
  double arrived[kTaskClasses] = {};
  double accepted[kTaskClasses] = {};
  int64_t asked = 0;
  int64_t taken_at_capacity = 0;
  for (const size_t i : draw.tasks) {
    const TaskShape& task = typical_[i].shape;
    const auto task_class = static_cast<size_t>(ClassOf(task));
    const std::optional<Placement> where = policy.Choose(cluster, task);
    ++arrived[task_class];
    if (where.has_value() && cluster.Take(task, *where).ok()) {
      ++accepted[task_class];
    }
    const bool before = asked < cluster.device_capacity();
    asked += task.device_milli();
    if (before && asked >= cluster.device_capacity()) {
      taken_at_capacity = cluster.device_taken();
    }
  }
  Outcome outcome;
  if (cluster.device_capacity() > 0) {
    outcome.allocation = 50 * static_cast<double>(taken_at_capacity + cluster.device_taken()) /
                         static_cast<double>(cluster.device_capacity());
  }
  outcome.acceptance = 100;
  for (const TaskClass with_devices : {TaskClass::kFraction, TaskClass::kOne, TaskClass::kMulti}) {
    const auto i = static_cast<size_t>(with_devices);
    if (arrived[i] > 0) {
      outcome.acceptance = std::min(outcome.acceptance, 100 * accepted[i] / arrived[i]);
    }
  }
  return outcome;
}

}  // namespace flexai::placement
