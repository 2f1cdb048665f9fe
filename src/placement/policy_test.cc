#include "placement/policy.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "placement/fragmentation.h"
#include "placement/node_free.h"
#include "placement/remainders.h"
#include "placement/stranding.h"

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
  const Fragmentation fragmentation(typical);
  EXPECT_DOUBLE_EQ(fragmentation(node), 0.5 * 200 + 0.3 * 800 + 0.2 * 1800);
  const NodeState starved{500, 0, 3, {1000, 600, 200}};
  EXPECT_DOUBLE_EQ(fragmentation(starved), 1800) << "nobody gets CPU there";
}

// The definition, task by task.
double Defined(const NodeState& node, std::span<const TypicalTask> typical) {
  double sum = 0;
  for (const TypicalTask& task : typical) {
    int64_t fragment = node.free_milli();
    if (task.shape.devices > 0 && node.Fits(task.shape)) {
      for (size_t i = 0; i < static_cast<size_t>(node.devices); ++i) {
        if (node.free[i] >= task.shape.share_milli && node.memory[i] >= task.shape.device_memory_mib) {
          fragment -= node.free[i];
        }
      }
    }
    sum += task.popularity * static_cast<double>(fragment);
  }
  return sum;
}

TEST(Fragmentation, ItsTablesSayWhatTheDefinitionDoes) {
  Random random(11);
  std::vector<TypicalTask> typical;
  for (int i = 0; i < 40; ++i) {
    TaskShape shape{random.Between(0, 16) * 1'000, 0, static_cast<int32_t>(random.Below(5)), 0, kAnyModel};
    shape.share_milli = shape.devices == 0 ? 0 : static_cast<int32_t>(random.Between(1, 10) * 100);
    shape.models = random.Below(2) == 0 ? kAnyModel : random.Below(16);
    shape.device_memory_mib = static_cast<int32_t>(random.Below(4)) * 8'192;
    typical.push_back({shape, random.Unit()});
  }
  const Fragmentation fragmentation(typical);
  for (int i = 0; i < 2'000; ++i) {
    NodeFree free;
    free.cpu_milli = random.Between(0, 20'000);
    for (size_t device = 0; device < 8; ++device) {
      free.share[device] = static_cast<int16_t>(random.Below(21) * 50);
      free.device_memory[device] = static_cast<int32_t>(random.Below(5)) * 6'144;
    }
    const NodeState node =
        free.State(static_cast<int32_t>(random.Below(5)), static_cast<int32_t>(random.Below(9)));
    EXPECT_NEAR(fragmentation(node), Defined(node, typical), 1e-6);
  }
}

TEST(Remainders, ScarceSharesFillNothing) {
  const std::vector<TypicalTask> typical{{Share(700), 0.6}, {Share(450), 0.3}, {Share(300), 0.1}};
  EXPECT_THAT(TypicalShares(typical), ElementsAre(300, 450, 700));
  const Remainders scarce(typical, 301);
  EXPECT_EQ(scarce.Waste(300), 300);
  EXPECT_EQ(scarce.Waste(550), 100);
  EXPECT_EQ(scarce.Waste(1000), 0);
  EXPECT_EQ(scarce.Waste(0), 0);
  const Remainders common(typical, 300);
  EXPECT_EQ(common.Waste(300), 0);
  EXPECT_EQ(common.Waste(NodeState{0, 0, 3, {1000, 320, 300}}), 20);
}

TEST(Fragmentation, ADeviceWithoutMemoryIsOfNoUse) {
  const std::vector<TypicalTask> typical{{{0, 0, 1, 250, kAnyModel, 20'000}, 0.75}, {Share(500), 0.25}};
  const NodeState node{8'000, 0, 2, {1000, 600}, {10'000, 40'000}};
  EXPECT_DOUBLE_EQ(Fragmentation(typical)(node), 0.75 * 1'000);
}

TEST(Remainders, WhatFillsMustFindItsMemory) {
  const std::vector<TypicalTask> typical{{{0, 0, 1, 300, kAnyModel, 16'384}, 0.5},
                                         {{0, 0, 1, 200, kAnyModel, 4'096}, 0.5}};
  const Remainders remainders(typical, 0);
  EXPECT_EQ(remainders.Waste(600, 100'000), 0);
  EXPECT_EQ(remainders.Waste(600, 12'288), 0) << "three small ones";
  EXPECT_EQ(remainders.Waste(500, 20'480), 0) << "one of each";
  EXPECT_EQ(remainders.Waste(500, 20'479), 100) << "two small ones";
  EXPECT_EQ(remainders.Waste(500, 4'096), 300);
  EXPECT_EQ(remainders.Waste(500, 4'095), 500) << "its memory is used up: all of its share is lost";
  EXPECT_EQ(remainders.Waste(NodeState{0, 0, 2, {500, 500}, {20'480, 4'096}}), 300);
}

TEST(Stranding, IsWhatTheCpuCannotFeed) {
  const std::vector<TypicalTask> typical{
      {Share(500, 4'000), 0.5}, {Share(1000, 11'000), 0.5}, {{64'000, 0, 0, 0, kAnyModel}, 1}};
  EXPECT_DOUBLE_EQ(CpuPerDevice(typical), 10) << "15,000 for 1,500; tasks without devices do not count";
  EXPECT_DOUBLE_EQ(Stranded({12'000, 0, 2, {1000, 900}}, 10), 700);
  EXPECT_DOUBLE_EQ(Stranded({20'000, 0, 2, {1000, 900}}, 10), 0);
  EXPECT_DOUBLE_EQ(Stranded({0, 0, 1, {1000}}, 0), 0);
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

TEST(Policies, HiKeepsDevicesWithMemoryForWhoNeedsIt) {
  // a has much memory on its devices, b little; a task that needs little of it leaves a's alone.
  const TaskShape large{1'000, 0, 1, 500, kAnyModel, 30'000};
  const TaskShape small{1'000, 0, 1, 500, kAnyModel, 5'000};
  const std::vector<TypicalTask> typical{{large, 0.5}, {small, 0.5}};
  const Cluster cluster({{"a", 32'000, 0, 2, 0, 80'000}, {"b", 32'000, 0, 2, 0, 20'000}});
  for (const char* name : {"hi", "fgd"}) {
    const auto policy = *MakePolicy(name, {typical, 1});
    EXPECT_EQ(policy->Choose(cluster, small)->device_node, 1u) << name;
    EXPECT_EQ(policy->Choose(cluster, large)->device_node, 0u) << name;
  }
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
