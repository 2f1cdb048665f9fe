// Pictures of the device's use over time: for a terminal, and as SVG. Pure.
#pragma once

#include <string>
#include <vector>

#include "outcome.h"

namespace flexai::demo {

// Use of the device in equal steps of a run's time. `tasks[i][bin]` is task i's part of the busy fraction
// `total[bin]`; where tasks overlapped on the device, the union is divided between them by their own times.
struct Timeline {
  double seconds = 0;
  std::vector<double> total;
  std::vector<std::vector<double>> tasks;
};
Timeline MakeTimeline(const RunOutcome& run, double bin_seconds);

// A line of eighth-blocks per run, all on one time scale.
std::string TextPicture(const Demo& demo, int columns);

std::string SvgPicture(const Demo& demo);

}  // namespace flexai::demo
