#include "placement/policy.h"

#include <gmock/gmock.h>

#include "placement/fragmentation.h"
#include "placement/remainders.h"

namespace flexai::placement {
namespace {

using ::testing::ElementsAre;

TaskShape Share(int32_t milli, int64_t cpu_milli = 1'000) { return {cpu_milli, 0, 1, milli, kAnyModel}; }

TEST(Demand, IsTheMostFrequentShapesUntilEnoughIsCovered) {
  std::vector<TaskShape> tasks(60, Share(500));
  tasks.insert(tasks.end(), 36, Share(250));
  tasks.insert(tasks.end(), 4, Share(100));
  for (size_t i = 0; i < tasks.size(); ++i) {
    tasks[i].memory_mib = static_cast<int64_t>(i);
  }
  const std::vector<TypicalTask> typical = TypicalTasks(tasks);
  ASSERT_EQ(typical.size(), 2u) << "96 of 100 are enough, and memory makes no shapes";
  EXPECT_EQ(typical[0].shape, Share(500));
  EXPECT_DOUBLE_EQ(typical[0].popularity, 60.0 / 96);
  EXPECT_DOUBLE_EQ(typical[1].popularity, 36.0 / 96);
}

TEST(Fragmentation, IsWhatTypicalTasksCannotUse) {
  const std::vector<TypicalTask> typical{
      {Share(500), 0.5}, {Share(1000), 0.3}, {{1'000, 0, 0, 0, kAnyModel}, 0.2}};
  const NodeState node{8'000, 0, 3, {1000, 600, 200}};
  // Half use all but 200; three tenths use only the free one; two tenths use no device at all.
  EXPECT_DOUBLE_EQ(Fragmentation(node, typical), 0.5 * 200 + 0.3 * 800 + 0.2 * 1800);
  const NodeState starved{500, 0, 3, {1000, 600, 200}};
  EXPECT_DOUBLE_EQ(Fragmentation(starved, typical), 1800) << "nobody gets CPU there";
}

TEST(Remainders, ScarceSharesFillNothing) {
  // 700 leaves 300 a hundred times, and there are ten tasks of 300: hardly any of those will be filled. 450
  // comes in pairs.
  const std::vector<TypicalTask> typical{{Share(700), 100}, {Share(450), 50}, {Share(300), 10}};
  const Remainders remainders(typical);
  EXPECT_EQ(remainders.Waste(300), 300);
  EXPECT_EQ(remainders.Waste(550), 100);
  EXPECT_EQ(remainders.Waste(1000), 0);
  EXPECT_EQ(remainders.Waste(0), 0);
  const std::vector<TypicalTask> plenty{{Share(700), 100}, {Share(450), 50}, {Share(300), 60}};
  EXPECT_EQ(Remainders(plenty).Waste(300), 0);
  EXPECT_EQ(Remainders(plenty).Waste(NodeState{0, 0, 3, {1000, 320, 300}}), 20);
}

struct Case {
  const char* policy;
  NodeId node;
  int32_t device;
};

// Three nodes of one model: a is half full, b is nearly full on one device, c is free.
TEST(Policies, EachHasItsPlace) {
  const std::vector<TypicalTask> typical{{Share(500), 0.6}, {Share(250), 0.4}};
  for (const Case& expected : {Case{"spread", 2, 0}, Case{"binpack", 1, 1}, Case{"best-fit", 1, 1},
                               Case{"fgd", 1, 1}, Case{"hi", 1, 1}}) {
    Cluster cluster({{"a", 32'000, 0, 2, 0}, {"b", 32'000, 0, 2, 0}, {"c", 32'000, 0, 2, 0}});
    ASSERT_TRUE(cluster.Take(Share(1000), {0, 0, {1}}).ok());
    ASSERT_TRUE(cluster.Take(Share(750), {1, 1, {1}}).ok());
    ASSERT_TRUE(cluster.Take(Share(750), {1, 1, {0}}).ok());
    const auto policy = *MakePolicy(expected.policy, {typical, 1});
    const std::optional<Placement> where = policy->Choose(cluster, Share(250));
    ASSERT_TRUE(where.has_value()) << expected.policy;
    EXPECT_EQ(where->device_node, expected.node) << expected.policy;
    if (expected.node == 2) {
      EXPECT_THAT(where->devices, ElementsAre(expected.device)) << expected.policy;
    }
  }
}

TEST(Policies, HiKeepsCpuForTheDevicesItFeeds) {
  // Devices ask for 10 cores each. Node a has just what its four need, b has some to spare.
  const std::vector<TypicalTask> typical{{Share(1000, 10'000), 0.9}, {{8'000, 0, 0, 0, kAnyModel}, 0.1}};
  const Cluster cluster({{"a", 40'000, 0, 4, 0}, {"b", 64'000, 0, 4, 0}});
  const TaskShape cpu_only{8'000, 0, 0, 0, kAnyModel};
  EXPECT_EQ((*MakePolicy("hi", {typical, 1}))->Choose(cluster, cpu_only)->cpu_node, 1u);
  EXPECT_EQ((*MakePolicy("fgd", {typical, 1}))->Choose(cluster, cpu_only)->cpu_node, 0u)
      << "fragmentation sees no difference: the next task fits on both";
}

TEST(Policies, AnUnknownNameIsSaid) {
  const auto policy = MakePolicy("fdg", {});
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(
      policy.status().message(),
      "'fdg' is no placement policy: use one of random, spread, binpack, best-fit, dot-product, fgd, hi");
}

}  // namespace
}  // namespace flexai::placement
