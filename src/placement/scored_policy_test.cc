#include "placement/scored_policy.h"

#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "placement/room.h"

namespace flexai::placement {
namespace {

// The definition that boards must agree with: look at every node.
std::optional<NodeId> BestByLooking(const Cluster& cluster, const NodeRater& rater, const Request& request) {
  std::optional<NodeId> found;
  int16_t best = -1;
  TaskShape shape = request.shape;
  shape.memory_mib = 0;
  for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
    if (!request.Allows(node) || !cluster.Fits(node, request.shape)) {
      continue;
    }
    const Rating rating = rater.Rate(cluster.state_of_node(node), cluster.TakenOn(node, shape));
    if (rating.score > best) {
      best = rating.score;
      found = node;
    }
  }
  return found;
}

// Coarse, so that there are ties.
class ByIdleDevices final : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const override {
    return {static_cast<int16_t>(node.free_milli() / 1'000), TightestDevices(node, task)};
  }
};

std::vector<NodeSpec> SomeNodes(size_t count, Random* random) {
  std::vector<NodeSpec> nodes;
  for (size_t i = 0; i < count; ++i) {
    nodes.push_back({"n" + std::to_string(i), random->Between(8, 96) * 1'000,
                     random->Between(16, 512) * 1'024, static_cast<int32_t>(random->Between(0, 8)),
                     static_cast<int32_t>(random->Below(3))});
  }
  return nodes;
}

// CPU requests are fine-grained, so that many states come and go and numbers are used again.
TEST(ScoreBoard, FindsWhatLookingAtEveryNodeFinds) {
  Random random(11);
  Cluster cluster(SomeNodes(150, &random));
  const ByIdleDevices rater;
  std::vector<TaskShape> shapes;
  std::vector<ScoreBoard> boards;
  for (int i = 0; i < 12; ++i) {
    const auto devices = static_cast<int32_t>(random.Below(4));
    shapes.push_back({0, random.Between(1, 128) * 1'024, devices,
                      devices == 0 ? 0 : static_cast<int32_t>(random.Between(1, 10) * 100), kAnyModel});
    boards.emplace_back(rater, shapes.back());
  }
  NodeSet allowed(cluster.nodes().size());
  for (NodeId node = 0; node < allowed.size(); ++node) {
    if (random.Below(3) == 0) {
      allowed.Add(node);
    }
  }
  std::vector<std::pair<TaskShape, Placement>> running;
  size_t states = 0;
  for (int event = 0; event < 60'000; ++event) {
    // Some shapes are asked for so rarely that the journal has gaps for them.
    const size_t kind = random.Below(20) == 0 ? random.Below(shapes.size()) : random.Below(3);
    const Request request{shapes[kind], random.Below(2) == 0 ? &allowed : nullptr};
    const auto best = boards[kind].Find(cluster, request);
    if (event % 7 == 0) {
      const std::optional<NodeId> expected = BestByLooking(cluster, rater, request);
      ASSERT_EQ(best.has_value(), expected.has_value()) << event;
      ASSERT_TRUE(!best.has_value() || best->node == *expected) << event;
      const int64_t enough = random.Between(1, 500);
      ASSERT_EQ(boards[kind].RoomFor(cluster, request, enough), RoomFor(cluster, request, enough)) << event;
    }
    if (best.has_value() && random.Below(100) < 60) {
      TaskShape task = shapes[kind];
      task.cpu_milli = random.Between(1, 900);
      const Placement where{best->node, best->node, cluster.DevicesAt(best->node, best->rating.devices)};
      if (cluster.Take(task, where).ok()) {
        running.emplace_back(task, where);
      }
    }
    while (running.size() > 300 || (!running.empty() && random.Below(3) == 0)) {
      std::swap(running[random.Below(running.size())], running.back());
      cluster.Give(running.back().first, running.back().second);
      running.pop_back();
    }
    states = std::max(states, cluster.state_count());
  }
  EXPECT_LT(states, 10'000u) << "states that nobody is in are forgotten";
}

TEST(ScoreBoard, TheFirstOfEqualNodesWinsAlsoAcrossBlocks) {
  const std::vector<NodeSpec> nodes(200, NodeSpec{"n", 8'000, 1'000, 2, 0});
  Cluster cluster(nodes);
  const ByIdleDevices rater;
  const TaskShape task{1'000, 10, 1, 1'000, kAnyModel};
  ScoreBoard board(rater, task);
  EXPECT_EQ(board.Find(cluster, {task, nullptr})->node, 0u);
  NodeSet late(nodes.size());
  late.Add(199);
  late.Add(130);
  EXPECT_EQ(board.Find(cluster, {task, &late})->node, 130u);
  const NodeSet none(nodes.size());
  EXPECT_FALSE(board.Find(cluster, {task, &none}).has_value());
  TaskShape large = task;
  large.memory_mib = 1'001;
  EXPECT_FALSE(board.Find(cluster, {large, nullptr}).has_value());
}

TEST(NodeSet, IsASet) {
  NodeSet set(130, true);
  EXPECT_EQ(set.Count(), 130u);
  set.Remove(64);
  NodeSet other(130);
  other.Add(64);
  other.Add(129);
  set &= other;
  EXPECT_EQ(set.Count(), 1u);
  EXPECT_TRUE(set.Has(129));
  set |= other;
  std::vector<NodeId> all;
  set.ForEach([&all](NodeId node) { all.push_back(node); });
  EXPECT_EQ(all, (std::vector<NodeId>{64, 129}));
  set -= other;
  EXPECT_EQ(set, NodeSet(130));
}

}  // namespace
}  // namespace flexai::placement
