#include "simulator/arrivals.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "simulator/comparison.h"

namespace flexai::simulator {
namespace {

Trace SmallTrace() {
  Trace trace;
  trace.models = {"A", "B"};
  for (int i = 0; i < 20; ++i) {
    trace.nodes.push_back({"n" + std::to_string(i), 64'000, 256'000, 4, i % 2});
  }
  for (int i = 0; i < 90; ++i) {
    Pod pod{"p" + std::to_string(i),
            {4'000, 8'000, 1, i % 3 == 0 ? 1000 : 300 + i % 5 * 100, placement::kAnyModel}};
    if (i % 10 == 9) {
      pod.shape = {6'000, 8'000, 0, 0, placement::kAnyModel};
    }
    if (i % 15 == 14) {
      pod.shape = {8'000, 8'000, 4, 1000, placement::OneModel(1)};
    }
    trace.pods.push_back(pod);
  }
  return trace;
}

TEST(Arrivals, ReachTheWantedPartOfTheCapacityAndNoMore) {
  const Trace trace = SmallTrace();
  for (const double until : {0.3, 1.0, 1.3}) {
    const Arrivals arrivals = DrawArrivals(trace, {5, until});
    int64_t asked = 0;
    int64_t most = 0;
    for (const size_t pod : arrivals.pods) {
      asked += trace.pods[pod].shape.device_milli();
      most = std::max(most, trace.pods[pod].shape.device_milli());
    }
    EXPECT_GE(static_cast<double>(asked), until * 80'000);
    EXPECT_LT(static_cast<double>(asked - most), until * 80'000);
    EXPECT_EQ(arrivals.nodes.size(), trace.nodes.size());
  }
}

TEST(Arrivals, FollowFromTheSeed) {
  const Trace trace = SmallTrace();
  EXPECT_EQ(DrawArrivals(trace, {5, 1.3}).pods, DrawArrivals(trace, {5, 1.3}).pods);
  EXPECT_NE(DrawArrivals(trace, {5, 1.3}).pods, DrawArrivals(trace, {6, 1.3}).pods);
}

TEST(Arrivals, CountWhatWasDecided) {
  const Trace trace = SmallTrace();
  const Arrivals arrivals = DrawArrivals(trace, {5, 1.3});
  const auto policy = *placement::MakeBatchPolicy("best-fit", {});
  size_t placed = 0;
  size_t decisions = 0;
  const Result<ArrivalRun> run = RunArrivals(trace, arrivals, *policy, [&](const Decision& decision) {
    EXPECT_EQ(decision.sequence, decisions++);
    placed += decision.where != nullptr;
  });
  ASSERT_TRUE(run.ok()) << run.status().message();
  size_t arrived = 0;
  size_t accepted = 0;
  for (size_t i = 0; i < kTaskClasses; ++i) {
    arrived += run->arrived[i];
    accepted += run->accepted[i];
  }
  EXPECT_EQ(arrived, arrivals.pods.size());
  EXPECT_EQ(accepted, placed);
  EXPECT_NEAR(run->allocation.at(50), 50, 0.6) << "all fit so far";
  EXPECT_LE(run->allocation.at(130), 100);
  EXPECT_GT(run->allocation.at(130), 85);
}

TEST(Arrivals, ABatchPolicyGetsTasksWhenItHoldsAsManyAsItMay) {
  const Trace trace = SmallTrace();
  const Arrivals arrivals = DrawArrivals(trace, {5, 1.3});
  const std::vector<placement::TypicalTask> typical = placement::TypicalTasks(ShapesOf(trace));
  const auto policy = *placement::MakeBatchPolicy("hi-batch16", {typical});
  std::vector<size_t> sequences;
  const auto run = RunArrivals(trace, arrivals, *policy, [&](const Decision& decision) {
    EXPECT_EQ(decision.pod, &trace.pods[arrivals.pods[decision.sequence]]);
    EXPECT_EQ(decision.sequence / 16, sequences.size() / 16);
    sequences.push_back(decision.sequence);
  });
  ASSERT_TRUE(run.ok()) << run.status().message();
  EXPECT_EQ(run->most_held, 16u);
  EXPECT_EQ(run->allocation.begin()->second, 0) << "the first tasks are held";
  EXPECT_NE(arrivals.pods.size() % 16, 0u) << "the last ones are fewer, and are decided as well";
  EXPECT_FALSE(std::is_sorted(sequences.begin(), sequences.end()));
  std::sort(sequences.begin(), sequences.end());
  std::vector<size_t> all(arrivals.pods.size());
  std::iota(all.begin(), all.end(), size_t{0});
  EXPECT_EQ(sequences, all);
}

TEST(Comparison, IsTheMeanOverTheSeedsInOrder) {
  const Trace trace = SmallTrace();
  ComparisonOptions options{.policies = {"fgd", "random"}, .first_seed = 3, .last_seed = 7};
  size_t last_done = 0;
  options.on_progress = [&](size_t done, size_t runs) {
    EXPECT_EQ(done, ++last_done);
    EXPECT_EQ(runs, 10u);
  };
  const auto results = Compare(trace, options);
  ASSERT_TRUE(results.ok()) << results.status().message();
  ASSERT_EQ(results->size(), 2u);
  EXPECT_EQ((*results)[0].name, "fgd");
  std::map<int, std::vector<double>> of_seeds;
  for (uint64_t seed = 3; seed <= 7; ++seed) {
    const auto policy = *placement::MakeBatchPolicy("random", {{}, seed});
    const auto run = *RunArrivals(trace, DrawArrivals(trace, {seed, 1.3}), *policy, nullptr);
    for (const auto& [percent, allocation] : run.allocation) {
      of_seeds[percent].push_back(allocation);
    }
  }
  std::erase_if(of_seeds, [](const auto& entry) { return entry.second.size() < 5; });
  ASSERT_GT(of_seeds.size(), 10u);
  EXPECT_EQ((*results)[1].allocation.size(), of_seeds.size());
  for (const auto& [percent, all] : of_seeds) {
    EXPECT_NEAR((*results)[1].allocation.at(percent), std::accumulate(all.begin(), all.end(), 0.0) / 5, 1e-9);
  }
  options.policies = {"fgd", "nosuch"};
  options.on_progress = nullptr;
  EXPECT_EQ(Compare(trace, options).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace flexai::simulator
