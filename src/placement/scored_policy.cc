#include "placement/scored_policy.h"

namespace flexai::placement {

int TightestDevices(const NodeState& node, const TaskShape& task) {
  return node.CountWith(task.share_milli) - task.devices;
}

const ScoredPolicy::Cached& ScoredPolicy::Look(const Cluster& cluster, std::vector<Cached>* of_task,
                                               const TaskShape& task, StateId id) {
  Cached& cached = (*of_task)[id];
  if (cached.known == Cached::kUnknown) {
    const NodeState& node = cluster.state(id);
    if (node.Fits(task)) {
      cached = {rater_->Rate(node, task), Cached::kRated};
    } else {
      cached.known = Cached::kUnfit;
    }
  }
  return cached;
}

std::optional<Placement> ScoredPolicy::Choose(const Cluster& cluster, const TaskShape& task) {
  TaskShape key = task;
  key.memory_mib = 0;
  std::vector<Cached>& of_task = cache_[key];
  of_task.resize(cluster.state_count());
  const Cached* best = nullptr;
  NodeId node = 0;
  for (const auto& [id, group] : cluster.groups()) {
    const Cached& cached = Look(cluster, &of_task, key, id);
    if (cached.known == Cached::kUnfit || (best != nullptr && cached.rating.score < best->rating.score)) {
      continue;
    }
    const NodeId* first = cluster.FirstWith(group, task.memory_mib);
    if (first != nullptr && (best == nullptr || cached.rating.score > best->rating.score || *first < node)) {
      best = &cached;
      node = *first;
    }
  }
  if (best == nullptr) {
    return std::nullopt;
  }
  return Placement{node, node, cluster.DevicesAt(node, best->rating.first, task.devices)};
}

}  // namespace flexai::placement
