#include "placement/links.h"

#include <gmock/gmock.h>

#include "placement/cluster.h"

namespace flexai::placement {
namespace {

using ::testing::HasSubstr;

TEST(Links, AreSharedInBothDirections) {
  const std::vector<LinkSpec> specs{{0, 1, 100, Micros(50)}, {0, 0, 1'000, Micros(5)}};
  Links links = *Links::Make({"east", "west"}, specs);
  EXPECT_EQ(links.Latency(1, 0), Micros(50));
  EXPECT_EQ(links.Latency(0, 0), Micros(5));
  ASSERT_TRUE(links.Take(0, 1, 60).ok());
  EXPECT_FALSE(links.HasRoom(1, 0, 41));
  EXPECT_TRUE(links.HasRoom(1, 0, 40));
  EXPECT_TRUE(links.HasRoom(0, 0, 1'000));
  const Status full = links.Take(1, 0, 41);
  EXPECT_EQ(full.code(), Code::kResourceExhausted);
  EXPECT_EQ(full.message(),
            "the link between 'west' and 'east' has 40 Mbit/s left, and the task reserves 41");
  EXPECT_EQ(links.Take(1, 1, 0).message(), "there is no link between 'west' and 'west'");
  EXPECT_FALSE(links.SameRoom(links.Idle()));
  links.Give(1, 0, 60);
  EXPECT_TRUE(links.SameRoom(links.Idle()));
}

TEST(Links, WithoutAnyAllReachAll) {
  Links links;
  EXPECT_TRUE(links.HasRoom(3, 7, kMostMbit));
  EXPECT_TRUE(links.Take(3, 7, kMostMbit).ok());
  EXPECT_TRUE(links.Take(3, 7, kMostMbit).ok());
  EXPECT_EQ(links.Latency(3, 7), Nanos{});
}

TEST(Links, RefusesWhatCannotBe) {
  const auto refused = [](std::vector<LinkSpec> specs) {
    return Links::Make({"east", "west"}, specs).status().message();
  };
  EXPECT_THAT(refused({{0, 2, 1, {}}}), HasSubstr("joins domains 0 and 2"));
  EXPECT_THAT(refused({{0, 1, 1, {}}, {1, 0, 1, {}}}), HasSubstr("'west' and 'east' is there twice"));
  EXPECT_THAT(refused({{0, 1, -1, {}}}), HasSubstr("-1 Mbit/s"));
  EXPECT_THAT(refused({{0, 1, 1, Nanos{-1}}}), HasSubstr("latency of -1 ns"));
  EXPECT_FALSE(Links::Make({}, {}).ok());
}

// A task that takes from a node of each domain.
TEST(Links, OfAClusterAreReservedWithTheRest) {
  std::vector<NodeSpec> nodes{{"a", 8'000, 0, 0, 0}, {"b", 1'000, 0, 4, 0}};
  nodes[1].domain = 1;
  const std::vector<LinkSpec> specs{{0, 1, 100, Micros(50)}};
  Cluster cluster(nodes, *Links::Make({"east", "west"}, specs));
  TaskShape task{1'000, 0, 1, 1000, kAnyModel};
  EXPECT_EQ(cluster.Take(task, {0, 1, {0}}).message(),
            "the devices are on node b, and the task may not be remote");
  task.remote = Remote::kAllowed;
  task.link_mbit = 60;
  ASSERT_TRUE(cluster.Take(task, {0, 1, {0}}).ok());
  EXPECT_FALSE(cluster.Linked(0, 1, 60));
  EXPECT_EQ(cluster.Latency({0, 1, {0}}), Micros(50));
  EXPECT_EQ(cluster.Latency({1, 1, {0}}), Nanos{});
  const uint64_t version = cluster.version();
  EXPECT_THAT(cluster.Take(task, {0, 1, {1}}).message(), HasSubstr("has 40 Mbit/s left"));
  EXPECT_EQ(cluster.version(), version) << "nothing changed";
  EXPECT_EQ(cluster.device_taken(), 1'000);
  task.remote = Remote::kOnly;
  EXPECT_THAT(cluster.Take(task, {1, 1, {1}}).message(), HasSubstr("must be remote"));
  cluster.Give(task, {0, 1, {0}});
  EXPECT_TRUE(cluster.Linked(0, 1, 100));
}

TEST(Links, NodesMayKeepTheirDevices) {
  std::vector<NodeSpec> nodes{{"a", 8'000, 0, 0, 0}, {"b", 1'000, 0, 4, 0}};
  nodes[1].lends = false;
  Cluster cluster(nodes);
  TaskShape task{1'000, 0, 1, 1000, kAnyModel};
  task.remote = Remote::kAllowed;
  EXPECT_EQ(cluster.Take(task, {0, 1, {0}}).message(), "node b does not lend its devices to other nodes");
  EXPECT_TRUE(cluster.Take(task, {1, 1, {0}}).ok());
}

}  // namespace
}  // namespace flexai::placement
