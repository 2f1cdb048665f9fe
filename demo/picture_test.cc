#include "picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace flexai::demo {
namespace {

using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

RunOutcome Overlapping() {
  return {
      .title = "run",
      .tasks = {{.name = "a", .started_ns = 0, .ended_ns = 4 * kSecond, .busy = {{0, 2 * kSecond}}},
                {.name = "b", .started_ns = 0, .ended_ns = 4 * kSecond, .busy = {{kSecond, 3 * kSecond}}}},
      .makespan_seconds = 4};
}

TEST(PictureTest, OverlapIsDividedSoThatPartsSumToTheUnion) {
  const Timeline timeline = MakeTimeline(Overlapping(), 1);
  EXPECT_THAT(timeline.total, ElementsAre(DoubleEq(1), DoubleEq(1), DoubleEq(1), DoubleEq(0)));
  EXPECT_THAT(timeline.tasks[0], ElementsAre(DoubleEq(1), DoubleEq(0.5), DoubleEq(0), DoubleEq(0)));
  EXPECT_THAT(timeline.tasks[1], ElementsAre(DoubleEq(0), DoubleEq(0.5), DoubleEq(1), DoubleEq(0)));
}

TEST(PictureTest, TasksOneAfterAnotherArePutEndToEnd) {
  RunOutcome run = Overlapping();
  run.tasks[1].started_ns = 100 * kSecond;
  run.tasks[1].ended_ns = 104 * kSecond;
  run.tasks[1].busy = {{100 * kSecond, 104 * kSecond}};
  run.makespan_seconds = 8;
  const Timeline timeline = MakeTimeline(run, 4);
  EXPECT_THAT(timeline.total, ElementsAre(DoubleEq(0.5), DoubleEq(1)));
}

TEST(PictureTest, PicturesNameEveryRunAndTask) {
  const Demo demo{.one_by_one = Overlapping(),
                  .uncontrolled = Overlapping(),
                  .vxpus = Overlapping(),
                  .asked_permille = {}};
  EXPECT_THAT(TextPicture(demo, 4), HasSubstr("|███ | 4.0 s"));
  const std::string svg = SvgPicture(demo);
  EXPECT_THAT(svg, HasSubstr("run: 4.0 s, device busy 75 %"));
  EXPECT_THAT(svg, HasSubstr(">b</text>"));
  EXPECT_THAT(svg, HasSubstr("</svg>"));
}

}  // namespace
}  // namespace flexai::demo
