#include "statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace flexai::bench {

double Quantile(std::vector<double> samples, double p) {
  if (samples.empty()) {
    return 0;
  }
  const auto count = static_cast<double>(samples.size());
  const auto rank = static_cast<ptrdiff_t>(std::max(1.0, std::ceil(p * count)));
  const auto nth = samples.begin() + std::min<ptrdiff_t>(rank, std::ssize(samples)) - 1;
  std::nth_element(samples.begin(), nth, samples.end());
  return *nth;
}

double Median(std::vector<double> samples) {
  if (samples.empty()) {
    return 0;
  }
  std::sort(samples.begin(), samples.end());
  const size_t middle = samples.size() / 2;
  return samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
}

}  // namespace flexai::bench
