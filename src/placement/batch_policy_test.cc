#include "placement/batch_policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace flexai::placement {
namespace {

TaskShape Share(int32_t milli, int64_t cpu_milli = 1'000, int32_t devices = 1) {
  return {cpu_milli, 0, devices, milli, kAnyModel};
}

const std::vector<TypicalTask> kTypical{
    {Share(1'000), 0.4}, {Share(600), 0.4}, {{4'000, 0, 0, 0, kAnyModel}, 0.2}};

TEST(BatchPolicy, HiBatch16PlacesFirstWhatFillsMore) {
  const auto policy = *MakeBatchPolicy("hi-batch16", {kTypical});
  EXPECT_EQ(policy->most_held(), 16u);
  Cluster cluster({{"a", 8'000, 0, 1, 0}});
  const std::vector<TaskShape> tasks{Share(600), Share(1'000), Share(0, 1'000, 0)};
  const std::vector<BatchDecision> decisions = policy->Decide(cluster, tasks);
  ASSERT_EQ(decisions.size(), 3u);
  EXPECT_EQ(cluster.device_taken(), 0) << "only tried";
  for (const BatchDecision& decision : decisions) {
    EXPECT_EQ(decision.where.has_value(), decision.task != 0);
    if (decision.where.has_value()) {
      EXPECT_TRUE(cluster.Take(tasks[decision.task], *decision.where).ok());
    } else {
      EXPECT_FALSE(cluster.Fits(0, tasks[decision.task])) << "a drop is legal at its turn only";
    }
  }
}

// Either the large one or both small ones.
TEST(BatchPolicy, HiBatch16PlacesMoreTasksIfTheDevicesAreTheSame) {
  const auto policy = *MakeBatchPolicy("hi-batch16", {kTypical});
  Cluster cluster({{"a", 4'000, 0, 0, 0}});
  const std::vector<TaskShape> tasks{Share(0, 3'000, 0), Share(0, 2'000, 0), Share(0, 2'000, 0)};
  EXPECT_EQ(std::ranges::count_if(policy->Decide(cluster, tasks),
                                  [](const BatchDecision& decision) { return decision.where.has_value(); }),
            2);
}

bool FitsSomewhere(const Cluster& cluster, const TaskShape& task, bool remote) {
  TaskShape device_half = task;
  device_half.cpu_milli = 0;
  bool cpu = false;
  bool devices = false;
  for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
    if (cluster.Fits(node, task)) {
      return true;
    }
    cpu |= cluster.state_of_node(node).cpu_free >= task.cpu_milli;
    devices |= cluster.state_of_node(node).Fits(device_half);
  }
  return remote && cpu && devices;
}

TEST(BatchPolicy, HiBatch16KeepsTheRulesAndIsTheSameEachTime) {
  for (const bool remote : {false, true}) {
    Random random(7);
    std::vector<NodeSpec> nodes;
    for (int i = 0; i < 12; ++i) {
      nodes.push_back({"n", random.Between(4, 40) * 1'000, 0, static_cast<int32_t>(random.Below(5)), i % 2});
    }
    Cluster cluster(nodes);
    Cluster copy(nodes);
    const auto policy = *MakeBatchPolicy("hi-batch16", {.typical = kTypical, .remote = remote});
    const auto other = *MakeBatchPolicy("hi-batch16", {.typical = kTypical, .remote = remote});
    size_t dropped = 0;
    for (const size_t size : {16, 16, 1, 16, 9, 16}) {
      std::vector<TaskShape> tasks;
      while (tasks.size() < size) {
        TaskShape task = Share(1'000, random.Between(1, 6) * 1'000, static_cast<int32_t>(random.Below(3)));
        if (task.devices == 1) {
          task.share_milli = static_cast<int32_t>(random.Between(1, 10) * 100);
        }
        tasks.push_back(task);
      }
      const std::vector<BatchDecision> decisions = policy->Decide(cluster, tasks);
      const std::vector<BatchDecision> again = other->Decide(copy, tasks);
      ASSERT_EQ(decisions.size(), size);
      ASSERT_EQ(again.size(), size);
      std::vector<bool> decided(size);
      for (size_t i = 0; i < size; ++i) {
        const auto& [task, where] = decisions[i];
        EXPECT_FALSE(decided[task]);
        decided[task] = true;
        EXPECT_EQ(task, again[i].task);
        ASSERT_EQ(where.has_value(), again[i].where.has_value());
        if (where.has_value()) {
          EXPECT_EQ(where->cpu_node, again[i].where->cpu_node);
          EXPECT_EQ(where->devices, again[i].where->devices);
          ASSERT_TRUE(cluster.Take(tasks[task], *where).ok());
          ASSERT_TRUE(copy.Take(tasks[task], *again[i].where).ok());
        } else {
          EXPECT_FALSE(FitsSomewhere(cluster, tasks[task], remote));
          ++dropped;
        }
      }
    }
    EXPECT_GT(dropped, 3u);
  }
}

TEST(BatchPolicy, OthersHoldNothingBack) {
  Cluster cluster({{"a", 8'000, 0, 2, 0}, {"b", 8'000, 0, 2, 0}});
  const auto batch = *MakeBatchPolicy("spread", {kTypical});
  const auto policy = *MakePolicy("spread", {kTypical});
  EXPECT_EQ(batch->most_held(), 1u);
  const TaskShape task = Share(500);
  const std::vector<BatchDecision> decisions = batch->Decide(cluster, {&task, 1});
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_EQ(decisions[0].task, 0u);
  EXPECT_EQ(decisions[0].where->devices, policy->Choose(cluster, task)->devices);
  EXPECT_EQ(
      MakeBatchPolicy("hi-batch17", {}).status().message(),
      "'hi-batch17' is no placement policy: use one of random, spread, binpack, best-fit, dot-product, fgd, "
      "hi, hi-batch16");
}

}  // namespace
}  // namespace flexai::placement
