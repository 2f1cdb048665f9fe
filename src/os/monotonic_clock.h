// The machine's CLOCK_MONOTONIC as a Clock. Thread-safe.
#pragma once

#include <time.h>

#include "base/clock.h"

namespace flexai::os {

class MonotonicClock final : public Clock {
 public:
  Nanos Now() const override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return {static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec};
  }
};

}  // namespace flexai::os
