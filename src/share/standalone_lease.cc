#include "share/standalone_lease.h"

#include <fmt/format.h>

namespace flexai::share {

Status StandaloneLease::Charge(uint32_t lane, int64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (lane >= available_.size()) {
    return InvalidArgument(fmt::format("there is no lane {}", lane));
  }
  Bytes& available = available_[lane];
  if (bytes <= 0) {
    available.value += static_cast<uint64_t>(-bytes);
    return {};
  }
  if (static_cast<uint64_t>(bytes) > available.value) {
    return ResourceExhausted(fmt::format("{} more do not fit in the memory quota, of which {} are left",
                                         FormatBytes({static_cast<uint64_t>(bytes)}),
                                         FormatBytes(available)));
  }
  available.value -= static_cast<uint64_t>(bytes);
  return {};
}

Bytes StandaloneLease::Available(uint32_t lane) const {
  const std::lock_guard lock(mutex_);
  return lane < available_.size() ? available_[lane] : Bytes{};
}

}  // namespace flexai::share
