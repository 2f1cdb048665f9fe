// How long jobs waited: what is reported of a group of them.
//
// Thread safety: values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace flexai::simulator {

// A group of jobs, by when they arrived within the window that counts.
struct Waits {
  size_t jobs = 0;
  size_t started = 0;
  double mean = 0;  // seconds spent waiting until the horizon, in all, also between interruptions
  double p99 = 0;
  // The mean over the devices that they ask for: a job with eight counts eight times, one without does not.
  double mean_by_device = 0;
};

class WaitBook {
 public:
  // `device_milli`: what all the members that the job needs ask for.
  void Add(double seconds, bool started, int64_t device_milli);
  Waits Summary() const;

 private:
  std::vector<double> seconds_;
  size_t started_ = 0;
  double weighted_ = 0;
  double weight_ = 0;
};

}  // namespace flexai::simulator
