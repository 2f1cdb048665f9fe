// Our policies on the public trace, against what was published about them, and against our own targets.
#include "simulator/published.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "os/files.h"
#include "replay.h"
#include "simulator/comparison.h"
#include "simulator/decision_log.h"

namespace flexai::simulator {
namespace {

const std::string kData = FLEXAI_OPENB_DATA;

Trace ScaledCpu(Trace trace, double scale) {
  for (placement::NodeSpec& node : trace.nodes) {
    node.cpu_milli = std::llround(static_cast<double>(node.cpu_milli) * scale);
  }
  return trace;
}

std::vector<placement::TypicalTask> Typical(const Trace& trace) {
  return placement::TypicalTasks(ShapesOf(trace));
}

class Published : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData)) {
      GTEST_SKIP() << "the openb trace is not at hand: configure with -DFLEXAI_OPENB_DATA=FOLDER";
    }
    trace_ = *ReadOpenb(nodes_, pods_);
  }

  static bool IsDefault() { return std::string_view(GetParam()) == "default"; }

  const std::string nodes_ = kData + "/openb_node_list_gpu_node.csv";
  const std::string pods_ = kData + "/openb_pod_list_" + GetParam() + ".csv";
  Trace trace_;
};

TEST_P(Published, AreReproducedAndHiIsBetter) {
  const auto published = ReadPublished(kData + "/published_allocation.csv", pods_);
  ASSERT_TRUE(published.ok()) << published.status().message();
  const placement::HiParameters tuned = placement::TuneHi(Typical(trace_), trace_.nodes, false);
  const auto results = Compare(trace_, {.policies = {"random", "best-fit", "fgd", "hi"}, .hi = tuned});
  ASSERT_TRUE(results.ok()) << results.status().message();
  for (size_t i = 0; i < 3; ++i) {
    const PolicyResult& ours = (*results)[i];
    EXPECT_NEAR(ours.allocation.at(100), published->at(ours.name).at_100, 0.25) << ours.name;
    EXPECT_NEAR(ours.allocation.at(130), published->at(ours.name).at_130, 0.25) << ours.name;
  }
  const PolicyResult& fgd = (*results)[2];
  const PolicyResult& hi = (*results)[3];
  EXPECT_GE(hi.allocation.at(100), std::max(published->at("fgd").at_100, fgd.allocation.at(100)));
  EXPECT_GE(hi.allocation.at(130), published->at("fgd").at_130 + 0.6);
  if (IsDefault()) {
    EXPECT_GE(hi.allocation.at(100), 96.0);
    EXPECT_GE(hi.allocation.at(130), 96.25);
  }
  for (size_t i = 0; i < kTaskClasses; ++i) {
    EXPECT_GE(hi.acceptance[i], fgd.acceptance[i] - 0.01) << ClassName(static_cast<TaskClass>(i));
  }
  // Remote placements never cost anything.
  const auto remote = Compare(trace_, {.policies = {"hi"}, .remote = true});
  ASSERT_TRUE(remote.ok()) << remote.status().message();
  EXPECT_EQ(hi.remote, 0);
  EXPECT_GT(remote->front().remote, 0);
  EXPECT_GE(remote->front().allocation.at(100), hi.allocation.at(100) - 0.05);
  EXPECT_GE(remote->front().allocation.at(130), hi.allocation.at(130) - 0.05);
}

TEST_P(Published, WithFourFifthsOfTheCpuHiKeepsItForDevices) {
  if (!IsDefault()) {
    return;  // one trace says enough, and finding what hi must know takes seconds
  }
  const Trace trace = ScaledCpu(trace_, 0.8);
  const placement::HiParameters tuned = placement::TuneHi(Typical(trace), trace.nodes, false);
  const auto local = Compare(trace, {.policies = {"fgd", "hi"}, .hi = tuned});
  const auto remote = Compare(trace, {.policies = {"fgd", "hi"}, .remote = true});
  ASSERT_TRUE(local.ok() && remote.ok());
  const double hi = (*local)[1].allocation.at(130);
  EXPECT_GE(hi, (*local)[0].allocation.at(130) + 7);
  EXPECT_GE(hi, 94.6);
  EXPECT_GE((*remote)[1].allocation.at(130), hi + 0.8);
  EXPECT_GE((*remote)[1].allocation.at(130), (*remote)[0].allocation.at(130));
}

TEST_P(Published, ALogStandsItsCheck) {
  const auto typical = Typical(trace_);
  const Trace trace = ScaledCpu(trace_, 0.8);
  const Arrivals arrivals = DrawArrivals(trace, {.seed = 42});
  const std::pair<const char*, bool> runs[] = {
      {"hi", false}, {"hi", true}, {"hi-batch16", false}, {"hi-batch16", true}};
  for (const auto& [name, remote] : runs) {
    const std::string path = testing::TempDir() + "/decisions-" + GetParam() + ".csv";
    const auto log = *DecisionLog::Create(path, trace, 42);
    const auto policy = *placement::MakeBatchPolicy(name, {.typical = typical, .remote = remote});
    const auto run = RunArrivals(trace, arrivals, *policy, [&log](const Decision& d) { log->Add(d); });
    ASSERT_TRUE(run.ok()) << run.status().message();
    ASSERT_TRUE(log->Finish().ok());
    const std::string text = *os::ReadFile(path);
    std::filesystem::remove(path);
    const logcheck::Rules rules{remote, policy->most_held()};
    const auto report = logcheck::Replay(trace, text, "log", rules);
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->findings.empty()) << report->findings.front();
    EXPECT_EQ(report->decisions, arrivals.pods.size());
    EXPECT_NEAR(report->allocated_percent, run->allocation.rbegin()->second, 0.1);
    EXPECT_EQ(run->remote > 0, remote);
    EXPECT_FALSE(logcheck::Replay(trace, text, "log", {!remote, rules.batch})->findings.empty())
        << "by the other rule something is wrong";
    if (rules.batch > 1) {
      EXPECT_FALSE(logcheck::Replay(trace, text, "log", {remote, 1})->findings.empty())
          << "it makes use of holding tasks";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Openb, Published,
                         testing::Values("default", "cpu100", "gpushare40", "gpuspec20", "multigpu20"),
                         [](const auto& trace) { return std::string(trace.param); });

}  // namespace
}  // namespace flexai::simulator
