// Order statistics of samples.
#pragma once

#include <vector>

namespace flexai::bench {

// The p-quantile of `samples` (0 <= p <= 1) by the nearest-rank method; 0 if there are none.
double Quantile(std::vector<double> samples, double p);

// The middle sample, or the mean of the two in the middle; 0 if there are none.
double Median(std::vector<double> samples);

}  // namespace flexai::bench
