#include "simulator/plot.h"

#include <gmock/gmock.h>

#include <limits>

namespace flexai::simulator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Plot, DrawsEachSeriesFromItsFirstToItsLastPoint) {
  const std::string svg =
      DrawCharts({{"Allocation", "arrived", "percent", {{"a < b", {{0, 0}, {50, 50}, {100, 100}}}}, 0}});
  EXPECT_THAT(svg, HasSubstr(R"(<polyline points="70.0,310.0 340.0,175.0 610.0,40.0 ")"));
  EXPECT_THAT(svg, HasSubstr(">a &lt; b</text>"));
  EXPECT_THAT(svg, HasSubstr(">100</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Plot, NothingToDrawIsStillAPicture) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string svg =
      DrawCharts({{"x", "", "", {}, 0}, {"y", "", "", {{"s", {{nan, 1}, {1, nan}}}}, 90}});
  EXPECT_THAT(svg, HasSubstr("height=\"720\""));
  EXPECT_THAT(svg, HasSubstr(R"(<polyline points="")"));
}

TEST(Plot, BarsStandSideBySide) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string svg =
      DrawCharts({}, {{"Waits", "seconds", {"one", "multi"}, {{"fgd", {1, 4}}, {"hi", {2, nan}}}}});
  EXPECT_THAT(svg, HasSubstr(R"(<rect x="97.0" y="242.5" width="108.0" height="67.5" fill="#0072B2"/>)"));
  EXPECT_THAT(svg, HasSubstr(R"(<rect x="205.0" y="175.0" width="108.0" height="135.0" fill="#D55E00"/>)"));
  EXPECT_THAT(svg, HasSubstr(">multi</text>"));
  EXPECT_THAT(svg, HasSubstr(">hi</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(Plot, ConstantsHaveAnAxis) {
  const std::string svg = DrawCharts({{"x", "", "", {{"s", {{1, 5}, {2, 5}}}}, 5}});
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace flexai::simulator
