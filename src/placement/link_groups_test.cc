#include "placement/link_groups.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "placement/cluster.h"

namespace flexai::placement {
namespace {

TEST(LinkGroups, ATaskStaysWithinFewAndLeavesOthersWhole) {
  Cluster cluster({{"n", 64'000, 1'000, 8, 0, 0, {}, {0, 0, 0, 0, 1, 1, 1, 1}}});
  const TaskShape whole{0, 0, 1, 1000, kAnyModel};
  ASSERT_TRUE(cluster.Take(whole, {0, 0, {1}}).ok());
  EXPECT_EQ(cluster.DevicesAt(0, 0b1), std::vector<int32_t>{0}) << "group 0 is broken already";
  EXPECT_EQ(cluster.DevicesAt(0, 0b11), (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(cluster.DevicesAt(0, 0b1111), (std::vector<int32_t>{4, 5, 6, 7})) << "only group 1 has four";
  EXPECT_EQ(cluster.DevicesAt(0, 0b11111).size(), 5u);
  ASSERT_TRUE(cluster.Take({0, 0, 1, 500, kAnyModel}, {0, 0, {6}}).ok());
  EXPECT_EQ(cluster.DevicesAt(0, 0b1000001), (std::vector<int32_t>{4, 6}))
      << "one idle and one half, together";
}

int GroupsOf(DeviceMask positions, const std::array<uint8_t, kMostDevices>& number,
             const LinkGroups& groups) {
  std::set<int> used;
  for (size_t i = 0; i < kMostDevices; ++i) {
    if ((positions >> i & 1) != 0) {
      used.insert(groups[number[i]]);
    }
  }
  return static_cast<int>(used.size());
}

// How many devices like those at each position.
std::vector<int> Kinds(const NodeState& state, DeviceMask positions) {
  std::vector<int> kinds;
  for (size_t i = 0; i < static_cast<size_t>(state.devices); ++i) {
    if (i == 0 || !state.SameDevices(i - 1, i)) {
      kinds.push_back(0);
    }
    kinds.back() += positions >> i & 1;
  }
  return kinds;
}

TEST(LinkGroups, NoSetOfEqualDevicesLiesInFewer) {
  Random random(5);
  for (int i = 0; i < 2'000; ++i) {
    NodeFree node;
    LinkGroups groups{};
    const auto devices = static_cast<int32_t>(random.Between(1, 8));
    const uint64_t most_groups = 1 + random.Below(8);
    for (size_t device = 0; device < static_cast<size_t>(devices); ++device) {
      node.share[device] = static_cast<int16_t>(500 * random.Below(3));
      node.device_memory[device] = static_cast<int32_t>(random.Below(2));
      groups[device] = static_cast<uint8_t>(random.Below(most_groups));
    }
    const NodeState state = node.State(0, devices);
    const auto number = node.DeviceOrder(devices).number;
    const auto wanted = static_cast<DeviceMask>(random.Below(uint64_t{1} << devices));
    const DeviceMask kept = KeepTogether(state, wanted, number, groups);
    ASSERT_EQ(Kinds(state, kept), Kinds(state, wanted)) << i;
    int fewest = kMostDevices;
    for (unsigned other = 0; other < (1u << devices); ++other) {
      const auto mask = static_cast<DeviceMask>(other);
      if (Kinds(state, mask) == Kinds(state, wanted)) {
        fewest = std::min(fewest, GroupsOf(mask, number, groups));
      }
    }
    ASSERT_EQ(GroupsOf(kept, number, groups), fewest) << i;
  }
}

}  // namespace
}  // namespace flexai::placement
