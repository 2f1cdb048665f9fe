#include "simulator/waits.h"

#include <algorithm>

namespace flexai::simulator {

void WaitBook::Add(double seconds, bool started, int64_t device_milli) {
  seconds_.push_back(seconds);
  started_ += started ? 1 : 0;
  weighted_ += seconds * static_cast<double>(device_milli);
  weight_ += static_cast<double>(device_milli);
}

Waits WaitBook::Summary() const {
  Waits summary;
  summary.jobs = seconds_.size();
  summary.started = started_;
  if (seconds_.empty()) {
    return summary;
  }
  double sum = 0;
  for (const double wait : seconds_) {
    sum += wait;
  }
  summary.mean = sum / static_cast<double>(seconds_.size());
  summary.mean_by_device = weight_ > 0 ? weighted_ / weight_ : 0;
  std::vector<double> sorted = seconds_;
  const auto rank = sorted.begin() + static_cast<ptrdiff_t>((sorted.size() * 99 + 99) / 100 - 1);
  std::nth_element(sorted.begin(), rank, sorted.end());
  summary.p99 = *rank;
  return summary;
}

}  // namespace flexai::simulator
