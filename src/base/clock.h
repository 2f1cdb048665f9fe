// Time as an argument. Code that decides by time takes a Clock, so that tests pause and advance it.
#pragma once

#include "base/units.h"

namespace flexai {

// Monotonic time. Implementations are thread-safe. os/monotonic_clock.h has the real one.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Nanos Now() const = 0;
};

// A clock that stands still until it is advanced. Not thread-safe.
class ManualClock final : public Clock {
 public:
  Nanos Now() const override { return now_; }
  void Advance(Nanos by) { now_ = now_ + by; }
  void Set(Nanos now) { now_ = now; }

 private:
  Nanos now_{};
};

}  // namespace flexai
