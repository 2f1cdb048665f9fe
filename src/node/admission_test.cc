#include "node/admission.h"

#include <gtest/gtest.h>

#include <vector>

namespace flexai::node {
namespace {

constexpr Bytes kGi{1ull << 30};
constexpr Permille kTenth{100};

Bytes Gi(uint64_t n) { return {n << 30}; }

DeviceRoom Room(std::string id, uint32_t free_permille, uint64_t free_gi, uint64_t all_gi = 10) {
  return {std::move(id), Permille{free_permille}, Gi(all_gi), Gi(free_gi), 1};
}

VxpuRequest Ask(uint32_t permille, std::optional<Bytes> memory = kGi) {
  VxpuRequest request;
  request.request = Permille{permille};
  request.memory = memory;
  return request;
}

TEST(AdmissionTest, FillsInTheDefaults) {
  const std::vector<DeviceRoom> rooms{Room("a", 1000, 10)};
  const Result<Allotment> allotment = Admit(rooms, VxpuRequest{}, kTenth);
  ASSERT_TRUE(allotment.ok());
  EXPECT_EQ(allotment->request, kTenth);
  EXPECT_EQ(allotment->limit, kWholeDevice);
  EXPECT_EQ(allotment->priority, Priority::kNormal);
  EXPECT_EQ(allotment->memory, kGi);
}

TEST(AdmissionTest, TheDefaultQuotaIsAtMostWhatIsLeft) {
  const std::vector<DeviceRoom> rooms{Room("a", 1000, 2)};
  EXPECT_EQ(Admit(rooms, Ask(500, std::nullopt), kTenth)->memory, Gi(2));
}

TEST(AdmissionTest, TakesTheDeviceWithMostFreeShareThatFits) {
  const std::vector<DeviceRoom> rooms{Room("a", 300, 10), Room("b", 900, 1), Room("c", 500, 10),
                                      Room("d", 500, 10)};
  EXPECT_EQ(Admit(rooms, Ask(200), kTenth)->device, "b");
  EXPECT_EQ(Admit(rooms, Ask(200, Gi(2)), kTenth)->device, "c");
}

TEST(AdmissionTest, WhatDoesNotFitIsRefusedWithFigures) {
  const std::vector<DeviceRoom> one{Room("a", 200, 3)};
  EXPECT_EQ(Admit(one, Ask(300), kTenth).status().message(),
            "a share of 30 % is more than is free: a has 20 % of its compute and 3.0 GiB of memory free");
  EXPECT_EQ(Admit(one, Ask(300), kTenth).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(Admit(one, Ask(100, Gi(4)), kTenth).status().message(),
            "4.0 GiB of memory is more than is free: a has 20 % of its compute and 3.0 GiB of memory free");
  EXPECT_EQ(Admit(one, Ask(100, Gi(11)), kTenth).status().code(), Code::kInvalidArgument);
  const std::vector<DeviceRoom> two{Room("a", 200, 3), Room("b", 100, 9)};
  EXPECT_EQ(Admit(two, Ask(300, Gi(4)), kTenth).status().message(),
            "no device has 30 % of its compute and 4.0 GiB free: a has 20 % of its compute and 3.0 GiB of "
            "memory free; "
            "b has 10 % of its compute and 9.0 GiB of memory free");
}

TEST(AdmissionTest, TheLastStepOfAShareFits) {
  const std::vector<DeviceRoom> rooms{Room("a", 1, 3)};
  EXPECT_TRUE(Admit(rooms, Ask(1), kTenth).ok());
  EXPECT_FALSE(Admit(rooms, Ask(2), kTenth).ok());
}

TEST(AdmissionTest, NothingAndALimitBelowTheShareAreRefused) {
  const std::vector<DeviceRoom> rooms{Room("a", 1000, 10)};
  EXPECT_EQ(Admit(rooms, Ask(0), kTenth).status().code(), Code::kInvalidArgument);
  VxpuRequest request = Ask(300);
  request.limit = Permille{299};
  EXPECT_EQ(Admit(rooms, request, kTenth).status().code(), Code::kInvalidArgument);
}

TEST(AdmissionTest, ADeviceTakesNoMoreThanItsMostVxpus) {
  DeviceRoom room = Room("a", 1000, 10);
  room.vxpus = share::kMaxVxpusPerDevice;
  EXPECT_EQ(Admit(std::vector{room}, Ask(1), kTenth).status().code(), Code::kResourceExhausted);
}

class ChangeTest : public ::testing::Test {
 protected:
  ChangeTest() {
    vxpu_.id = 3;
    vxpu_.request = Permille{300};
    vxpu_.limit = Permille{500};
    vxpu_.memory = Gi(4);
    vxpu_.resident = Gi(2);
  }

  Code Try(const VxpuChange& change) const { return AdmitChange(Room("a", 200, 1), vxpu_, change).code(); }

  Vxpu vxpu_;
};

TEST_F(ChangeTest, MayGrowByWhatIsFree) {
  EXPECT_EQ(Try({Permille{500}, {}, {}, {}}), Code::kOk);
  EXPECT_EQ(Try({Permille{501}, Permille{1000}, {}, {}}), Code::kResourceExhausted);
  EXPECT_EQ(Try({{}, {}, {}, Gi(5)}), Code::kOk);
  EXPECT_EQ(Try({{}, {}, {}, Gi(6)}), Code::kResourceExhausted);
  EXPECT_EQ(Try({{}, {}, {}, Gi(11)}), Code::kInvalidArgument);
}

TEST_F(ChangeTest, TheQuotaStaysAboveWhatIsInUse) {
  EXPECT_EQ(Try({{}, {}, {}, Gi(2)}), Code::kOk);
  EXPECT_EQ(Try({{}, {}, {}, Gi(1)}), Code::kFailedPrecondition);
}

TEST_F(ChangeTest, TheLimitStaysAboveTheShare) {
  EXPECT_EQ(Try({{}, Permille{299}, {}, {}}), Code::kInvalidArgument);
  EXPECT_EQ(Try({Permille{100}, Permille{299}, {}, {}}), Code::kOk);
}

}  // namespace
}  // namespace flexai::node
