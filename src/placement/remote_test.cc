#include "placement/remote.h"

#include <gmock/gmock.h>

#include "base/random.h"
#include "placement/gang.h"
#include "placement/remote_room.h"

namespace flexai::placement {
namespace {

using ::testing::ElementsAre;

constexpr TaskShape kTask{8'000, 1'000, 1, 1000, kAnyModel};

constexpr TaskShape With(TaskShape task, Remote remote, int32_t link_mbit = 0) {
  task.remote = remote;
  task.link_mbit = link_mbit;
  return task;
}
constexpr TaskShape kFar = With(kTask, Remote::kAllowed);

TEST(Remote, LocalGoesFirst) {
  Cluster cluster({{"a", 4'000, 9'000, 2, 0}, {"b", 8'000, 9'000, 1, 0}, {"c", 90'000, 9'000, 0, 0}});
  for (const std::string& name : PolicyNames()) {
    const auto where = (*MakePolicy(name, {}))->Choose(cluster, kFar);
    ASSERT_TRUE(where.has_value()) << name;
    EXPECT_EQ(where->cpu_node, 1u) << name;
    EXPECT_EQ(where->device_node, 1u) << name;
  }
}

TEST(Remote, TheHalvesFitOnTwoNodes) {
  Cluster cluster({{"a", 4'000, 9'000, 2, 0}, {"b", 90'000, 500, 0, 0}, {"c", 90'000, 9'000, 0, 0}});
  ASSERT_TRUE(cluster.Take({1'000, 0, 1, 500, kAnyModel}, {0, 0, {0}}).ok());
  for (const std::string& name : PolicyNames()) {
    EXPECT_FALSE((*MakePolicy(name, {}))->Choose(cluster, kTask).has_value()) << name;
    const auto where = (*MakePolicy(name, {}))->Choose(cluster, kFar);
    ASSERT_TRUE(where.has_value()) << name;
    EXPECT_EQ(where->cpu_node, 2u) << name << ": b has no memory";
    EXPECT_EQ(where->device_node, 0u) << name;
    EXPECT_THAT(where->devices, ElementsAre(1)) << name;
    EXPECT_TRUE(cluster.Take(kFar, *where).ok());
    cluster.Give(kFar, *where);
  }
}

TEST(Remote, NeedsBothHalves) {
  const Cluster no_cpu({{"a", 4'000, 9'000, 2, 0}, {"c", 7'000, 9'000, 0, 0}});
  const Cluster other_model({{"a", 4'000, 9'000, 2, 1}, {"c", 90'000, 9'000, 0, 0}});
  TaskShape picky = kFar;
  picky.models = OneModel(0);
  const TaskShape cpu_only = With({8'000, 0, 0, 0, kAnyModel}, Remote::kAllowed);
  EXPECT_FALSE((*MakePolicy("hi", {}))->Choose(no_cpu, kFar).has_value());
  EXPECT_FALSE((*MakePolicy("hi", {}))->Choose(other_model, picky).has_value());
  EXPECT_FALSE((*MakePolicy("hi", {}))->Choose(no_cpu, cpu_only).has_value());
}

// Node a has a device that its CPU can't feed, b one that it can; the CPU is on c and on b.
TEST(Remote, TakesTheDeviceThatIsStranded) {
  const std::vector<TypicalTask> typical{{{10'000, 0, 1, 1000, kAnyModel}, 1}};
  const Cluster cluster({{"b", 16'000, 0, 2, 0}, {"a", 1'000, 0, 1, 0}, {"c", 60'000, 0, 0, 0}});
  const TaskShape task = With({20'000, 0, 1, 1000, kAnyModel}, Remote::kAllowed);
  const auto where = (*MakePolicy("hi", {.typical = typical}))->Choose(cluster, task);
  ASSERT_TRUE(where.has_value());
  EXPECT_EQ(where->device_node, 1u);
  EXPECT_EQ(where->cpu_node, 2u);
}

TEST(Remote, OnlyMeansTwoNodes) {
  const Cluster one({{"a", 8'000, 9'000, 1, 0}});
  const Cluster two({{"a", 8'000, 9'000, 1, 0}, {"b", 8'000, 500, 1, 0}});  // b has no memory
  const TaskShape only = With(kTask, Remote::kOnly);
  for (const std::string& name : PolicyNames()) {
    EXPECT_FALSE((*MakePolicy(name, {}))->Choose(one, only).has_value()) << name;
    const auto where = (*MakePolicy(name, {}))->Choose(two, only);
    ASSERT_TRUE(where.has_value()) << name;
    EXPECT_EQ(where->cpu_node, 0u) << name;
    EXPECT_EQ(where->device_node, 1u) << name;
  }
}

// A random cluster with links, some of it taken.
class RandomWorld {
 public:
  explicit RandomWorld(uint64_t seed) : random_(seed), cluster_(Make()) {
    for (int i = 0; i < 3; ++i) {
      const TaskShape task = Task();
      if (const auto where = (*MakePolicy("random", {.seed = seed}))->Choose(cluster_, task)) {
        EXPECT_TRUE(cluster_.Take(task, *where).ok());
      }
    }
    allowed_ = NodeSet(cluster_.nodes().size());
    for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
      if (random_.Below(5) > 0) {
        allowed_.Add(node);
      }
    }
  }

  TaskShape Task() {
    TaskShape task{random_.Between(1, 8) * 1'000, 0, static_cast<int32_t>(random_.Between(1, 2)), 0,
                   kAnyModel};
    task.share_milli = random_.Below(2) == 0 ? 1'000 : 300;
    task.remote = random_.Below(2) == 0 ? Remote::kAllowed : Remote::kOnly;
    task.link_mbit = static_cast<int32_t>(random_.Between(0, 3) * 10);
    return task;
  }

  // How many tasks fit, by trying every pair of nodes for each; devices with the most left, as any policy of
  // equal tasks would.
  int Room(Cluster* cluster, const TaskShape& task, int most) const {
    int room = 0;
    for (NodeId cpu = 0; cpu < cluster->nodes().size(); ++cpu) {
      for (NodeId devices = 0; devices < cluster->nodes().size() && room < most; ++devices) {
        if (!allowed_.Has(cpu) || !allowed_.Has(devices) ||
            cluster->nodes()[devices].devices < task.devices) {
          continue;
        }
        const Placement where{cpu, devices, cluster->DevicesAt(devices, FirstDevices(0xffff, task.devices))};
        if (cluster->Take(task, where).ok()) {
          room = std::max(room, 1 + Room(cluster, task, most - 1));
          cluster->Give(task, where);
        }
      }
    }
    return room;
  }

  Cluster& cluster() { return cluster_; }
  const NodeSet& allowed() const { return allowed_; }

 private:
  Cluster Make() {
    std::vector<std::string> domains{"d0", "d1", "d2"};
    std::vector<NodeSpec> nodes;
    for (int i = 0; i < 5; ++i) {
      NodeSpec& node = nodes.emplace_back();
      node.name = "n" + std::to_string(i);
      node.cpu_milli = random_.Between(1, 24) * 1'000;
      node.devices = static_cast<int32_t>(random_.Below(4));
      node.lends = random_.Below(4) > 0;
      node.domain = static_cast<int32_t>(random_.Below(domains.size()));
    }
    std::vector<LinkSpec> links;
    for (int32_t from = 0; from < 3; ++from) {
      for (int32_t to = from; to < 3; ++to) {
        if (random_.Below(3) > 0) {
          links.push_back({from, to, static_cast<int32_t>(random_.Between(0, 6) * 10), {}});
        }
      }
    }
    return Cluster(nodes, random_.Below(4) == 0 ? Links() : *Links::Make(domains, links));
  }

  Random random_;
  Cluster cluster_;
  NodeSet allowed_;
};

TEST(Remote, WhatFitsSomewhereIsPlacedWhateverLinksAndLendersThereAre) {
  const std::vector<std::string> names = PolicyNames();
  int placed = 0;
  int refused = 0;
  for (uint64_t seed = 0; seed < 600; ++seed) {
    RandomWorld world(seed);
    const auto policy = *MakePolicy(names[seed % names.size()], {.seed = seed});
    for (int i = 0; i < 4; ++i) {
      const TaskShape task = world.Task();
      const auto where = policy->Choose(world.cluster(), Request{task, &world.allowed()});
      ASSERT_EQ(where.has_value(), world.Room(&world.cluster(), task, 1) > 0) << seed;
      if (where.has_value()) {
        ASSERT_TRUE(world.allowed().Has(where->cpu_node) && world.allowed().Has(where->device_node)) << seed;
        ASSERT_TRUE(world.cluster().Take(task, *where).ok()) << seed;
      }
      ++(where.has_value() ? placed : refused);
    }
  }
  EXPECT_GT(placed, 300);
  EXPECT_GT(refused, 300);
}

// The bound is one, a gang that is refused for good does not fit, and nearly all that fit are found.
TEST(Remote, GangsAreRefusedOnlyByProof) {
  int fit = 0;
  int missed = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    RandomWorld world(seed);
    TaskShape task = world.Task();
    task.share_milli = 1'000;  // trying every pair is the optimum then
    const int room = world.Room(&world.cluster(), task, 3);
    ASSERT_GE(RoomAtMost(world.cluster(), {task, &world.allowed()}, 3), room) << seed;
    Gang gang;
    gang.roles = {{task, 3, 3}};
    gang.allowed = &world.allowed();
    Transaction transaction(world.cluster(), nullptr);
    const auto policy = *MakePolicy("best-fit", {});
    const GangResult result = PlaceGang(&transaction, world.cluster(), nullptr, *policy, gang);
    ASSERT_FALSE(result.outcome == GangResult::kPlaced && room < 3) << seed;
    ASSERT_FALSE(result.outcome == GangResult::kInfeasible && room >= 3) << seed;
    fit += room >= 3 ? 1 : 0;
    missed += room >= 3 && result.outcome != GangResult::kPlaced ? 1 : 0;
  }
  EXPECT_GT(fit, 40);
  EXPECT_LE(10 * missed, fit) << "missed";
}

}  // namespace
}  // namespace flexai::placement
