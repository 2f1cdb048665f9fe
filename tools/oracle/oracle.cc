#include "oracle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>
#include <functional>
#include <string>
#include <unordered_set>

#include "base/random.h"

namespace flexai::oracle {
namespace {

using placement::kWholeDevice;
using placement::NodeSpec;
using placement::TaskShape;

struct Node {
  int64_t cpu_milli = 0;
  int64_t memory_mib = 0;
  int32_t model = 0;
  // Share and memory of each device, most first: devices have no identity here.
  std::vector<std::pair<int32_t, int32_t>> free;

  auto operator<=>(const Node&) const = default;
};

Node Empty(const NodeSpec& spec) {
  return {spec.cpu_milli,
          spec.memory_mib,
          spec.model,
          {static_cast<size_t>(spec.devices), {kWholeDevice, spec.device_memory_mib}}};
}

// Every node that this may become when it takes the task.
std::vector<Node> After(const Node& node, const TaskShape& task) {
  std::vector<Node> all;
  if (node.cpu_milli < task.cpu_milli || node.memory_mib < task.memory_mib ||
      (task.devices > 0 && (task.models >> node.model & 1) == 0)) {
    return all;
  }
  Node after = node;
  after.cpu_milli -= task.cpu_milli;
  after.memory_mib -= task.memory_mib;
  const std::function<void(size_t, int)> take = [&](size_t from, int left) {
    if (left == 0) {
      all.push_back(after);
      std::sort(all.back().free.begin(), all.back().free.end(), std::greater<>());
      return;
    }
    for (size_t i = from; i < node.free.size() && node.free[i].first >= task.share_milli; ++i) {
      if ((i > from && node.free[i] == node.free[i - 1]) || node.free[i].second < task.device_memory_mib) {
        continue;  // the same as with the one before, or too little memory
      }
      after.free[i].first -= task.share_milli;
      after.free[i].second -= task.device_memory_mib;
      take(i + 1, left - 1);
      after.free[i] = node.free[i];
    }
  };
  take(0, task.devices);
  return all;
}

// Branch and bound, depth first. Nodes are sorted, so that states that differ in their order only are one.
class Search {
 public:
  Search(std::vector<TaskShape> tasks, Rule rule, size_t most_states)
      : tasks_(std::move(tasks)),
        rule_(rule),
        most_states_(most_states),
        asked_(tasks_.size() + 1),
        fill_(tasks_.size() + 1) {
    std::bitset<kWholeDevice + 1> sums;  // that shares of the tasks from i on make on one device
    sums.set(0);
    for (size_t i = tasks_.size() + 1; i-- > 0;) {
      if (i < tasks_.size()) {
        asked_[i] = asked_[i + 1] + tasks_[i].device_milli();
        sums |= tasks_[i].devices > 0 ? sums << static_cast<size_t>(tasks_[i].share_milli) : sums;
      }
      int32_t most = 0;
      for (size_t free = 0; free <= kWholeDevice; ++free) {
        most = sums.test(free) ? static_cast<int32_t>(free) : most;
        fill_[i].push_back(most);
      }
    }
  }

  std::optional<int64_t> Run(std::vector<Node> nodes) {
    std::sort(nodes.begin(), nodes.end());
    Visit(0, nodes, 0, false);
    return seen_.size() >= most_states_ ? std::nullopt : std::optional(best_);
  }

 private:
  // No device can be filled better than by the tasks that are left, as if each device had them for itself.
  int64_t Bound(size_t next, const std::vector<Node>& nodes) const {
    int64_t fill = 0;
    for (const Node& node : nodes) {
      for (const auto& [share, memory] : node.free) {
        fill += fill_[next][static_cast<size_t>(share)];
      }
    }
    return std::min(fill, asked_[next]);
  }

  bool New(size_t next, const std::vector<Node>& nodes, bool skipped) {
    std::string key{static_cast<char>(next), static_cast<char>(skipped)};
    for (const Node& node : nodes) {
      key.append(reinterpret_cast<const char*>(&node.cpu_milli), sizeof node.cpu_milli);
      key.append(reinterpret_cast<const char*>(&node.memory_mib), sizeof node.memory_mib);
      key.append(reinterpret_cast<const char*>(&node.model), sizeof node.model);
      key.append(reinterpret_cast<const char*>(node.free.data()), node.free.size() * sizeof node.free[0]);
    }
    return seen_.insert(std::move(key)).second;
  }

  void Visit(size_t next, const std::vector<Node>& nodes, int64_t taken, bool skipped) {
    best_ = std::max(best_, taken);
    if (next == tasks_.size() || taken + Bound(next, nodes) <= best_ || seen_.size() >= most_states_ ||
        !New(next, nodes, skipped)) {
      return;
    }
    const TaskShape& task = tasks_[next];
    // Of equal tasks, those that are left out may as well be the last.
    const bool may_take = rule_ == Rule::kWhatFits || !skipped || task != tasks_[next - 1];
    bool fits = false;
    for (size_t i = 0; i < nodes.size() && may_take; ++i) {
      if (i > 0 && nodes[i] == nodes[i - 1]) {
        continue;
      }
      for (Node& after : After(nodes[i], task)) {
        fits = true;
        std::vector<Node> with = nodes;
        with[i] = std::move(after);
        std::sort(with.begin(), with.end());
        Visit(next + 1, with, taken + task.device_milli(), false);
      }
    }
    if (rule_ == Rule::kAnyTasks || !fits) {
      Visit(next + 1, nodes, taken, rule_ == Rule::kAnyTasks);
    }
  }

  const std::vector<TaskShape> tasks_;
  const Rule rule_;
  const size_t most_states_;
  std::vector<int64_t> asked_;              // by the tasks from i on
  std::vector<std::vector<int32_t>> fill_;  // by i and by what is free on a device
  std::unordered_set<std::string> seen_;
  int64_t best_ = 0;
};

std::vector<Node> EmptyNodes(const Instance& instance) {
  std::vector<Node> nodes;
  for (const NodeSpec& node : instance.nodes) {
    nodes.push_back(Empty(node));
  }
  return nodes;
}

}  // namespace

int64_t Instance::device_milli() const {
  int64_t milli = 0;
  for (const NodeSpec& node : nodes) {
    milli += int64_t{node.devices} * kWholeDevice;
  }
  return milli;
}

Instance DrawInstance(const simulator::Trace& trace, uint64_t seed) {
  Random random(seed);
  while (true) {
    Instance instance;
    const auto nodes = static_cast<size_t>(random.Between(3, 4));
    while (instance.nodes.size() < nodes) {
      const NodeSpec& node = trace.nodes[random.Below(trace.nodes.size())];
      if (node.devices <= 4) {
        instance.nodes.push_back(node);
      }
    }
    const std::vector<Node> empty = EmptyNodes(instance);
    int64_t asked = 0;
    while (asked * 10 < instance.device_milli() * 13 && instance.tasks.size() <= 14) {
      const TaskShape& task = trace.pods[random.Below(trace.pods.size())].shape;
      if (std::any_of(empty.begin(), empty.end(), [&](const Node& n) { return !After(n, task).empty(); })) {
        instance.tasks.push_back(task);
        asked += task.device_milli();
      }
    }
    if (instance.device_milli() >= 6 * kWholeDevice && instance.device_milli() <= 8 * kWholeDevice &&
        instance.tasks.size() >= 10 && instance.tasks.size() <= 14) {
      return instance;
    }
  }
}

std::optional<int64_t> MostAllocated(const Instance& instance, Rule rule, size_t most_states) {
  std::vector<TaskShape> tasks = instance.tasks;
  if (rule == Rule::kAnyTasks) {
    // Tasks without devices only take CPU from others; the largest first, equal ones beside each other.
    std::erase_if(tasks, [](const TaskShape& task) { return task.devices == 0; });
    std::sort(tasks.begin(), tasks.end(), [](const TaskShape& a, const TaskShape& b) {
      return std::pair(a.device_milli(), a) > std::pair(b.device_milli(), b);
    });
  }
  return Search(std::move(tasks), rule, most_states).Run(EmptyNodes(instance));
}

Result<int64_t> AllocatedBy(const Instance& instance, placement::BatchPolicy& policy) {
  placement::Cluster cluster(instance.nodes);
  std::span<const TaskShape> left(instance.tasks);
  while (!left.empty()) {
    const std::span<const TaskShape> batch = left.first(std::min(left.size(), policy.most_held()));
    left = left.subspan(batch.size());
    for (const auto& [task, where] : policy.Decide(cluster, batch)) {
      if (where.has_value()) {
        FLEXAI_RETURN_IF_ERROR(cluster.Take(batch[task], *where));
        continue;
      }
      for (placement::NodeId node = 0; node < instance.nodes.size(); ++node) {
        if (cluster.Fits(node, batch[task])) {
          return Internal(fmt::format("a task that fits on node {} was not placed", node));
        }
      }
    }
  }
  return cluster.device_taken();
}

}  // namespace flexai::oracle
