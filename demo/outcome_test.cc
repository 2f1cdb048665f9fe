#include "outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flexai::demo {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kSecond = 1'000'000'000;

TaskOutcome Task(const std::string& name, int64_t start, int64_t end, std::vector<bench::Interval> busy) {
  for (bench::Interval& interval : busy) {
    interval.start_ns *= kSecond;
    interval.end_ns *= kSecond;
  }
  return {
      .name = name, .started_ns = start * kSecond, .ended_ns = end * kSecond, .digest = "d", .busy = busy};
}

// Two tasks of 10 s that keep the device busy for 5 s each; together they take 10 s on vXPUs.
Demo Halves() {
  Demo demo;
  demo.asked_permille = {500, 500};
  demo.one_by_one = {.title = "alone",
                     .tasks = {Task("a", 0, 10, {{0, 5}}), Task("b", 20, 30, {{20, 25}})},
                     .makespan_seconds = 20};
  demo.uncontrolled = {.title = "uncontrolled",
                       .tasks = {Task("a", 0, 10, {{0, 6}}), Task("b", 0, 12, {{2, 8}})},
                       .makespan_seconds = 12};
  demo.vxpus = {.title = "vXPUs",
                .tasks = {Task("a", 0, 10, {{0, 5}}), Task("b", 0, 10, {{5, 10}})},
                .makespan_seconds = 10};
  demo.one_by_one.tasks[0].latency_ms = {1, 2, 3};
  demo.uncontrolled.tasks[0].latency_ms = {5, 6, 9};
  demo.vxpus.tasks[0].latency_ms = {2, 3, 4};
  return demo;
}

const bench::Measurement& Row(const std::vector<bench::Measurement>& rows, const std::string& name) {
  for (const auto& row : rows) {
    if (row.name == name) {
      return row;
    }
  }
  ADD_FAILURE() << "no row " << name;
  return rows.front();
}

TEST(OutcomeTest, GainIsTheSequentialTimeByTheSharedOneAndHasItsCeilingBeside) {
  const auto rows = Judge(Halves());
  const auto& gain = Row(rows, "mixed_utilisation_gain");
  EXPECT_DOUBLE_EQ(gain.value, 100);
  EXPECT_DOUBLE_EQ(*gain.reference, 100);  // mean busy 50 %
  EXPECT_TRUE(*gain.met);
  EXPECT_DOUBLE_EQ(*Row(rows, "mixed_makespan").ratio, 10.0 / 12);
  EXPECT_DOUBLE_EQ(Row(rows, "mixed_service_p99").value, 4);
  EXPECT_DOUBLE_EQ(*Row(rows, "mixed_service_p99").reference, 9);
}

TEST(OutcomeTest, AGainBelow85PercentOfItsCeilingIsAMiss) {
  Demo demo = Halves();
  demo.vxpus.makespan_seconds = 11;  // 82 % of 100 %
  EXPECT_FALSE(*Row(Judge(demo), "mixed_utilisation_gain").met);
}

TEST(OutcomeTest, AResultThatDiffersIsCountedAndShown) {
  Demo demo = Halves();
  EXPECT_TRUE(*Row(Judge(demo), "mixed_results_identical").met);
  EXPECT_THAT(FormatDemo(demo), Not(HasSubstr("DIFFERS")));
  demo.vxpus.tasks[1].digest = "other";
  EXPECT_FALSE(*Row(Judge(demo), "mixed_results_identical").met);
  EXPECT_THAT(FormatDemo(demo), HasSubstr("other DIFFERS"));
}

TEST(OutcomeTest, DeviceBusyIsTheUnionByTheMakespan) {
  const Demo demo = Halves();
  EXPECT_DOUBLE_EQ(DeviceBusy(demo.one_by_one), 0.5);
  EXPECT_DOUBLE_EQ(DeviceBusy(demo.uncontrolled), 8.0 / 12);
  EXPECT_DOUBLE_EQ(DeviceBusy(demo.vxpus), 1);
}

TEST(OutcomeTest, SharesAreOfTheTimeInWhichAllRan) {
  const auto got = SharesGot(Halves().uncontrolled);
  EXPECT_DOUBLE_EQ(got[0], 0.5);
}

}  // namespace
}  // namespace flexai::demo
