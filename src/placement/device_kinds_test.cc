#include "placement/device_kinds.h"

#include <gtest/gtest.h>

namespace flexai::placement {
namespace {

class DeviceKindsTest : public ::testing::Test {
 protected:
  DeviceKindsTest() {
    EXPECT_EQ(*kinds_.Add({"acme", "A", 40'960, {{"arch", "one"}}, {}}), 0);
    EXPECT_EQ(*kinds_.Add({"acme", "B", 81'920, {{"arch", "two"}}, {}}), 1);
    EXPECT_EQ(*kinds_.Add({"other", "A", 0, {}, {}}), 2);
  }
  std::string Refused(const DeviceSelector& selector) { return kinds_.Select(selector).status().message(); }

  DeviceKinds kinds_;
};

TEST_F(DeviceKindsTest, EqualKindsAreOne) {
  EXPECT_EQ(*kinds_.Add({"acme", "B", 81'920, {{"arch", "two"}}, {}}), 1);
  EXPECT_EQ(*kinds_.Add({"acme", "B", 81'920, {{"arch", "two"}}, {250, 1}}), 3) << "handed out otherwise";
  EXPECT_EQ(kinds_.size(), 4u);
}

TEST_F(DeviceKindsTest, SelectsWhatHasAllThatIsAskedFor) {
  EXPECT_EQ(*kinds_.Select({}), 0b111u);
  EXPECT_EQ(*kinds_.Select({"acme", "", {}, 0}), 0b011u);
  EXPECT_EQ(*kinds_.Select({"", "A", {}, 0}), 0b101u);
  EXPECT_EQ(*kinds_.Select({"", "A", {}, 40'960}), 0b001u);
  EXPECT_EQ(*kinds_.Select({"", "", {{"arch", "two"}}, 0}), 0b010u);
}

TEST_F(DeviceKindsTest, SaysWhatMatchedNothing) {
  EXPECT_EQ(Refused({"acme", "C", {}, 0}), "no device has model 'C'");
  EXPECT_EQ(Refused({"", "A", {{"arch", "three"}}, 0}), "no device has arch 'three'");
  EXPECT_EQ(Refused({"", "", {}, 81'921}), "no device has at least 81921 MiB");
  EXPECT_EQ(Refused({"other", "A", {}, 40'960}),
            "no device has all of this: vendor 'other', model 'A', at least 40960 MiB");
}

TEST_F(DeviceKindsTest, RefusesStepsThatNoDeviceCanHave) {
  EXPECT_EQ(kinds_.Add({"acme", "C", 81'920, {}, {0, 1}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(kinds_.Add({"acme", "C", 81'920, {}, {1'001, 1}}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(kinds_.Add({"acme", "C", 81'920, {}, {142, 10'000}}).status().code(), Code::kInvalidArgument);
  for (int i = 0; kinds_.size() < kMostModels; ++i) {
    ASSERT_TRUE(kinds_.Add({"more", std::to_string(i), 0, {}, {}}).ok());
  }
  EXPECT_EQ(kinds_.Add({"acme", "C", 0, {}, {}}).status().code(), Code::kResourceExhausted);
}

TEST_F(DeviceKindsTest, WhatIsTakenIsRoundedUp) {
  const int sevenths = *kinds_.Add({"acme", "parts", 81'920, {}, {142, 10'240}});
  NodeSpec node{"n", 8'000, 1'000, 1};
  kinds_.Describe(sevenths, &node);
  Cluster cluster({node});
  const TaskShape task{1'000, 10, 1, 150, kAnyModel, 11'000};
  ASSERT_TRUE(cluster.Take(task, {0, 0, {0}}).ok());
  EXPECT_EQ(cluster.device_free(0, 0), 1'000 - 284);
  EXPECT_EQ(cluster.node_free(0).device_memory[0], 81'920 - 20'480);
  EXPECT_EQ(cluster.device_taken(), 284);
  EXPECT_FALSE(cluster.Fits(0, {0, 0, 1, 711, kAnyModel})) << "six parts, and there are five";
  EXPECT_TRUE(cluster.Fits(0, {0, 0, 1, 710, kAnyModel}));
  cluster.Give(task, {0, 0, {0}});
  EXPECT_TRUE(cluster.Fits(0, {0, 0, 1, 1'000, kAnyModel})) << "all of it, though that is no whole number";
  EXPECT_EQ(cluster.Taken({0, 0, 1, 1'000, kAnyModel}, sevenths).share_milli, 1'000);
}

}  // namespace
}  // namespace flexai::placement
