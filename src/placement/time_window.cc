#include "placement/time_window.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace flexai::placement {
namespace {

constexpr int64_t kMinute = Seconds(60).value;
constexpr int64_t kDay = kMinute * kMinutesOfDay;
constexpr int kDays = 7;
constexpr int64_t kEpochDay = 3;  // Thursday
constexpr std::array<std::string_view, kDays> kNames = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// Days since the epoch, rounded down, also before it.
int64_t DayOf(Nanos now) { return now.value / kDay - (now.value % kDay < 0 ? 1 : 0); }

int DayOfWeek(int64_t day) { return static_cast<int>(((day + kEpochDay) % kDays + kDays) % kDays); }

std::optional<int> ParseDay(std::string_view text) {
  const auto found = std::find(kNames.begin(), kNames.end(), text);
  return found == kNames.end() ? std::nullopt : std::optional(static_cast<int>(found - kNames.begin()));
}

// "mon" or "mon-fri"; null if it is neither.
std::optional<uint32_t> ParseDays(std::string_view text) {
  const size_t dash = text.find('-');
  const std::optional<int> first = ParseDay(text.substr(0, dash));
  const std::optional<int> last = dash == std::string_view::npos ? first : ParseDay(text.substr(dash + 1));
  if (!first || !last) {
    return std::nullopt;
  }
  uint32_t days = uint32_t{1} << *last;
  for (int day = *first; day != *last; day = (day + 1) % kDays) {
    days |= uint32_t{1} << day;
  }
  return days;
}

// "HH:MM" up to 24:00; null if it is no such thing.
std::optional<int32_t> ParseMinute(std::string_view text) {
  const auto digit = [&text](size_t at) { return text[at] - '0'; };
  if (text.size() != 5 || text[2] != ':') {
    return std::nullopt;
  }
  for (const size_t at : {0, 1, 3, 4}) {
    if (digit(at) < 0 || digit(at) > 9) {
      return std::nullopt;
    }
  }
  const int minutes = digit(3) * 10 + digit(4);
  const int32_t minute = (digit(0) * 10 + digit(1)) * 60 + minutes;
  return minutes > 59 || minute > kMinutesOfDay ? std::nullopt : std::optional(minute);
}

Status BadWindow(std::string_view text, std::string_view why) {
  return InvalidArgument(fmt::format(
      "time window '{}': {}, expected days and hours as in 'mon-fri|sun 22:00-06:00'", text, why));
}

}  // namespace

Result<TimeWindow> TimeWindow::Make(int32_t start, int32_t end, uint32_t days) {
  if (start < 0 || start >= kMinutesOfDay || end < 0 || end > kMinutesOfDay || start == end) {
    return InvalidArgument(
        fmt::format("a time window from minute {} to {} of the day, expected two that differ, from 0 to {}",
                    start, end, kMinutesOfDay));
  }
  if (days == 0 || days > kEveryDay) {
    return InvalidArgument(
        fmt::format("a time window on days {:#x}, expected 0x1 to {:#x}", days, kEveryDay));
  }
  TimeWindow window;
  window.start_ = start;
  window.length_ = end > start ? end - start : end - start + kMinutesOfDay;
  window.days_ = days;
  return window;
}

Result<TimeWindow> TimeWindow::Parse(std::string_view text) {
  const size_t space = text.rfind(' ');
  uint32_t days = kEveryDay;
  std::string_view hours = text;
  if (space != std::string_view::npos) {
    hours = text.substr(space + 1);
    days = 0;
    std::string_view left = text.substr(0, space);
    for (bool more = true; more;) {
      const size_t separator = std::min(left.find_first_of(",|"), left.size());
      const std::optional<uint32_t> some = ParseDays(left.substr(0, separator));
      if (!some) {
        return BadWindow(text, fmt::format("'{}' is no day or range of days", left.substr(0, separator)));
      }
      days |= *some;
      more = separator < left.size();
      left.remove_prefix(std::min(separator + 1, left.size()));
    }
  }
  const size_t dash = std::min(hours.find('-'), hours.size());
  const std::optional<int32_t> start = ParseMinute(hours.substr(0, dash));
  const std::optional<int32_t> end = ParseMinute(hours.substr(std::min(dash + 1, hours.size())));
  if (!start || !end || *start == kMinutesOfDay) {
    return BadWindow(text, fmt::format("'{}' are no hours of a day", hours));
  }
  if (*start == *end) {
    return BadWindow(text, "it ends as it starts, and all day is 00:00-24:00");
  }
  return Make(*start, *end, days);
}

std::string TimeWindow::Text() const {
  std::string days;
  for (size_t day = 0; days_ != kEveryDay && day < kNames.size(); ++day) {
    if ((days_ >> day & 1) != 0) {
      days += (days.empty() ? "" : ",") + std::string(kNames[day]);
    }
  }
  const int32_t sum = start_ + length_;
  const int32_t end = sum > kMinutesOfDay ? sum - kMinutesOfDay : sum;
  return fmt::format("{}{}{:02}:{:02}-{:02}:{:02}", days, days.empty() ? "" : " ", start_ / 60, start_ % 60,
                     end / 60, end % 60);
}

bool TimeWindow::Open(Nanos now) const { return NextOpening(now) == now; }

Nanos TimeWindow::NextOpening(Nanos now) const {
  const int64_t today = DayOf(now);
  // From the window that started yesterday and may still be open, to the one in a week.
  for (int64_t day = today - 1; day <= today + kDays; ++day) {
    if ((days_ >> DayOfWeek(day) & 1) != 0) {
      const Nanos start{day * kDay + start_ * kMinute};
      if (now < start + Nanos{length_ * kMinute}) {
        return std::max(now, start);
      }
    }
  }
  return now;  // not reached: a week has each day
}

}  // namespace flexai::placement
