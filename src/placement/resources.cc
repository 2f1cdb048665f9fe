#include "placement/resources.h"

#include <algorithm>

namespace flexai::placement {
namespace {

template <typename Number>
double LargestPart(const Amounts<Number>& used, const Resources& capacity) {
  double largest = 0;
  const auto add = [&largest](Number part, int64_t whole) {
    if (whole > 0) {
      largest = std::max(largest, static_cast<double>(part) / static_cast<double>(whole));
    }
  };
  add(used.cpu_milli, capacity.cpu_milli);
  add(used.memory_mib, capacity.memory_mib);
  Number devices = 0;
  for (size_t model = 0; model < kMostModels; ++model) {
    add(used.device_milli[model], capacity.device_milli[model]);
    devices += capacity.device_milli[model] > 0 ? used.device_milli[model] : 0;
  }
  add(devices, capacity.total_device_milli());
  return largest;
}

}  // namespace

template <typename Number>
Amounts<Number>& Amounts<Number>::operator+=(const Amounts& other) {
  cpu_milli += other.cpu_milli;
  memory_mib += other.memory_mib;
  for (size_t model = 0; model < kMostModels; ++model) {
    device_milli[model] += other.device_milli[model];
  }
  return *this;
}

template <typename Number>
Amounts<Number>& Amounts<Number>::operator-=(const Amounts& other) {
  cpu_milli -= other.cpu_milli;
  memory_mib -= other.memory_mib;
  for (size_t model = 0; model < kMostModels; ++model) {
    device_milli[model] -= other.device_milli[model];
  }
  return *this;
}

template <typename Number>
Number Amounts<Number>::total_device_milli() const {
  Number total = 0;
  for (const Number milli : device_milli) {
    total += milli;
  }
  return total;
}

template struct Amounts<int64_t>;
template struct Amounts<double>;

double DominantShare(const Resources& used, const Resources& capacity) { return LargestPart(used, capacity); }
double DominantShare(const MeanResources& used, const Resources& capacity) {
  return LargestPart(used, capacity);
}

}  // namespace flexai::placement
