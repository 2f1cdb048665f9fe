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
    return static_cast<int64_t>(static_cast<double>(low) *
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
    bed.AddSession(bed.AddVxpu({{mix.weights[i]}, kWholeDevice, Priority::kNormal}), Saturating(mix.lengths[i]));
    shares.push_back(mix.weights[i] / sum);
  }
  bed.RunUntil(11 * kSecond);
  double total = 0;
  for (size_t i = 0; i < shares.size(); ++i) {
    total += bed.WorkNs(i, kSecond, 11 * kSecond) / 10e9;
  }
  EXPECT_GE(total, total_at_least);
  EXPECT_LE(WorstExcessPoints(bed, shares, kSecond, 11 * kSecond, 10 * kSecond, 0.5, 0.03, mix.longest_ns), 0);
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

}  // namespace
}  // namespace flexai::share
