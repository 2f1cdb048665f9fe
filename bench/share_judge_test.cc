#include "share_judge.h"

#include <gtest/gtest.h>

namespace flexai::bench {
namespace {

constexpr int64_t kMs = 1'000'000;

// Tenants that take turns: in each period tenant i completes `turns[i]` kernels of 1 ms, one after another.
std::vector<TenantLog> TakeTurns(const std::vector<int>& turns, const std::vector<double>& due,
                                 int64_t until_ns) {
  std::vector<TenantLog> tenants(turns.size());
  for (size_t i = 0; i < turns.size(); ++i) {
    tenants[i].due = due[i];
  }
  int64_t now = 0;
  while (now < until_ns) {
    for (size_t i = 0; i < turns.size(); ++i) {
      for (int turn = 0; turn < turns[i]; ++turn) {
        now += kMs;
        tenants[i].completions.push_back({now, kMs});
      }
    }
  }
  return tenants;
}

TEST(ShareJudgeTest, WorkCountsCompletionsAfterTheStartUpToTheEnd) {
  const TenantLog log{.due = 1, .completions = {{10, 1}, {20, 2}, {30, 4}}};
  EXPECT_EQ(WorkIn(log, 10, 30), 6);
  EXPECT_EQ(WorkIn(log, 9, 29), 3);
}

TEST(ShareJudgeTest, ExactSharesAreWithinTolerance) {
  const auto tenants = TakeTurns({7, 3}, {0.7, 0.3}, 11'000 * kMs);
  const ShareVerdict verdict = JudgeShares(tenants, {.longest_kernel_ns = kMs});
  EXPECT_NEAR(verdict.got[0], 0.7, 1e-3);
  EXPECT_LT(verdict.worst(), 0);
}

TEST(ShareJudgeTest, TheExcessIsWhatLiesBeyondTheTolerance) {
  const auto tenants = TakeTurns({75, 25}, {0.7, 0.3}, 11'000 * kMs);
  const ShareVerdict verdict = JudgeShares(tenants, {.longest_kernel_ns = kMs});
  // 5 points off; the 30 % tenant may be off by 0.9, plus 1 ms in 10 s.
  EXPECT_NEAR(verdict.long_excess, 5 - 0.9 - 0.01, 0.05);
}

TEST(ShareJudgeTest, AFairAverageDoesNotHideAnUnfairShortWindow) {
  const auto tenants = TakeTurns({350, 150}, {0.7, 0.3}, 11'000 * kMs);
  const ShareVerdict verdict = JudgeShares(tenants, {.longest_kernel_ns = kMs});
  EXPECT_LT(verdict.long_excess, 0);
  EXPECT_GT(verdict.short_excess, 20);
}

TEST(ShareJudgeTest, ATenantThatNeverCompletesIsFarOff) {
  auto tenants = TakeTurns({1, 0}, {0.5, 0.5}, 11'000 * kMs);
  EXPECT_GT(JudgeShares(tenants, {.longest_kernel_ns = kMs}).worst(), 45);
}

}  // namespace
}  // namespace flexai::bench
