#include "placement/scored_policy.h"

#include <algorithm>

#include "placement/room.h"

namespace flexai::placement {
namespace {

constexpr int16_t kUnfit = -1;
constexpr size_t kBlock = NodeSet::kWordNodes;
// Boards kept: more shapes than tasks of one time have. Each takes two bytes a node and eight a state.
constexpr size_t kMostBoards = 512;

}  // namespace

DeviceMask TightestDevices(const NodeState& node, const TaskShape& task) {
  return LastDevices(node.FittingDevices(task), task.devices);
}

ScoreBoard::ScoreBoard(const NodeRater& rater, const TaskShape& shape) : rater_(rater), shape_(shape) {
  shape_.memory_mib = 0;
}

const Rating& ScoreBoard::RatingOf(const Cluster& cluster, StateId id) {
  if (id >= ratings_.size()) {
    ratings_.resize(cluster.state_count());
  }
  Remembered& remembered = ratings_[id];
  if (remembered.serial != cluster.serial(id)) {
    const NodeState& node = cluster.state(id);
    const TaskShape taken = cluster.Taken(shape_, node.model);
    remembered = {cluster.serial(id), node.Fits(taken) ? rater_.Rate(node, taken) : Rating{kUnfit, 0}};
  }
  return remembered.rating;
}

int16_t ScoreBoard::BestOfBlock(size_t block) const {
  int16_t best = kUnfit;
  for (size_t i = 0; i < kBlock; ++i) {
    best = std::max(best, scores_[block * kBlock + i]);
  }
  return best;
}

void ScoreBoard::Refresh(const Cluster& cluster, NodeId node) {
  const int16_t before = scores_[node];
  const int16_t after = RatingOf(cluster, cluster.state_of(node)).score;
  scores_[node] = after;
  int16_t& best = best_[node / kBlock];
  if (after >= best) {
    best = after;
  } else if (before == best) {
    best = BestOfBlock(node / kBlock);
  }
}

void ScoreBoard::CatchUp(const Cluster& cluster) {
  const auto changes = version_.has_value() ? cluster.ChangesSince(*version_) : std::nullopt;
  if (changes.has_value()) {
    for (const NodeId node : *changes) {
      Refresh(cluster, node);
    }
  } else {
    const size_t nodes = cluster.nodes().size();
    best_.assign((nodes + kBlock - 1) / kBlock, kUnfit);
    scores_.assign(best_.size() * kBlock, kUnfit);
    for (NodeId node = 0; node < nodes; ++node) {
      scores_[node] = RatingOf(cluster, cluster.state_of(node)).score;
    }
    for (size_t block = 0; block < best_.size(); ++block) {
      best_[block] = BestOfBlock(block);
    }
  }
  version_ = cluster.version();
}

std::optional<ScoreBoard::Best> ScoreBoard::Find(const Cluster& cluster, const Request& request) {
  CatchUp(cluster);
  int16_t best = kUnfit;
  NodeId found = 0;
  for (size_t block = 0; block < best_.size(); ++block) {
    if (best_[block] <= best) {
      continue;
    }
    for (size_t i = 0; i < kBlock && best < best_[block]; ++i) {
      const auto node = static_cast<NodeId>(block * kBlock + i);
      if (scores_[node] > best && cluster.memory_free(node) >= request.shape.memory_mib &&
          request.Allows(node)) {
        best = scores_[node];
        found = node;
      }
    }
  }
  if (best == kUnfit) {
    return std::nullopt;
  }
  return Best{found, RatingOf(cluster, cluster.state_of(found))};
}

int64_t ScoreBoard::RoomFor(const Cluster& cluster, const Request& request, int64_t enough) {
  CatchUp(cluster);
  int64_t room = 0;
  for (size_t block = 0; block < best_.size() && room < enough; ++block) {
    for (size_t i = 0; i < kBlock && best_[block] != kUnfit; ++i) {
      const auto node = static_cast<NodeId>(block * kBlock + i);
      if (scores_[node] != kUnfit && request.Allows(node)) {
        room += RoomOn(cluster, node, request.shape);
      }
    }
  }
  return std::min(room, enough);
}

ScoreBoard& ScoredPolicy::BoardOf(const TaskShape& task) {
  TaskShape key = task;
  key.memory_mib = 0;
  auto found = boards_.find(key);
  if (found == boards_.end()) {
    if (boards_.size() >= kMostBoards) {
      boards_.erase(std::min_element(boards_.begin(), boards_.end(), [](const auto& a, const auto& b) {
        return a.second.last_used < b.second.last_used;
      }));
    }
    found = boards_.emplace(key, Board{ScoreBoard(*rater_, key), 0}).first;
  }
  found->second.last_used = ++decisions_;
  return found->second.board;
}

std::optional<Placement> ScoredPolicy::Choose(const Cluster& cluster, const Request& request) {
  const auto best = BoardOf(request.shape).Find(cluster, request);
  if (!best.has_value()) {
    return std::nullopt;
  }
  return Placement{best->node, best->node, cluster.DevicesAt(best->node, best->rating.devices)};
}

int64_t ScoredPolicy::RoomFor(const Cluster& cluster, const Request& request, int64_t enough) {
  return BoardOf(request.shape).RoomFor(cluster, request, enough);
}

}  // namespace flexai::placement
