#include "placement/gang.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "placement/room.h"

namespace flexai::placement {
namespace {

TaskShape Devices(int32_t count, int32_t share_milli, int64_t cpu_milli = 0) {
  return {cpu_milli, 0, count, share_milli, kAnyModel};
}

// By trying every set of devices for every task.
int64_t RoomByTrying(NodeState state, const TaskShape& shape) {
  int64_t most = 0;
  for (uint32_t chosen = 0; chosen < (1u << state.devices); ++chosen) {
    if (std::popcount(chosen) != shape.devices) {
      continue;
    }
    NodeState after = state;
    bool fits = state.cpu_free >= shape.cpu_milli;
    for (int i = 0; i < state.devices; ++i) {
      if ((chosen >> i & 1) != 0) {
        fits = fits && state.free[static_cast<size_t>(i)] >= shape.share_milli &&
               state.memory[static_cast<size_t>(i)] >= shape.device_memory_mib;
        after.memory[static_cast<size_t>(i)] -= shape.device_memory_mib;
        after.free[static_cast<size_t>(i)] =
            static_cast<int16_t>(after.free[static_cast<size_t>(i)] - shape.share_milli);
      }
    }
    after.cpu_free -= shape.cpu_milli;
    if (fits) {
      most = std::max(most, 1 + RoomByTrying(after, shape));
    }
  }
  return most;
}

TEST(Room, IsWhatTryingFinds) {
  Random random(3);
  for (int i = 0; i < 600; ++i) {
    const NodeSpec spec{"n", 0, 1'000, static_cast<int32_t>(random.Between(1, 4)), 0};
    NodeFree node = EmptyNode(spec);
    node.cpu_milli = random.Between(1, 5) * 1'000;
    for (size_t device = 0; device < static_cast<size_t>(spec.devices); ++device) {
      node.share[device] = static_cast<int16_t>(random.Between(0, 10) * 100);
      node.device_memory[device] = static_cast<int32_t>(random.Between(0, 4)) * 1'024;
    }
    TaskShape shape = Devices(static_cast<int32_t>(random.Between(1, 3)),
                              static_cast<int32_t>(random.Between(3, 10) * 100), 900);
    shape.device_memory_mib = random.Below(2) == 0 ? 0 : 1'024;
    const int64_t room = RoomIn(node.State(0, spec.devices), 1'000, shape);
    ASSERT_EQ(room, RoomByTrying(node.State(0, spec.devices), shape)) << i;
    // So many go if each takes the roomiest devices.
    NodeState state = node.State(0, spec.devices);
    int64_t went = 0;
    for (; state.Fits(shape); ++went) {
      state = state.After(shape, RoomiestDevices(state, shape));
    }
    ASSERT_EQ(went, room) << i;
  }
}

TEST(Room, CountsMemoryAndNothingAtAll) {
  const NodeState state{8'000, 0, 2, {1000, 1000}};
  EXPECT_EQ(RoomIn(state, 100, {0, 30, 1, 100, kAnyModel}), 3);
  EXPECT_EQ(RoomIn(state, 29, {0, 30, 1, 100, kAnyModel}), 0);
  EXPECT_EQ(RoomIn(state, 100, {0, 0, 1, 100, OneModel(1)}), 0);
  EXPECT_EQ(RoomIn(state, 100, TaskShape{}), kPlenty);
  const Cluster cluster({{"a", 8'000, 100, 2, 0}, {"b", 8'000, 100, 2, 0}});
  EXPECT_EQ(RoomFor(cluster, {Devices(1, 500), nullptr}), 8);
  EXPECT_EQ(RoomFor(cluster, {Devices(1, 500), nullptr}, 3), 3);
}

class GangTest : public ::testing::Test {
 protected:
  // Four nodes of four devices each, two in either zone.
  GangTest() {
    std::vector<NodeSpec> nodes;
    std::vector<NodeIdentity> identities;
    for (int i = 0; i < 4; ++i) {
      nodes.push_back({"n" + std::to_string(i), 32'000, 64'000, 4, 0});
      identities.push_back({{{"zone", i < 2 ? "1" : "2"}, {"host", std::to_string(i)}}, {}, true});
    }
    cluster_ = std::make_unique<Cluster>(nodes);
    constraints_ = std::make_unique<Constraints>(identities);
    policy_ = *MakePolicy("binpack", {});
  }

  GangResult Place(const Gang& gang, int most_attempts = 16) {
    Transaction transaction(*cluster_, constraints_.get());
    GangResult result = PlaceGang(&transaction, *cluster_, constraints_.get(), *policy_, gang, most_attempts);
    if (result.outcome == GangResult::kPlaced) {
      transaction.Commit();
    }
    return result;
  }

  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Constraints> constraints_;
  std::unique_ptr<Policy> policy_;
};

TEST_F(GangTest, AllOrNothing) {
  const GangResult refused = Place({{{Devices(1, 1000), 17, 17}}, kNoRules, nullptr, {}});
  EXPECT_EQ(refused.outcome, GangResult::kInfeasible);
  EXPECT_EQ(refused.room, 16);
  EXPECT_EQ(refused.attempts, 0) << "counted, not tried";
  EXPECT_EQ(cluster_->device_taken(), 0);
  const GangResult placed = Place({{{Devices(1, 1000), 16, 16}}, kNoRules, nullptr, {}});
  EXPECT_EQ(placed.outcome, GangResult::kPlaced);
  EXPECT_EQ(placed.members.size(), 16u);
  EXPECT_EQ(cluster_->device_taken(), 16'000);
}

TEST_F(GangTest, ElasticTakesWhatThereIs) {
  const GangResult placed = Place({{{Devices(2, 1000), 3, 100}}, kNoRules, nullptr, {}});
  EXPECT_EQ(placed.outcome, GangResult::kPlaced);
  EXPECT_EQ(placed.members.size(), 8u);
}

TEST_F(GangTest, TheNeedOfOneRoleComesBeforeTheWishOfAnother) {
  const GangResult placed =
      Place({{{Devices(4, 1000), 1, 9}, {Devices(1, 1000), 3, 3}}, kNoRules, nullptr, {}});
  ASSERT_EQ(placed.outcome, GangResult::kPlaced);
  EXPECT_EQ(placed.members.size(), 6u) << "three large ones and three small ones";
  EXPECT_EQ(placed.members[3].role, 1u);
}

TEST_F(GangTest, StaysWithinLimits) {
  Headroom left;
  left.model_milli[0] = 5'000;
  Gang gang{{{Devices(2, 1000), 1, 1}, {Devices(1, 1000), 2, 9}}, kNoRules, nullptr, {}};
  gang.headroom = &left;
  const GangResult placed = Place(gang);
  ASSERT_EQ(placed.outcome, GangResult::kPlaced);
  EXPECT_EQ(placed.members.size(), 4u) << "two devices and three times one";
  left.model_milli[0] = 3'000;
  EXPECT_EQ(Place(gang).outcome, GangResult::kNotFound);
  left = Headroom();
  left.cpu_milli = 2'500;
  EXPECT_EQ(Place({{{Devices(1, 100, 1'000), 1, 9}}, kNoRules, nullptr, {}, &left}).members.size(), 2u);
}

TEST_F(GangTest, IsFoundWithoutAPolicyWhereItFits) {
  ClassRules rules;
  rules.apart = {"host"};
  const ClassId apart = *constraints_->Define(rules);
  Transaction transaction(*cluster_, constraints_.get());
  const auto placed = [&](const Gang& gang) {
    return PlaceGangAnywhere(&transaction, *cluster_, constraints_.get(), gang).outcome ==
           GangResult::kPlaced;
  };
  EXPECT_FALSE(placed({{{Devices(1, 1000), 5, 5}}, apart, nullptr, {}}));
  EXPECT_TRUE(placed({{{Devices(1, 1000), 4, 4}}, apart, nullptr, {}}));
  EXPECT_FALSE(placed({{{Devices(4, 1000), 1, 1}}, kNoRules, nullptr, {}}));
  EXPECT_TRUE(placed({{{Devices(1, 1000), 4, 4}, {Devices(2, 1000), 4, 4}}, kNoRules, nullptr, {}}))
      << "12 devices are left, three on each node";
  EXPECT_EQ(cluster_->device_taken(), 16'000);
}

TEST_F(GangTest, StaysInOneDomainAndTakesTheFullestThatFits) {
  const std::vector<NodeSet> zones = constraints_->Domains("zone");
  ASSERT_TRUE(cluster_->Take(Devices(4, 1000), {0, 0, {0, 1, 2, 3}}).ok());
  const GangResult small = Place({{{Devices(1, 1000), 3, 3}}, kNoRules, nullptr, zones});
  ASSERT_EQ(small.outcome, GangResult::kPlaced);
  EXPECT_EQ(small.members[0].where.cpu_node, 1u);
  const GangResult large = Place({{{Devices(1, 1000), 8, 8}}, kNoRules, nullptr, zones});
  ASSERT_EQ(large.outcome, GangResult::kPlaced);
  for (const Member& member : large.members) {
    EXPECT_GE(member.where.cpu_node, 2u);
  }
  const GangResult none = Place({{{Devices(1, 1000), 2, 2}}, kNoRules, nullptr, zones});
  EXPECT_EQ(none.outcome, GangResult::kInfeasible);
  EXPECT_EQ(none.room, 1) << "of the best zone";
}

TEST_F(GangTest, IdenticalMembersAreFoundWhereAPolicyWouldBlockItself) {
  // Free 1000, 500, 500: two members with 500 of two devices each fit only if both use the first.
  ASSERT_TRUE(cluster_->Take(Devices(2, 500), {0, 0, {1, 2}}).ok());
  ASSERT_TRUE(cluster_->Take(Devices(1, 1000), {0, 0, {3}}).ok());
  NodeSet first(4);
  first.Add(0);
  const GangResult placed = Place({{{Devices(2, 500), 2, 2}}, kNoRules, &first, {}});
  EXPECT_EQ(placed.outcome, GangResult::kPlaced);
}

TEST_F(GangTest, NotFoundIsNotInfeasible) {
  ClassRules rules;
  rules.spreads = {{"host", 1}};
  const ClassId spread = *constraints_->Define(rules);
  EXPECT_EQ(Place({{{Devices(1, 1000), 8, 8}}, spread, nullptr, {}}).outcome, GangResult::kPlaced);
  ASSERT_TRUE(cluster_->Take(Devices(2, 1000), {0, 0, cluster_->DevicesAt(0, 0b11)}).ok());
  const GangResult result = Place({{{Devices(1, 1000), 6, 6}}, spread, nullptr, {}});
  EXPECT_EQ(result.outcome, GangResult::kNotFound) << "there are six devices, but not evenly";
  EXPECT_EQ(cluster_->device_taken(), 10'000);
}

TEST_F(GangTest, OtherOrdersAreTriedUpToALimit) {
  // A node has 32 cores: no two of the 20-core members share one, and none fits beside three devices.
  const Gang gang{{{Devices(3, 1000), 2, 2}, {Devices(2, 1000, 20'000), 2, 2}}, kNoRules, nullptr, {}};
  NodeSet three(4, true);
  three.Remove(3);
  Gang tight = gang;
  tight.allowed = &three;
  const GangResult result = Place(tight, 5);
  EXPECT_EQ(result.outcome, GangResult::kNotFound);
  EXPECT_EQ(result.attempts, 4) << "there are only two orders, tried by policy and by counting";
  EXPECT_EQ(Place(gang, 5).outcome, GangResult::kPlaced);
}

// Random gangs come and go: none is ever half placed, the cluster ends as it began, and what is refused as
// infeasible is more than there is room for.
TEST_F(GangTest, RandomGangsLeaveNothingBehind) {
  Random random(9);
  ClassRules rules;
  rules.spreads = {{"zone", 2}};
  const ClassId spread = *constraints_->Define(rules);
  struct Running {
    Gang gang;
    std::vector<Member> members;
  };
  std::vector<Running> running;
  int placed = 0;
  for (int event = 0; event < 5'000; ++event) {
    if (!running.empty() && random.Below(2) == 0) {
      std::swap(running[random.Below(running.size())], running.back());
      for (const Member& member : running.back().members) {
        cluster_->Give(running.back().gang.roles[member.role].shape, member.where);
        constraints_->Gone(running.back().gang.rules, member.where.cpu_node);
      }
      running.pop_back();
      continue;
    }
    Gang gang;
    for (uint64_t role = 0; role <= random.Below(3); ++role) {
      const auto min = static_cast<int>(random.Between(1, 4));
      gang.roles.push_back({Devices(static_cast<int32_t>(random.Between(1, 3)),
                                    static_cast<int32_t>(random.Between(1, 4) * 250), 1'500),
                            min, min + static_cast<int>(random.Below(3))});
    }
    gang.rules = random.Below(2) == 0 ? spread : kNoRules;
    const int64_t before = cluster_->device_taken();
    GangResult result = Place(gang);
    if (result.outcome != GangResult::kPlaced) {
      ASSERT_EQ(cluster_->device_taken(), before);
      if (result.outcome == GangResult::kInfeasible) {
        ASSERT_LT(RoomFor(*cluster_, {gang.roles[result.role].shape, nullptr}), gang.roles[result.role].min);
      }
      continue;
    }
    ++placed;
    std::vector<int> counts(gang.roles.size(), 0);
    for (const Member& member : result.members) {
      ++counts[member.role];
    }
    for (size_t role = 0; role < counts.size(); ++role) {
      ASSERT_GE(counts[role], gang.roles[role].min);
      ASSERT_LE(counts[role], gang.roles[role].max);
    }
    running.push_back({gang, result.members});
  }
  EXPECT_GT(placed, 500);
  for (const Running& gang : running) {
    for (const Member& member : gang.members) {
      cluster_->Give(gang.gang.roles[member.role].shape, member.where);
    }
  }
  EXPECT_EQ(cluster_->device_taken(), 0);
}

TEST_F(GangTest, ATransactionUndoesWhatWasGivenToo) {
  ASSERT_TRUE(cluster_->Take(Devices(4, 1000), {0, 0, {0, 1, 2, 3}}).ok());
  {
    Transaction transaction(*cluster_, constraints_.get());
    transaction.Give(Devices(4, 1000), kNoRules, {0, 0, {0, 1, 2, 3}});
    ASSERT_TRUE(transaction.Take(Devices(1, 700), kNoRules, {0, 0, {2}}).ok());
    EXPECT_EQ(cluster_->device_taken(), 700);
  }
  EXPECT_EQ(cluster_->device_taken(), 4'000);
  EXPECT_EQ(cluster_->device_free(0, 2), 0);
}

}  // namespace
}  // namespace flexai::placement
