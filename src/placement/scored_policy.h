// Policies that rate each node by its state and take the best one; the first node wins among equals.
//
// A rating depends on the node's state and the task's shape alone, so each pair is rated once and remembered.
// For each shape there is a board with the score of every node, and the best of each block of 64 nodes;
// before a decision it is brought up to date from the cluster's journal. A decision then looks at the blocks,
// and into those that beat what was found. So its cost hardly depends on the number of nodes.
//
// Thread safety: one thread.
#pragma once

#include <array>
#include <map>

#include "placement/policy.h"

namespace flexai::placement {

struct Rating {
  int16_t score = 0;       // not negative; higher is better
  DeviceMask devices = 0;  // to take
};
static_assert(kMostDevices * kWholeDevice <= INT16_MAX, "scores may count a node's devices");

// One file of policies/ each.
class NodeRater {
 public:
  virtual ~NodeRater() = default;
  // `node.Fits(task)` holds. `task` is what it takes there.
  virtual Rating Rate(const NodeState& node, const TaskShape& task) const = 0;
};

// The last devices that have what the task wants, which are those with the least.
DeviceMask TightestDevices(const NodeState& node, const TaskShape& task);

// The scores of all nodes for one shape, but for memory.
class ScoreBoard {
 public:
  // `shape.memory_mib` is passed over.
  ScoreBoard(const NodeRater& rater, const TaskShape& shape);

  // What is best at this time; nothing if no node that is allowed has room.
  struct Best {
    NodeId node = 0;
    Rating rating;
  };
  std::optional<Best> Find(const Cluster& cluster, const Request& request);
  // For how many tasks there is room; stops counting at `enough`.
  int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough);

 private:
  struct Remembered {
    uint32_t serial = 0;  // of the state; 0: of none
    Rating rating;
  };

  void CatchUp(const Cluster& cluster);
  void Refresh(const Cluster& cluster, NodeId node);
  const Rating& RatingOf(const Cluster& cluster, StateId id);
  int16_t BestOfBlock(size_t block) const;

  const NodeRater& rater_;
  TaskShape shape_;
  std::vector<Remembered> ratings_;  // by StateId
  std::vector<int16_t> scores_;      // by NodeId, padded to whole blocks; negative: does not fit
  std::vector<int16_t> best_;        // by block of NodeSet::kWordNodes nodes
  std::optional<uint64_t> version_;  // of the cluster that the scores are of
};

class ScoredPolicy final : public Policy {
 public:
  explicit ScoredPolicy(std::unique_ptr<NodeRater> rater) : rater_(std::move(rater)) {}
  using Policy::Choose;
  std::optional<Placement> Choose(const Cluster& cluster, const Request& request) override;
  int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough) override;

 private:
  struct Board {
    ScoreBoard board;
    uint64_t last_used = 0;
  };
  ScoreBoard& BoardOf(const TaskShape& task);

  std::unique_ptr<NodeRater> rater_;
  std::map<TaskShape, Board> boards_;
  uint64_t decisions_ = 0;
};

}  // namespace flexai::placement
