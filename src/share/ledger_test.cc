#include "share/ledger.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace flexai::share {
namespace {

constexpr uint64_t kMiB = 1 << 20;

VxpuSpec Spec(VxpuId id, uint32_t request, uint64_t mib) {
  VxpuSpec spec;
  spec.id = id;
  spec.share.request = {request};
  spec.memory = {mib * kMiB};
  return spec;
}

LedgerOptions Device(uint64_t mib) { return {{mib * kMiB}, {100 * kMiB}, {10 * kMiB}}; }

TEST(Ledger, SharesNeverSumAboveTheDevice) {
  Ledger ledger(Device(1000));
  EXPECT_TRUE(ledger.AddVxpu(Spec(1, 600, 1)).ok());
  EXPECT_EQ(ledger.AddVxpu(Spec(2, 401, 1)).code(), Code::kResourceExhausted);
  EXPECT_TRUE(ledger.AddVxpu(Spec(2, 400, 1)).ok());
  EXPECT_EQ(ledger.ResizeVxpu(2, {{401}, kWholeDevice, Priority::kNormal}, {kMiB}).code(),
            Code::kResourceExhausted);
  EXPECT_TRUE(ledger.ResizeVxpu(1, {{100}, kWholeDevice, Priority::kNormal}, {kMiB}).ok());
  EXPECT_TRUE(ledger.ResizeVxpu(2, {{900}, kWholeDevice, Priority::kNormal}, {kMiB}).ok());
}

TEST(Ledger, ReserveAndOverheadAreNotGiven) {
  Ledger ledger(Device(1000));
  EXPECT_EQ(ledger.AddVxpu(Spec(1, 1, 891)).code(), Code::kResourceExhausted);
  EXPECT_TRUE(ledger.AddVxpu(Spec(1, 1, 890)).ok());
  EXPECT_EQ(ledger.Unreserved().value, 0u);
  EXPECT_TRUE(ledger.AddSession(1, {1}).ok());
  EXPECT_EQ(ledger.AddSession(2, {1}).code(), Code::kResourceExhausted) << "no room for a second context";
  EXPECT_EQ(ledger.DeviceResident().value, 10 * kMiB);
}

TEST(Ledger, QuotaIsExact) {
  Ledger ledger(Device(1000));
  ASSERT_TRUE(ledger.AddVxpu(Spec(1, 1, 100)).ok());
  ASSERT_TRUE(ledger.AddSession(1, {1}).ok());
  EXPECT_TRUE(ledger.Charge(1, 1, {100 * kMiB}).ok());
  EXPECT_EQ(ledger.Charge(1, 1, {1}).code(), Code::kResourceExhausted);
  ledger.Release(1, 1, {1});
  EXPECT_TRUE(ledger.Charge(1, 1, {1}).ok());
  EXPECT_EQ(ledger.Charge(1, 1, {UINT64_MAX}).code(), Code::kResourceExhausted);
}

TEST(Ledger, AReleaseIsBoundedByWhatIsHeld) {
  Ledger ledger(Device(1000));
  ASSERT_TRUE(ledger.AddVxpu(Spec(1, 1, 100)).ok());
  ASSERT_TRUE(ledger.AddSession(1, {1}).ok());
  ASSERT_TRUE(ledger.AddSession(2, {1}).ok());
  ASSERT_TRUE(ledger.Charge(1, 1, {60 * kMiB}).ok());
  ledger.Release(2, 1, {60 * kMiB});
  EXPECT_EQ(ledger.Resident(1).value, 60 * kMiB);
  ledger.Release(1, 1, {UINT64_MAX});
  EXPECT_EQ(ledger.Resident(1).value, 0u);
}

TEST(Ledger, QuotaDoesNotFallBelowWhatIsHeld) {
  Ledger ledger(Device(1000));
  ASSERT_TRUE(ledger.AddVxpu(Spec(1, 1, 100)).ok());
  ASSERT_TRUE(ledger.AddSession(1, {1}).ok());
  ASSERT_TRUE(ledger.Charge(1, 1, {60 * kMiB}).ok());
  const ComputeShare share{{1}, kWholeDevice, Priority::kNormal};
  EXPECT_EQ(ledger.ResizeVxpu(1, share, {59 * kMiB}).code(), Code::kFailedPrecondition);
  EXPECT_TRUE(ledger.ResizeVxpu(1, share, {60 * kMiB}).ok());
  EXPECT_EQ(ledger.ResizeVxpu(1, share, {900 * kMiB}).code(), Code::kResourceExhausted);
}

TEST(Ledger, SpecsAreRefusedWithASentence) {
  Ledger ledger(Device(1000));
  EXPECT_EQ(ledger.AddVxpu(Spec(0, 1, 1)).code(), Code::kInvalidArgument);
  EXPECT_EQ(ledger.AddVxpu(Spec(1, 0, 1)).message(),
            "a share of 0 % can run nothing: ask for at least 0.1 %");
  EXPECT_EQ(ledger.AddVxpu(Spec(1, 1, 0)).code(), Code::kInvalidArgument);
  VxpuSpec limited = Spec(1, 500, 1);
  limited.share.limit = {400};
  EXPECT_EQ(ledger.AddVxpu(limited).message(), "the limit of 40 % is below the guaranteed share of 50 %");
}

TEST(Ledger, AtMost64Vxpus) {
  Ledger ledger(Device(10000));
  for (VxpuId id = 1; id <= 64; ++id) {
    ASSERT_TRUE(ledger.AddVxpu(Spec(id, 1, 1)).ok());
  }
  EXPECT_EQ(ledger.AddVxpu(Spec(65, 1, 1)).code(), Code::kResourceExhausted);
}

// Random operations: the sums hold after each, and all is free when everything is gone.
TEST(Ledger, SumsHoldUnderRandomOperations) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    Ledger ledger(Device(1000));
    for (int step = 0; step < 2000; ++step) {
      const VxpuId vxpu = random.Below(6) + 1;
      const SessionId session = random.Below(10) + 1;
      const Bytes bytes{random.Below(200 * kMiB)};
      switch (random.Below(7)) {
        case 0:
          static_cast<void>(
              ledger.AddVxpu(Spec(vxpu, static_cast<uint32_t>(random.Below(500)), random.Below(400))));
          break;
        case 1:
          static_cast<void>(ledger.AddSession(session, {vxpu, random.Below(6) + 1}));
          break;
        case 2:
          ledger.RemoveSession(session);
          break;
        case 3:
        case 4:
          static_cast<void>(ledger.Charge(session, vxpu, bytes));
          break;
        case 5:
          ledger.Release(session, vxpu, bytes);
          break;
        case 6:
          static_cast<void>(ledger.ResizeVxpu(
              vxpu, {{static_cast<uint32_t>(random.Below(500))}, kWholeDevice, Priority::kNormal}, bytes));
          break;
      }
      ASSERT_LE(ledger.Requested().value, 1000u);
      ASSERT_LE(ledger.DeviceResident().value, 900 * kMiB) << "seed " << seed << " step " << step;
      ASSERT_LE(ledger.Resident(session, vxpu).value, ledger.Resident(vxpu).value);
    }
    for (SessionId session = 1; session <= 10; ++session) {
      ledger.RemoveSession(session);
    }
    EXPECT_EQ(ledger.DeviceResident().value, 0u);
    for (VxpuId vxpu = 1; vxpu <= 6; ++vxpu) {
      ledger.RemoveVxpu(vxpu);
    }
    EXPECT_EQ(ledger.Unreserved().value, 900 * kMiB);
  }
}

}  // namespace
}  // namespace flexai::share
