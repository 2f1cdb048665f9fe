#include "placement/cluster.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "placement/policy.h"

namespace flexai::placement {
namespace {

std::vector<NodeSpec> TwoNodes() { return {{"a", 32'000, 100'000, 2, 0}, {"b", 64'000, 200'000, 4, 1}}; }

TaskShape Share(int32_t milli, int32_t devices = 1) { return {1'000, 1'000, devices, milli, kAnyModel}; }

TEST(NodeState, FitsByCpuModelAndDevices) {
  const NodeState node{4'000, 1, 3, {1000, 500, 200}};
  EXPECT_TRUE(node.Fits({4'000, 0, 1, 1000, kAnyModel}));
  EXPECT_FALSE(node.Fits({4'001, 0, 1, 1000, kAnyModel}));
  EXPECT_TRUE(node.Fits({0, 0, 2, 500, OneModel(1)}));
  EXPECT_FALSE(node.Fits({0, 0, 2, 501, OneModel(1)}));
  EXPECT_FALSE(node.Fits({0, 0, 1, 100, OneModel(0)}));
  EXPECT_TRUE(node.Fits({0, 0, 0, 0, OneModel(0)})) << "a task without devices has no say about models";
  EXPECT_EQ(node.free_milli(), 1700);
}

TEST(NodeState, StaysSorted) {
  const NodeState node{4'000, 0, 3, {1000, 500, 200}};
  const NodeState after = node.After({1'000, 0, 1, 900, kAnyModel}, 0b1);
  EXPECT_EQ(after, (NodeState{3'000, 0, 3, {500, 200, 100}}));
}

TEST(NodeState, DevicesThatFitNeedShareAndMemory) {
  const NodeState node{4'000, 0, 4, {1000, 500, 500, 200}, {10'000, 40'000, 20'000, 80'000}};
  TaskShape task{1'000, 0, 1, 500, kAnyModel, 20'000};
  EXPECT_EQ(node.FittingDevices(task), 0b0110) << "the idle one has no memory, that with memory no share";
  task.devices = 2;
  EXPECT_TRUE(node.Fits(task));
  EXPECT_EQ(node.After(task, 0b0110),
            (NodeState{3'000, 0, 4, {1000, 200, 0, 0}, {10'000, 80'000, 20'000, 0}}));
  task.devices = 3;
  EXPECT_FALSE(node.Fits(task));
  EXPECT_EQ(FirstDevices(0b1101, 2), 0b0101);
  EXPECT_EQ(LastDevices(0b1101, 2), 0b1100);
}

TEST(Cluster, DeviceMemoryIsNeverOverAllocated) {
  Cluster cluster({{"a", 8'000, 1'000, 2, 0, 40'000}, {"b", 8'000, 1'000, 2, 0}});
  const TaskShape task{1'000, 1, 1, 300, kAnyModel, 25'000};
  EXPECT_TRUE(cluster.Fits(0, task));
  EXPECT_FALSE(cluster.Fits(1, task)) << "memory of its devices is not modelled";
  ASSERT_TRUE(cluster.Take(task, {0, 0, {1}}).ok());
  EXPECT_EQ(cluster.Take(task, {0, 0, {1}}).code(), Code::kResourceExhausted);
  EXPECT_EQ(cluster.state_of_node(0), (NodeState{7'000, 0, 2, {1000, 700}, {40'000, 15'000}}));
  EXPECT_EQ(cluster.DevicesAt(0, 0b10), std::vector<int32_t>{1});
  cluster.Give(task, {0, 0, {1}});
  EXPECT_EQ(cluster.state_of_node(0), (NodeState{8'000, 0, 2, {1000, 1000}, {40'000, 40'000}}));
}

TEST(Cluster, NothingNewGoesToADeviceOutOfService) {
  Cluster cluster({{"a", 32'000, 100'000, 2, 0}});
  ASSERT_TRUE(cluster.Take(Share(300), {0, 0, {0}}).ok());
  cluster.SetInService(0, 0, false);
  EXPECT_EQ(cluster.state_of_node(0), (NodeState{31'000, 0, 1, {1000}})) << "states don't show it";
  EXPECT_EQ(cluster.device_taken(), 300) << "what it holds stays booked";
  EXPECT_FALSE(cluster.Fits(0, Share(100, 2)));
  for (const std::string& name : PolicyNames()) {
    EXPECT_EQ((*MakePolicy(name, {}))->Choose(cluster, Share(100))->devices, std::vector<int32_t>{1}) << name;
  }
  cluster.Give(Share(300), {0, 0, {0}});
  EXPECT_EQ(cluster.state_of_node(0), (NodeState{32'000, 0, 1, {1000}}));
  cluster.SetInService(0, 0, true);
  EXPECT_EQ(cluster.state_of_node(0), (NodeState{32'000, 0, 2, {1000, 1000}}));
}

TEST(Cluster, ACopyIsASnapshot) {
  std::vector<NodeSpec> nodes(200, NodeSpec{"n", 8'000, 10'000, 2, 0});
  Cluster cluster(nodes);
  ASSERT_TRUE(cluster.Take(Share(300), {70, 70, {0}}).ok());
  Cluster copy = cluster;
  EXPECT_EQ(&copy.nodes(), &cluster.nodes()) << "shared";
  EXPECT_EQ(&copy.node_free(0), &cluster.node_free(0)) << "shared until one changes it";
  EXPECT_EQ(copy.version(), cluster.version());
  EXPECT_FALSE(copy.ChangesSince(0).has_value());
  ASSERT_TRUE(copy.Take(Share(100), {70, 70, {0}}).ok());
  ASSERT_TRUE(cluster.Take(Share(500), {130, 130, {1}}).ok());
  EXPECT_EQ(copy.device_free(70, 0), 600);
  EXPECT_EQ(cluster.device_free(70, 0), 700);
  EXPECT_EQ(copy.device_free(130, 1), 1'000);
  EXPECT_EQ(cluster.state_of_node(70), (NodeState{7'000, 0, 2, {1000, 700}}));
  EXPECT_EQ(copy.state_of_node(130), (NodeState{8'000, 0, 2, {1000, 1000}}));
  EXPECT_EQ(copy.ChangesSince(1)->size(), 1u);
  EXPECT_EQ(copy.device_taken(), 400);
}

TEST(Cluster, NodesInEqualStatesShareANumber) {
  Cluster cluster({{"a", 8'000, 1, 2, 0}, {"b", 8'000, 2, 2, 0}, {"c", 8'000, 3, 2, 1}});
  EXPECT_EQ(cluster.state_of(0), cluster.state_of(1)) << "memory makes no states";
  EXPECT_NE(cluster.state_of(0), cluster.state_of(2));
  ASSERT_TRUE(cluster.Take({1'000, 1, 1, 300, kAnyModel}, {0, 0, {1}}).ok());
  ASSERT_TRUE(cluster.Take({1'000, 1, 1, 300, kAnyModel}, {1, 1, {0}}).ok());
  EXPECT_EQ(cluster.state_of(0), cluster.state_of(1)) << "which device has less left is no difference";
  EXPECT_EQ(cluster.DevicesAt(0, 0b1), std::vector<int32_t>{0});
  EXPECT_EQ(cluster.DevicesAt(1, 0b1), std::vector<int32_t>{1});
}

TEST(Cluster, RefusesWhatDoesNotFit) {
  Cluster cluster(TwoNodes());
  ASSERT_TRUE(cluster.Take(Share(700), {0, 0, {0}}).ok());
  const StateId before = cluster.state_of(0);
  EXPECT_EQ(cluster.Take(Share(301), {0, 0, {0}}).code(), Code::kResourceExhausted);
  EXPECT_EQ(cluster.Take(Share(300), {0, 0, {}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(cluster.Take(Share(300, 2), {0, 0, {1, 1}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(cluster.Take(Share(300), {0, 0, {2}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(cluster.Take({0, 0, 1, 300, OneModel(1)}, {0, 0, {0}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(cluster.Take({32'000, 0, 0, 0, kAnyModel}, {0, 0, {}}).code(), Code::kResourceExhausted);
  EXPECT_EQ(cluster.Take({0, 100'000, 0, 0, kAnyModel}, {0, 0, {}}).code(), Code::kResourceExhausted);
  EXPECT_EQ(cluster.state_of(0), before);
  EXPECT_EQ(cluster.device_taken(), 700);
}

TEST(Cluster, ARemotePlacementTakesFromTwoNodes) {
  Cluster cluster(TwoNodes());
  const TaskShape task{20'000, 50'000, 2, 1000, kAnyModel};
  ASSERT_TRUE(cluster.Take(task, {0, 1, {1, 3}}).ok());
  EXPECT_EQ(cluster.state(cluster.state_of(0)), (NodeState{12'000, 0, 2, {1000, 1000}}));
  EXPECT_EQ(cluster.state(cluster.state_of(1)), (NodeState{64'000, 1, 4, {1000, 1000, 0, 0}}));
  EXPECT_EQ(cluster.memory_free(0), 50'000);
  EXPECT_EQ(cluster.memory_free(1), 200'000);
}

// Random tasks come and go under every policy; nothing is over-allocated, no task that fits is refused, and
// once all have gone the cluster is as it was.
TEST(Cluster, ComingAndGoingLeavesNothingBehind) {
  for (const std::string& name : PolicyNames()) {
    Random random(7);
    std::vector<NodeSpec> nodes;
    for (int i = 0; i < 12; ++i) {
      nodes.push_back({"n" + std::to_string(i), random.Between(8, 96) * 1'000,
                       random.Between(16, 512) * 1'024, static_cast<int32_t>(random.Between(0, 8)),
                       static_cast<int32_t>(random.Below(3)),
                       static_cast<int32_t>(random.Below(3)) * 40'960});
      nodes.back().steps = nodes.back().model == 2 ? DeviceSteps{142, 8'192} : DeviceSteps{};
    }
    Cluster cluster(nodes);
    std::vector<TaskShape> shapes;
    for (int i = 0; i < 30; ++i) {
      TaskShape shape{random.Between(1, 16) * 1'000, random.Between(1, 64) * 1'024, 0, 0, kAnyModel};
      shape.devices = static_cast<int32_t>(random.Below(4));
      shape.share_milli = shape.devices == 0 ? 0 : static_cast<int32_t>(random.Between(1, 10) * 100);
      shape.models = random.Below(4) == 0 ? OneModel(static_cast<int>(random.Below(3))) : kAnyModel;
      shape.device_memory_mib =
          shape.devices == 0 ? 0 : static_cast<int32_t>(random.Below(5)) * 5'120 * (i % 2);
      shapes.push_back(shape);
    }
    const std::vector<TypicalTask> typical = TypicalTasks(shapes);
    const auto policy = *MakePolicy(name, {typical, 3});
    std::vector<std::pair<TaskShape, Placement>> running;
    for (int event = 0; event < 5'000; ++event) {
      if (!running.empty() && random.Below(5) < 2) {
        std::swap(running[random.Below(running.size())], running.back());
        cluster.Give(running.back().first, running.back().second);
        running.pop_back();
        continue;
      }
      if (const auto node = static_cast<NodeId>(random.Below(nodes.size()));
          random.Below(50) == 0 && nodes[node].devices > 0) {
        const auto device = static_cast<int32_t>(random.Below(static_cast<uint64_t>(nodes[node].devices)));
        cluster.SetInService(node, device, random.Below(3) != 0);
      }
      const TaskShape& task = shapes[random.Below(shapes.size())];
      const std::optional<Placement> where = policy->Choose(cluster, task);
      if (where.has_value()) {
        for (const int32_t device : where->devices) {
          ASSERT_TRUE(cluster.InService(where->device_node, device)) << name;
        }
        ASSERT_TRUE(cluster.Take(task, *where).ok()) << name;
        running.emplace_back(task, *where);
        continue;
      }
      for (NodeId node = 0; node < nodes.size(); ++node) {
        ASSERT_FALSE(cluster.Fits(node, task)) << name << " refused what fits on " << nodes[node].name;
      }
    }
    for (const auto& [task, where] : running) {
      cluster.Give(task, where);
    }
    const Cluster fresh(nodes);
    for (NodeId node = 0; node < nodes.size(); ++node) {
      for (int32_t device = 0; device < nodes[node].devices; ++device) {
        cluster.SetInService(node, device, true);
      }
      EXPECT_EQ(cluster.state(cluster.state_of(node)), fresh.state(fresh.state_of(node))) << name;
      EXPECT_EQ(cluster.memory_free(node), nodes[node].memory_mib) << name;
      EXPECT_EQ(cluster.node_free(node).device_memory, fresh.node_free(node).device_memory) << name;
    }
    EXPECT_EQ(cluster.device_taken(), 0) << name;
  }
}

}  // namespace
}  // namespace flexai::placement
