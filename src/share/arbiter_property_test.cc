// Random tenants on a device in virtual time: the promises of the arbiter, by work done.
#include <gtest/gtest.h>

#include <cmath>

#include "share/lease_bed.h"

namespace flexai::share {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kSecond = 1000 * kMs;

std::function<int64_t(Random&)> Fixed(int64_t ns) {
  return [ns](Random&) { return ns; };
}
// Log-uniform in [low, high].
std::function<int64_t(Random&)> Mixed(int64_t low, int64_t high) {
  return [low, high](Random& random) {
    return static_cast<int64_t>(
        static_cast<double>(low) *
        std::pow(static_cast<double>(high) / static_cast<double>(low), random.Unit()));
  };
}

Workload Saturating(std::function<int64_t(Random&)> next) {
  Workload workload;
  workload.next = std::move(next);
  return workload;
}

struct Mix {
  std::vector<uint32_t> weights;  // permille
  std::vector<std::function<int64_t(Random&)>> lengths;
  int64_t longest_ns = 0;
};

// Runs the mix for 11 s and checks the last 10: the bounds of the share promise, and the total.
void CheckShares(const Mix& mix, uint64_t seed, double total_at_least) {
  BedOptions options;
  options.seed = seed;
  LeaseBed bed(options);
  double sum = 0;
  for (const uint32_t weight : mix.weights) {
    sum += weight;
  }
  std::vector<double> shares;
  for (size_t i = 0; i < mix.weights.size(); ++i) {
    bed.AddSession(bed.AddVxpu({{mix.weights[i]}, kWholeDevice, Priority::kNormal}),
                   Saturating(mix.lengths[i]));
    shares.push_back(mix.weights[i] / sum);
  }
  bed.RunUntil(11 * kSecond);
  double total = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    total += bed.WorkNs(i, kSecond, 11 * kSecond) / 10e9;
  }
  EXPECT_GE(total, total_at_least);
  EXPECT_LE(WorstExcessPoints(bed, shares, kSecond, 11 * kSecond, 10 * kSecond, 0.5, 0.03, mix.longest_ns),
            0);
  EXPECT_LE(WorstExcessPoints(bed, shares, kSecond, 11 * kSecond, kSecond / 5, 5, 0, mix.longest_ns), 0);
}

TEST(ArbiterShares, SeventyThirtyEqualKernels) {
  for (const int64_t length : {kMs / 10, kMs, 10 * kMs}) {
    SCOPED_TRACE(length);
    CheckShares({{700, 300}, {Fixed(length), Fixed(length)}, length}, 1, 0.985);
  }
}

TEST(ArbiterShares, SeventyThirtyMixedKernels) {
  CheckShares({{700, 300}, {Mixed(kMs / 10, 50 * kMs), Fixed(kMs / 10)}, 50 * kMs}, 1, 0.98);
  CheckShares({{700, 300}, {Fixed(kMs / 10), Mixed(kMs / 10, 50 * kMs)}, 50 * kMs}, 1, 0.98);
}

TEST(ArbiterShares, ThreeTenants) {
  CheckShares({{500, 300, 200}, {Fixed(kMs), Fixed(kMs), Fixed(kMs)}, kMs}, 1, 0.985);
  CheckShares({{500, 300, 200}, {Fixed(kMs / 10), Fixed(5 * kMs), Fixed(50 * kMs)}, 50 * kMs}, 1, 0.98);
}

TEST(ArbiterShares, TenTenants) {
  Mix mix{{18, 36, 54, 72, 90, 109, 127, 145, 163, 181}, {}, kMs};
  mix.lengths.assign(10, Fixed(kMs));
  CheckShares(mix, 1, 0.985);
  mix.longest_ns = 50 * kMs;
  for (size_t i = 0; i < mix.lengths.size(); ++i) {
    mix.lengths[i] = Mixed(kMs / 10, 50 * kMs);
  }
  CheckShares(mix, 1, 0.98);
}

TEST(ArbiterShares, RandomMixes) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Mix mix;
    uint32_t left = 1000;
    for (int64_t n = random.Between(2, 10); n > 0; --n) {
      const auto weight = static_cast<uint32_t>(random.Between(20, 300));
      mix.weights.push_back(std::min(weight, left - static_cast<uint32_t>(n) + 1));
      left -= mix.weights.back();
      const int64_t low = static_cast<int64_t>(100'000 * std::pow(500.0, random.Unit()));
      const int64_t high = std::min<int64_t>(50 * kMs, low * random.Between(1, 20));
      mix.lengths.push_back(Mixed(low, high));
      mix.longest_ns = std::max(mix.longest_ns, high);
    }
    CheckShares(mix, seed, 0.97);
  }
}

// An executor whose page says anything at all is ended or harmless: the honest keep at least their due.
TEST(ArbiterLies, RandomPages) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    BedOptions options;
    options.seed = seed;
    options.arbiter.longest_command = Millis(500);
    LeaseBed bed(options);
    bed.AddSession(bed.AddVxpu({{600}, kWholeDevice, Priority::kNormal}), Saturating(Fixed(kMs)));
    const VxpuId hostile = bed.AddVxpu({{100}, kWholeDevice, Priority::kNormal});
    Random random(seed);
    size_t session = bed.AddSession(hostile, Saturating(Fixed(kMs)));
    std::function<void()> lie = [&] {
      if (bed.Condemned(session)) {
        session = bed.AddSession(hostile, Saturating(Fixed(kMs)));
      } else {
        OwnLane& lane = bed.Forge(session).lanes[0];
        const uint64_t value = random.Next() >> random.Below(64);
        switch (random.Below(10)) {
          case 0:
            lane.want = value & 1;
            break;
          case 1:
            lane.running = static_cast<uint32_t>(value);
            break;
          case 2:
            lane.lease_taken = value;
            break;
          case 3:
            lane.lease_done = value;
            break;
          case 4:
            lane.used_ns = value;
            break;
          case 5:
            lane.first_start_ns = static_cast<int64_t>(value);
            break;
          case 6:
            lane.head_start_ns = static_cast<int64_t>(value);
            break;
          case 7:
            lane.last_end_ns = static_cast<int64_t>(value);
            break;
          case 8:
            lane.in_flight_ns = static_cast<int64_t>(value);
            break;
          case 9:
            lane.finished = value;
            break;
        }
      }
      bed.At(bed.now() + random.Between(1, 5) * kMs, lie);
    };
    bed.At(kSecond, lie);
    bed.RunUntil(11 * kSecond);
    EXPECT_GT(bed.WorkNs(0, kSecond, 11 * kSecond) / 10e9, 0.6);
  }
}

TEST(ArbiterLies, CountingHalfOfItsTimeGainsLittle) {
  LeaseBed bed({});
  bed.AddSession(bed.AddVxpu({{500}, kWholeDevice, Priority::kNormal}), Saturating(Fixed(kMs)));
  Workload liar = Saturating(Fixed(kMs));
  liar.claimed = 0.3;
  bed.AddSession(bed.AddVxpu({{500}, kWholeDevice, Priority::kNormal}), liar);
  bed.RunUntil(11 * kSecond);
  EXPECT_GT(bed.WorkNs(0, kSecond, 11 * kSecond) / 10e9, 0.4);
}

}  // namespace
}  // namespace flexai::share
