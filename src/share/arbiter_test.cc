// The arbiter's rules one by one, in virtual time: caps, bursts, classes, turns that are not used, commands
// that do not end.
#include <gtest/gtest.h>

#include <algorithm>

#include "share/lease_bed.h"

namespace flexai::share {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1000 * kMs;

std::function<int64_t(Random&)> Fixed(int64_t ns) {
  return [ns](Random&) { return ns; };
}

Workload Saturating(int64_t length_ns) {
  Workload workload;
  workload.next = Fixed(length_ns);
  return workload;
}

Workload Bursts(int count, int64_t length_ns, int64_t think_low_ns, int64_t think_high_ns) {
  Workload workload;
  workload.next = Fixed(length_ns);
  workload.burst = count;
  workload.think = [=](Random& random) { return random.Between(think_low_ns, think_high_ns); };
  return workload;
}

ComputeShare Share(uint32_t request, uint32_t limit = 1000, Priority priority = Priority::kNormal) {
  return {{request}, {limit}, priority};
}

double Percent(const LeaseBed& bed, size_t session, int64_t from_s, int64_t to_s) {
  return bed.WorkNs(session, from_s * kSecond, to_s * kSecond) / (static_cast<double>(to_s - from_s) * 1e7);
}

TEST(Arbiter, ALoneSessionNeverMeetsItsKeeper) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(300)), Bursts(1, kMs, 50'000, 5 * kMs));
  bed.RunUntil(kSecond);
  const uint64_t passes = bed.keeper_passes();
  bed.RunUntil(10 * kSecond);
  EXPECT_EQ(bed.keeper_passes(), passes);
}

TEST(Arbiter, LimitHoldsAlone) {
  for (const int64_t length : {kMs / 10, kMs, 20 * kMs}) {
    LeaseBed bed({});
    bed.AddSession(bed.AddVxpu(Share(100, 300)), Saturating(length));
    bed.RunUntil(11 * kSecond);
    EXPECT_NEAR(Percent(bed, 0, 1, 11), 30, 0.5) << length;
  }
}

TEST(Arbiter, TinyLimit) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(1, 1)), Saturating(kMs / 10));
  bed.RunUntil(21 * kSecond);
  EXPECT_NEAR(Percent(bed, 0, 1, 21), 0.1, 0.02);
}

TEST(Arbiter, IdleShareGoesToTheOthersByWeight) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(500)), Bursts(1, kMs, 100 * kSecond, 100 * kSecond));
  bed.AddSession(bed.AddVxpu(Share(200)), Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(100)), Saturating(kMs));
  bed.RunUntil(11 * kSecond);
  EXPECT_NEAR(Percent(bed, 1, 1, 11), 66.7, 1);
  EXPECT_NEAR(Percent(bed, 2, 1, 11), 33.3, 1);
}

TEST(Arbiter, WhatALimitLeavesGoesToTheOthers) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(400, 400)), Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(100)), Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(200, 250)), Saturating(5 * kMs));
  bed.RunUntil(11 * kSecond);
  EXPECT_NEAR(Percent(bed, 0, 1, 11), 40, 1);
  EXPECT_NEAR(Percent(bed, 2, 1, 11), 25, 1);
  EXPECT_NEAR(Percent(bed, 1, 1, 11), 34, 2);
}

TEST(Arbiter, SessionsOfOneVxpuShareIt) {
  LeaseBed bed({});
  const VxpuId shared = bed.AddVxpu(Share(600));
  bed.AddSession(shared, Saturating(kMs));
  bed.AddSession(shared, Saturating(kMs / 10));
  bed.AddSession(bed.AddVxpu(Share(400)), Saturating(kMs));
  bed.RunUntil(11 * kSecond);
  EXPECT_NEAR(Percent(bed, 0, 1, 11), 30, 1);
  EXPECT_NEAR(Percent(bed, 1, 1, 11), 30, 1);
  EXPECT_NEAR(Percent(bed, 2, 1, 11), 40, 1);
}

TEST(Arbiter, ResizeTakesEffectWhileSessionsRun) {
  LeaseBed bed({});
  const VxpuId first = bed.AddVxpu(Share(700));
  bed.AddSession(first, Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(300)), Saturating(kMs));
  bed.RunUntil(3 * kSecond);
  bed.Resize(first, Share(100));
  bed.RunUntil(8 * kSecond);
  EXPECT_NEAR(Percent(bed, 0, 4, 8), 25, 1);
  bed.Resize(first, Share(100, 100));
  bed.RunUntil(13 * kSecond);
  EXPECT_NEAR(Percent(bed, 0, 9, 13), 10, 0.5);
  bed.Resize(first, Share(100, 1000, Priority::kHigh));
  bed.RunUntil(18 * kSecond);
  EXPECT_GT(Percent(bed, 0, 14, 18), 98);
}

TEST(Arbiter, ASleeperIsNotOwedItsSleep) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(500)), Saturating(kMs));
  Workload late = Saturating(kMs);
  late.start_at_ns = 5 * kSecond;
  bed.AddSession(bed.AddVxpu(Share(500)), late);
  bed.RunUntil(6 * kSecond);
  EXPECT_NEAR(bed.WorkNs(0, 5 * kSecond, 6 * kSecond) / 1e7, 50, 2);
}

// A client that waits for each command loses the device between two of them only if it is gone for long.
TEST(Arbiter, AClientWithShortGapsGetsItsShare) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(700)), Bursts(1, kMs, 5'000, 15'000));
  bed.AddSession(bed.AddVxpu(Share(300)), Saturating(kMs));
  bed.RunUntil(11 * kSecond);
  EXPECT_GT(Percent(bed, 0, 1, 11), 65);
  EXPECT_GT(Percent(bed, 0, 1, 11) + Percent(bed, 1, 1, 11), 95);
}

double P99Ms(const LeaseBed& bed, size_t session) {
  std::vector<double> times;
  for (const BurstTime& burst : bed.Bursts(session)) {
    times.push_back(static_cast<double>(burst.ended_ns - burst.began_ns) / 1e6);
  }
  std::sort(times.begin(), times.end());
  return times.empty() ? 0 : times[times.size() * 99 / 100];
}

TEST(Arbiter, HighPriorityIsHardlySlowerThanAlone) {
  const Workload requests = Bursts(20, kMs, 5 * kMs, 40 * kMs);
  LeaseBed alone({});
  alone.AddSession(alone.AddVxpu(Share(400, 1000, Priority::kHigh)), requests);
  alone.RunUntil(30 * kSecond);
  LeaseBed shared({});
  shared.AddSession(shared.AddVxpu(Share(400, 1000, Priority::kHigh)), requests);
  shared.AddSession(shared.AddVxpu(Share(300, 1000, Priority::kLow)), Saturating(kMs));
  shared.AddSession(shared.AddVxpu(Share(300, 1000, Priority::kLow)), Saturating(kMs));
  shared.RunUntil(30 * kSecond);
  ASSERT_GE(shared.Bursts(0).size(), 500u);
  EXPECT_LE(P99Ms(shared, 0) / P99Ms(alone, 0), 1.08);
  // And what it leaves is used.
  EXPECT_GT(Percent(shared, 0, 1, 30) + Percent(shared, 1, 1, 30) + Percent(shared, 2, 1, 30), 95);
}

TEST(Arbiter, AHigherClassWaitsForOneCommandAtMost) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(500, 1000, Priority::kHigh)), Bursts(1, kMs / 10, 20 * kMs, 60 * kMs));
  bed.AddSession(bed.AddVxpu(Share(500, 1000, Priority::kLow)), Saturating(10 * kMs));
  bed.RunUntil(10 * kSecond);
  double worst = 0;
  for (const BurstTime& burst : bed.Bursts(0)) {
    worst = std::max(worst, static_cast<double>(burst.ended_ns - burst.began_ns) / 1e6);
  }
  ASSERT_GT(bed.Bursts(0).size(), 100u);
  EXPECT_LT(worst, 10 + 0.1 + 0.4);
}

TEST(Arbiter, ALowClassIsNotStarvedForEver) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(500, 1000, Priority::kHigh)), Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(500, 1000, Priority::kLow)), Saturating(kMs));
  bed.RunUntil(11 * kSecond);
  EXPECT_GT(Percent(bed, 1, 1, 11), 0.1);
  EXPECT_LT(Percent(bed, 1, 1, 11), 0.5);
}

// PoCL compiles a kernel between submission and start: that is not device time.
TEST(Arbiter, ATurnPassesOnWhileADriverCompiles) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(500)), Saturating(kMs));
  Workload compiling = Saturating(kMs);
  compiling.first_compile_ns = 140 * kMs;
  compiling.start_at_ns = kSecond;
  bed.AddSession(bed.AddVxpu(Share(500)), compiling);
  bed.RunUntil(3 * kSecond);
  EXPECT_GT(bed.WorkNs(0, kSecond, kSecond + 140 * kMs) / 140e6, 0.95);
  EXPECT_NEAR(bed.WorkNs(1, 2 * kSecond, 3 * kSecond) / 1e9, 0.5, 0.03);
}

TEST(Arbiter, ACommandThatNeverEndsLeavesTheOthersTheirShare) {
  BedOptions options;
  options.arbiter.can_freeze = true;
  options.arbiter.longest_command = Seconds(3);
  LeaseBed bed(options);
  bed.AddSession(bed.AddVxpu(Share(700)), Saturating(kMs));
  Workload endless = Saturating(1000 * kSecond);
  endless.start_at_ns = kSecond;
  bed.AddSession(bed.AddVxpu(Share(300)), endless);
  bed.RunUntil(6 * kSecond);
  EXPECT_GT(bed.WorkNs(0, 2 * kSecond, 5 * kSecond) / 3e9, 0.67);
  EXPECT_FALSE(bed.Condemned(1));
  bed.RunUntil(15 * kSecond);
  EXPECT_TRUE(bed.Condemned(1));
  EXPECT_GT(bed.WorkNs(0, 13 * kSecond, 15 * kSecond) / 2e9, 0.99);
}

TEST(Arbiter, LongCommandsOfFrozenSessionsStillGetTheirShare) {
  BedOptions options;
  options.arbiter.can_freeze = true;
  LeaseBed bed(options);
  bed.AddSession(bed.AddVxpu(Share(500)), Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(500)), Saturating(700 * kMs));
  bed.RunUntil(71 * kSecond);
  EXPECT_NEAR(Percent(bed, 0, 1, 71), 50, 1.5);
  EXPECT_NEAR(Percent(bed, 1, 1, 71), 50, 1.5);
}

TEST(Arbiter, AKilledHolderFreesTheDevice) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu(Share(500)), Saturating(kMs));
  bed.AddSession(bed.AddVxpu(Share(500)), Saturating(400 * kMs));
  for (int64_t at = 200 * kMs; at < 2 * kSecond; at += 10 * kMs) {
    bed.At(at, [&bed, at] {
      if (at > kSecond) {
        bed.Kill(1);
      }
    });
  }
  bed.RunUntil(3 * kSecond);
  EXPECT_GT(bed.WorkNs(0, 2 * kSecond, 3 * kSecond) / 1e9, 0.99);
}

}  // namespace
}  // namespace flexai::share
