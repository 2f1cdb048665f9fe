// Hours of the day in which something may happen, for example tasks of low priority start.
//
// Times are nanoseconds since the epoch (1970-01-01 00:00, a Thursday) in the one fixed offset that whoever
// wrote the window thinks in: there is no summer time here, the caller adds the offset. Thread safety:
// values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/units.h"

namespace flexai::placement {

inline constexpr int32_t kMinutesOfDay = 24 * 60;

class TimeWindow {
 public:
  // Always open.
  TimeWindow() = default;
  // Open from minute `start` of the day (0 to 1439) to just before minute `end` (0 to 1440), which lies on
  // the next day if it is not after the start; on the days of the mask (bit 0: Monday), of which that of the
  // start counts. kInvalidArgument for other minutes, equal ones, and a mask without a day or with an eighth.
  static Result<TimeWindow> Make(int32_t start, int32_t end, uint32_t days);

  // "22:00-06:00", "mon-fri 22:00-06:00", "sat,sun 00:00-24:00": days and ranges of days, which may run over
  // Sunday, with , or | between them, then hours. kInvalidArgument with the text and what is wrong with it.
  static Result<TimeWindow> Parse(std::string_view text);
  // As Parse reads it: "mon,tue 22:00-06:00", without the days if they are all; all day is "00:00-24:00".
  std::string Text() const;

  bool Open(Nanos now) const;
  // The first time from `now` on at which the window is open: `now` itself if it is.
  Nanos NextOpening(Nanos now) const;

  bool operator==(const TimeWindow&) const = default;

 private:
  static constexpr uint32_t kEveryDay = 0x7f;

  int32_t start_ = 0;
  int32_t length_ = kMinutesOfDay;  // 1 to kMinutesOfDay
  uint32_t days_ = kEveryDay;
};

}  // namespace flexai::placement
