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

bool Names(const QueueLimits& guaranteed, const Resources& asked) {
  return (asked.cpu_milli > 0 && guaranteed.cpu_milli) || (asked.memory_mib > 0 && guaranteed.memory_mib) ||
         asked.total_device_milli() > 0;
}

bool Covers(const QueueLimits& guaranteed, const Resources& used, const Resources& more) {
  for (int model = 0; model < kMostModels; ++model) {
    if (more.device_milli[static_cast<size_t>(model)] > 0 && !guaranteed.device_milli &&
        !guaranteed.model_milli.contains(model)) {
      return false;
    }
  }
  return Names(guaranteed, more) && Fits(guaranteed, used, more);
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

void Headroom::Narrow(const Headroom& other) {
  cpu_milli = std::min(cpu_milli, other.cpu_milli);
  memory_mib = std::min(memory_mib, other.memory_mib);
  device_milli = std::min(device_milli, other.device_milli);
  for (size_t model = 0; model < model_milli.size(); ++model) {
    model_milli[model] = std::min(model_milli[model], other.model_milli[model]);
  }
}

bool Headroom::Fits(const TaskShape& taken, int model) const {
  const auto fits = [](int64_t amount, int64_t left) { return amount <= 0 || amount <= left; };
  return fits(taken.cpu_milli, cpu_milli) && fits(taken.memory_mib, memory_mib) &&
         fits(taken.device_milli(), device_milli) &&
         fits(taken.device_milli(), model_milli[static_cast<size_t>(model)]);
}

void Headroom::Take(const TaskShape& taken, int model) {
  cpu_milli -= taken.cpu_milli;
  memory_mib -= taken.memory_mib;
  device_milli -= taken.device_milli();
  model_milli[static_cast<size_t>(model)] -= taken.device_milli();
}

Headroom LeftOf(const QueueLimits& limits, const Resources& used) {
  Headroom left;
  if (limits.cpu_milli) {
    left.cpu_milli = *limits.cpu_milli - used.cpu_milli;
  }
  if (limits.memory_mib) {
    left.memory_mib = *limits.memory_mib - used.memory_mib;
  }
  if (limits.device_milli) {
    left.device_milli = *limits.device_milli - used.total_device_milli();
  }
  for (const auto& [model, bound] : limits.model_milli) {
    const auto i = static_cast<size_t>(model);
    left.model_milli[i] = bound - used.device_milli[i];
  }
  return left;
}

Headroom LeftOfGuarantee(const QueueLimits& guaranteed, const Resources& used, const Resources& asked) {
  Headroom left = LeftOf(guaranteed, used);
  if (!Names(guaranteed, asked)) {
    left.cpu_milli = 0;
    left.memory_mib = 0;
  }
  for (int model = 0; model < kMostModels && !guaranteed.device_milli; ++model) {
    if (!guaranteed.model_milli.contains(model)) {
      left.model_milli[static_cast<size_t>(model)] = 0;
    }
  }
  return left;
}

}  // namespace flexai::placement
