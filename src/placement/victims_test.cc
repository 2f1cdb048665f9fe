#include "placement/victims.h"

#include <gmock/gmock.h>

#include <deque>

#include "base/random.h"
#include "placement/room.h"

namespace flexai::placement {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TaskShape Devices(int32_t count, int32_t share_milli = 1000) {
  return {1'000, 0, count, share_milli, kAnyModel};
}

struct World {
  explicit World(int nodes, DeviceSteps steps = {})
      : cluster(std::vector<NodeSpec>(static_cast<size_t>(nodes), {"n", 64'000, 0, 4, 0, 0, steps})) {}

  void Run(int32_t priority, double cost, const std::vector<std::pair<NodeId, std::vector<int32_t>>>& where,
           int32_t share_milli = 1000) {
    std::vector<Evictable::Part>& of_job = parts.emplace_back();
    for (const auto& [node, devices] : where) {
      const TaskShape shape = Devices(static_cast<int32_t>(devices.size()), share_milli);
      of_job.push_back({shape, {node, node, devices}});
      ASSERT_TRUE(cluster.Take(shape, of_job.back().where).ok());
    }
    jobs.push_back({priority, cost, of_job});
  }
  std::optional<std::vector<size_t>> Choose(const TaskShape& shape, int64_t needed) {
    return ChooseVictims(cluster, {shape, nullptr}, needed, jobs);
  }

  Cluster cluster;
  std::deque<std::vector<Evictable::Part>> parts;  // does not move
  std::vector<Evictable> jobs;
};

TEST(Victims, NobodyGoesIfThereIsRoom) {
  World world(1);
  world.Run(0, 1, {{0, {0, 1}}});
  EXPECT_THAT(*world.Choose(Devices(2), 1), IsEmpty());
  EXPECT_FALSE(world.Choose(Devices(2), 3).has_value()) << "the node has four devices";
}

TEST(Victims, TheCheapestNodeGives) {
  World world(2);
  world.Run(0, 5, {{0, {0, 1, 2, 3}}});
  world.Run(0, 1, {{1, {0, 1}}});
  world.Run(0, 2, {{1, {2}}});
  world.Run(0, 9, {{1, {3}}});
  EXPECT_THAT(*world.Choose(Devices(2), 1), ElementsAre(1));
  EXPECT_THAT(*world.Choose(Devices(3), 1), ElementsAre(1, 2));
  EXPECT_THAT(*world.Choose(Devices(4), 1), ElementsAre(0));
}

TEST(Victims, LowerPriorityGoesFirstWhateverItCosts) {
  World world(2);
  world.Run(1, 1, {{0, {0, 1, 2, 3}}});
  world.Run(0, 100, {{1, {0, 1, 2, 3}}});
  EXPECT_THAT(*world.Choose(Devices(1), 1), ElementsAre(1));
}

TEST(Victims, CheapOnesThatDoNotHelpAreSpared) {
  World world(1);
  world.Run(0, 1, {{0, {0}}}, 400);
  world.Run(0, 2, {{0, {1, 2, 3}}});
  world.Run(0, 3, {{0, {0}}}, 600);
  // Three devices come from the second alone.
  EXPECT_THAT(*world.Choose(Devices(3), 1), ElementsAre(1));
}

TEST(Victims, AGangMakesRoomOnAllItsNodes) {
  World world(3);
  world.Run(0, 10, {{0, {0, 1, 2, 3}}, {1, {0, 1, 2, 3}}});
  world.Run(0, 6, {{2, {0, 1, 2, 3}}});
  EXPECT_THAT(*world.Choose(Devices(4), 1), ElementsAre(1));
  EXPECT_THAT(*world.Choose(Devices(4), 2), ElementsAre(0))
      << "the second was cheaper, but is not needed then";
  EXPECT_THAT(*world.Choose(Devices(4), 3), ElementsAre(0, 1));
}

TEST(Victims, GiveBackWhatTheyTookNotWhatTheyAskedFor) {
  World world(1, {250, 1});
  world.Run(0, 1, {{0, {0, 1, 2, 3}}}, 510);
  EXPECT_EQ(world.cluster.device_free(0, 0), 250);
  EXPECT_THAT(*world.Choose(Devices(4), 1), ElementsAre(0));
}

// What is chosen makes room; when nothing is, all candidates together don't.
TEST(Victims, MakeRoomIfThatIsPossible) {
  Random random(21);
  for (int round = 0; round < 300; ++round) {
    World world(6, round % 2 == 0 ? DeviceSteps{} : DeviceSteps{250, 1});
    for (int i = 0; i < 40; ++i) {
      const auto share = static_cast<int32_t>(random.Between(1, 10) * 100);
      const auto node = static_cast<NodeId>(random.Below(6));
      const auto device = static_cast<int32_t>(random.Below(4));
      if (world.cluster.node_free(node).HasDevice(world.cluster.TakenOn(node, Devices(1, share)), device)) {
        world.Run(static_cast<int32_t>(random.Below(3)), static_cast<double>(random.Below(50)),
                  {{node, {device}}}, share);
        if (random.Below(4) == 0) {
          world.jobs.pop_back();  // can't be ended
        }
      }
    }
    const TaskShape shape = Devices(static_cast<int32_t>(random.Between(1, 3)),
                                    static_cast<int32_t>(random.Between(3, 10) * 100));
    const int64_t needed = random.Between(1, 8);
    const auto chosen = world.Choose(shape, needed);
    Cluster after = world.cluster;
    for (size_t i = 0; i < world.jobs.size(); ++i) {
      if (!chosen.has_value() || std::find(chosen->begin(), chosen->end(), i) != chosen->end()) {
        after.Give(world.jobs[i].parts[0].shape, world.jobs[i].parts[0].where);
      }
    }
    ASSERT_EQ(RoomFor(after, {shape, nullptr}) >= needed, chosen.has_value()) << round;
  }
}

}  // namespace
}  // namespace flexai::placement
