// Our policies on the public trace, against what was published about them, and against our own targets.
#include "simulator/published.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/files.h"
#include "replay.h"
#include "simulator/comparison.h"
#include "simulator/decision_log.h"

namespace flexai::simulator {
namespace {

const std::string kData = FLEXAI_OPENB_DATA;

class Published : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData)) {
      GTEST_SKIP() << "the openb trace is not at hand: configure with -DFLEXAI_OPENB_DATA=FOLDER";
    }
    trace_ = *ReadOpenb(nodes_, pods_);
  }

  const std::string nodes_ = kData + "/openb_node_list_gpu_node.csv";
  const std::string pods_ = kData + "/openb_pod_list_" + GetParam() + ".csv";
  Trace trace_;
};

TEST_P(Published, AreReproducedAndHiIsBetter) {
  const auto published = ReadPublished(kData + "/published_allocation.csv", pods_);
  ASSERT_TRUE(published.ok()) << published.status().message();
  const auto results = Compare(trace_, {.policies = {"random", "best-fit", "fgd", "hi"}});
  ASSERT_TRUE(results.ok()) << results.status().message();
  for (size_t i = 0; i < 3; ++i) {
    const PolicyResult& ours = (*results)[i];
    EXPECT_NEAR(ours.allocation.at(100), published->at(ours.name).at_100, 0.25) << ours.name;
    EXPECT_NEAR(ours.allocation.at(130), published->at(ours.name).at_130, 0.25) << ours.name;
  }
  const PolicyResult& fgd = (*results)[2];
  const PolicyResult& hi = (*results)[3];
  EXPECT_GE(hi.allocation.at(100), published->at("fgd").at_100);
  EXPECT_GE(hi.allocation.at(130), published->at("fgd").at_130 + 0.6);
  for (size_t i = 0; i < kTaskClasses; ++i) {
    EXPECT_GE(hi.acceptance[i], fgd.acceptance[i] - 0.01) << ClassName(static_cast<TaskClass>(i));
  }
}

TEST_P(Published, ALogStandsItsCheck) {
  const std::string path = testing::TempDir() + "/decisions-" + GetParam() + ".csv";
  const Arrivals arrivals = DrawArrivals(trace_, {.seed = 42});
  const auto log = *DecisionLog::Create(path, trace_, 42);
  const auto typical = placement::TypicalTasks(ShapesOf(trace_));
  const auto policy = *placement::MakePolicy("hi", {typical, 42});
  const auto run = RunArrivals(trace_, arrivals, *policy, [&log](const Decision& d) { log->Add(d); });
  ASSERT_TRUE(run.ok()) << run.status().message();
  ASSERT_TRUE(log->Finish().ok());
  const auto report = logcheck::Replay(trace_, *os::ReadFile(path), "log", false);
  std::filesystem::remove(path);
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_TRUE(report->findings.empty()) << report->findings.front();
  EXPECT_EQ(report->decisions, arrivals.pods.size());
  EXPECT_NEAR(report->allocated_percent, run->allocation.rbegin()->second, 0.1);
}

INSTANTIATE_TEST_SUITE_P(Openb, Published,
                         testing::Values("default", "cpu100", "gpushare40", "gpuspec20", "multigpu20"),
                         [](const auto& trace) { return std::string(trace.param); });

}  // namespace
}  // namespace flexai::simulator
