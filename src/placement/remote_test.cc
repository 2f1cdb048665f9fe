#include "placement/remote.h"

#include <gmock/gmock.h>

namespace flexai::placement {
namespace {

using ::testing::ElementsAre;

constexpr TaskShape kTask{8'000, 1'000, 1, 1000, kAnyModel};

TEST(Remote, LocalGoesFirst) {
  Cluster cluster({{"a", 4'000, 9'000, 2, 0}, {"b", 8'000, 9'000, 1, 0}, {"c", 90'000, 9'000, 0, 0}});
  for (const std::string& name : PolicyNames()) {
    const auto where = (*MakePolicy(name, {.remote = true}))->Choose(cluster, kTask);
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
    const auto where = (*MakePolicy(name, {.remote = true}))->Choose(cluster, kTask);
    ASSERT_TRUE(where.has_value()) << name;
    EXPECT_EQ(where->cpu_node, 2u) << name << ": b has no memory";
    EXPECT_EQ(where->device_node, 0u) << name;
    EXPECT_THAT(where->devices, ElementsAre(1)) << name;
    EXPECT_TRUE(cluster.Take(kTask, *where).ok());
    cluster.Give(kTask, *where);
  }
}

TEST(Remote, NeedsBothHalves) {
  const Cluster no_cpu({{"a", 4'000, 9'000, 2, 0}, {"c", 7'000, 9'000, 0, 0}});
  const Cluster other_model({{"a", 4'000, 9'000, 2, 1}, {"c", 90'000, 9'000, 0, 0}});
  TaskShape picky = kTask;
  picky.models = OneModel(0);
  const auto policy = *MakePolicy("hi", {.remote = true});
  EXPECT_FALSE(policy->Choose(no_cpu, kTask).has_value());
  EXPECT_FALSE((*MakePolicy("hi", {.remote = true}))->Choose(other_model, picky).has_value());
  EXPECT_FALSE((*MakePolicy("hi", {.remote = true}))
                   ->Choose(no_cpu, TaskShape{8'000, 0, 0, 0, kAnyModel})
                   .has_value());
}

// Node a has a device that its CPU can't feed, b one that it can; the CPU is on c and on b.
TEST(Remote, TakesTheDeviceThatIsStranded) {
  const std::vector<TypicalTask> typical{{{10'000, 0, 1, 1000, kAnyModel}, 1}};
  const Cluster cluster({{"b", 16'000, 0, 2, 0}, {"a", 1'000, 0, 1, 0}, {"c", 60'000, 0, 0, 0}});
  const TaskShape task{20'000, 0, 1, 1000, kAnyModel};
  const auto where = (*MakePolicy("hi", {.typical = typical, .remote = true}))->Choose(cluster, task);
  ASSERT_TRUE(where.has_value());
  EXPECT_EQ(where->device_node, 1u);
  EXPECT_EQ(where->cpu_node, 2u);
}

}  // namespace
}  // namespace flexai::placement
