#include "placement/time_window.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace flexai::placement {
namespace {

TimeWindow Window(std::string_view text) {
  const Result<TimeWindow> window = TimeWindow::Parse(text);
  EXPECT_TRUE(window.ok()) << window.status().message();
  return window.ok() ? *window : TimeWindow();
}

// Of the week of Monday, 2024-01-01.
Nanos At(int day, int hour, int minute) {
  return Seconds(1'704'067'200 + ((day * 24 + hour) * 60 + minute) * 60);
}

TEST(TimeWindow, IsOpenFromStartToEnd) {
  const TimeWindow window = Window("08:30-17:00");
  EXPECT_FALSE(window.Open(At(0, 8, 29)));
  EXPECT_TRUE(window.Open(At(0, 8, 30)));
  EXPECT_TRUE(window.Open(At(0, 17, 0) - Nanos{1}));
  EXPECT_FALSE(window.Open(At(0, 17, 0)));
  EXPECT_EQ(window.NextOpening(At(0, 8, 0)), At(0, 8, 30));
  EXPECT_EQ(window.NextOpening(At(0, 9, 0)), At(0, 9, 0));
  EXPECT_EQ(window.NextOpening(At(0, 17, 0)), At(1, 8, 30));
}

TEST(TimeWindow, MayRunOverMidnight) {
  const TimeWindow window = Window("mon-fri 22:00-06:00");
  EXPECT_TRUE(window.Open(At(0, 23, 0)));
  EXPECT_TRUE(window.Open(At(5, 5, 59))) << "Saturday, but it started on Friday";
  EXPECT_FALSE(window.Open(At(5, 6, 0)));
  EXPECT_FALSE(window.Open(At(0, 5, 0))) << "Monday, but it would have started on Sunday";
  EXPECT_EQ(window.NextOpening(At(5, 6, 0)), At(7, 22, 0));
}

TEST(TimeWindow, DaysMayRunOverSunday) {
  const TimeWindow window = Window("sat-mon,wed 00:00-24:00");
  for (int day = 0; day < 7; ++day) {
    EXPECT_EQ(window.Open(At(day, 12, 0)), day == 0 || day == 2 || day >= 5) << day;
  }
  EXPECT_EQ(window.Text(), "mon,wed,sat,sun 00:00-24:00");
  EXPECT_EQ(Window("sat-mon|wed 00:00-24:00").Text(), window.Text()) << "as files have it";
}

TEST(TimeWindow, OpensOnceAWeek) {
  const TimeWindow window = Window("thu 00:00-00:01");
  EXPECT_TRUE(window.Open(Nanos{})) << "the epoch was a Thursday";
  EXPECT_EQ(window.NextOpening(Seconds(60)), Seconds(604'800));
  EXPECT_EQ(window.NextOpening(Nanos{-1}), Nanos{}) << "times before the epoch are times too";
  EXPECT_TRUE(Window("22:00-06:00").Open(Seconds(-68'400)));
}

TEST(TimeWindow, IsOpenAlwaysByDefault) {
  EXPECT_TRUE(TimeWindow().Open(At(3, 0, 0)));
  EXPECT_EQ(TimeWindow().Text(), "00:00-24:00");
  EXPECT_EQ(Window("00:00-24:00"), TimeWindow());
}

TEST(TimeWindow, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "'' are no hours of a day"},
      {"22:00", "'22:00' are no hours of a day"},
      {"22:00-6:00", "'22:00-6:00' are no hours of a day"},
      {"22:00-06:60", "'22:00-06:60' are no hours of a day"},
      {"24:00-06:00", "'24:00-06:00' are no hours of a day"},
      {"22:00-24:01", "'22:00-24:01' are no hours of a day"},
      {"2a:00-23:00", "'2a:00-23:00' are no hours of a day"},
      {"22:00-06:00-07:00", "'22:00-06:00-07:00' are no hours of a day"},
      {"06:00-06:00", "it ends as it starts, and all day is 00:00-24:00"},
      {" 22:00-06:00", "'' is no day or range of days"},
      {"monday 22:00-06:00", "'monday' is no day or range of days"},
      {"mon 22:00-06:00 ", "'mon 22:00-06:00' is no day or range of days"},
      {"mon, 22:00-06:00", "'' is no day or range of days"},
      {"mon,,tue 22:00-06:00", "'' is no day or range of days"},
      {"mon-fri-sun 22:00-06:00", "'mon-fri-sun' is no day or range of days"},
  };
  for (const auto& [text, why] : cases) {
    const Result<TimeWindow> window = TimeWindow::Parse(text);
    ASSERT_FALSE(window.ok()) << text;
    EXPECT_EQ(window.status().message(), std::string("time window '") + text + "': " + why +
                                             ", expected days and hours as in 'mon-fri|sun 22:00-06:00'");
  }
  EXPECT_FALSE(TimeWindow::Make(-1, 5, 1).ok());
  EXPECT_FALSE(TimeWindow::Make(1440, 1, 1).ok());
  EXPECT_FALSE(TimeWindow::Make(1, 1441, 1).ok());
  EXPECT_FALSE(TimeWindow::Make(5, 5, 1).ok());
  EXPECT_FALSE(TimeWindow::Make(1, 5, 0).ok());
  EXPECT_FALSE(TimeWindow::Make(1, 5, 0x80).ok());
}

// Against looking at each minute of two weeks.
TEST(TimeWindow, OpensWhenAWalkThroughTheMinutesSaysSo) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const auto start = static_cast<int32_t>(random.Below(kMinutesOfDay));
    const auto end = static_cast<int32_t>(random.Below(kMinutesOfDay + 1));
    const auto days = static_cast<uint32_t>(random.Between(1, 127));
    if (start == end) {
      continue;
    }
    const TimeWindow window = *TimeWindow::Make(start, end, days);
    EXPECT_EQ(Window(window.Text()), window) << window.Text();
    const int length = end > start ? end - start : end - start + kMinutesOfDay;
    std::vector<bool> open(size_t{14} * kMinutesOfDay);
    for (int day = -1; day < 14; ++day) {
      for (int i = 0; i < length && (days >> ((day + 7) % 7) & 1) != 0; ++i) {
        const int minute = day * kMinutesOfDay + start + i;
        if (minute >= 0 && minute < 14 * kMinutesOfDay) {
          open[static_cast<size_t>(minute)] = true;
        }
      }
    }
    size_t next = open.size();
    for (size_t minute = open.size(); minute-- > 0;) {
      next = open[minute] ? minute : next;
      if (minute < size_t{6} * kMinutesOfDay) {
        const Nanos now = At(0, 0, static_cast<int>(minute));
        ASSERT_EQ(window.Open(now), open[minute]) << window.Text() << " at minute " << minute;
        ASSERT_EQ(window.NextOpening(now), At(0, 0, static_cast<int>(next)));
      }
    }
  }
}

}  // namespace
}  // namespace flexai::placement
