#include "busy_intervals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/files.h"

namespace flexai::bench {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;

TEST(BusyIntervalsTest, UnionMergesOverlapTouchAndContainment) {
  const auto merged = Union({{30, 40}, {0, 10}, {5, 20}, {20, 25}, {31, 32}});
  ASSERT_EQ(merged.size(), 2u);
  EXPECT_EQ(merged[0].start_ns, 0);
  EXPECT_EQ(merged[0].end_ns, 25);
  EXPECT_EQ(merged[1].end_ns, 40);
}

TEST(BusyIntervalsTest, CoveredClipsAtBothEnds) {
  const auto merged = Union({{0, 10}, {20, 30}});
  EXPECT_EQ(Covered(merged, 5, 25), 10);
  EXPECT_EQ(Covered(merged, 10, 20), 0);
  EXPECT_EQ(Covered(merged, -100, 100), 20);
}

TEST(BusyIntervalsTest, UtilisationIsPerBin) {
  const auto merged = Union({{0, 10}, {15, 20}});
  EXPECT_THAT(Utilisation(merged, 0, 40, 4),
              ElementsAre(DoubleEq(1), DoubleEq(0.5), DoubleEq(0), DoubleEq(0)));
}

TEST(BusyIntervalsTest, AMalformedLogIsNamed) {
  const std::string path = ::testing::TempDir() + "/busy.log";
  ASSERT_TRUE(os::WriteFile(path, "1 2\n5 x\n").ok());
  EXPECT_THAT(ReadBusyLog(path).status().message(), ::testing::HasSubstr("5 x"));
  ASSERT_TRUE(os::WriteFile(path, "1 2\n3 9\n").ok());
  EXPECT_EQ(ReadBusyLog(path)->size(), 2u);
}

}  // namespace
}  // namespace flexai::bench
