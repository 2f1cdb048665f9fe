#include "placement/queue_limits.h"

#include <algorithm>

namespace flexai::placement {

bool IsNamed(const QueueLimits& bounds) { return bounds != QueueLimits(); }

bool Fits(const QueueLimits& limits, const Resources& used, const Resources& more) {
  const auto fits = [](const std::optional<int64_t>& bound, int64_t before, int64_t add) {
    return !bound || add <= 0 || before + add <= *bound;
  };
  if (!fits(limits.cpu_milli, used.cpu_milli, more.cpu_milli) ||
      !fits(limits.memory_mib, used.memory_mib, more.memory_mib) ||
      (limits.device_milli &&
       !fits(limits.device_milli, used.total_device_milli(), more.total_device_milli()))) {
    return false;
  }
  return std::all_of(limits.model_milli.begin(), limits.model_milli.end(), [&](const auto& entry) {
    const auto model = static_cast<size_t>(entry.first);
    return fits(entry.second, used.device_milli[model], more.device_milli[model]);
  });
}

bool Covers(const QueueLimits& guaranteed, const Resources& used, const Resources& more) {
  bool named = (more.cpu_milli > 0 && guaranteed.cpu_milli) || (more.memory_mib > 0 && guaranteed.memory_mib);
  for (int model = 0; model < kMostModels; ++model) {
    if (more.device_milli[static_cast<size_t>(model)] > 0) {
      if (!guaranteed.device_milli && !guaranteed.model_milli.contains(model)) {
        return false;
      }
      named = true;
    }
  }
  return named && Fits(guaranteed, used, more);
}

bool HasRoom(const QueueLimits& guaranteed, const Resources& used) {
  const auto below = [](int64_t amount, const std::optional<int64_t>& bound) {
    return !bound || amount < *bound;
  };
  if (!IsNamed(guaranteed) || !below(used.cpu_milli, guaranteed.cpu_milli) ||
      !below(used.memory_mib, guaranteed.memory_mib) ||
      (guaranteed.device_milli && used.total_device_milli() >= *guaranteed.device_milli)) {
    return false;
  }
  // Models stand in for one another: room of one of them is enough, or of none if devices are named in total.
  return guaranteed.device_milli || guaranteed.model_milli.empty() ||
         std::any_of(guaranteed.model_milli.begin(), guaranteed.model_milli.end(), [&](const auto& entry) {
           return used.device_milli[static_cast<size_t>(entry.first)] < entry.second;
         });
}

}  // namespace flexai::placement
