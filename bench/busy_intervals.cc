#include "busy_intervals.h"

#include <algorithm>
#include <sstream>

#include "os/files.h"

namespace flexai::bench {

std::vector<Interval> Union(std::vector<Interval> intervals) {
  std::sort(intervals.begin(), intervals.end(),
            [](const Interval& a, const Interval& b) { return a.start_ns < b.start_ns; });
  std::vector<Interval> merged;
  for (const Interval& interval : intervals) {
    if (!merged.empty() && interval.start_ns <= merged.back().end_ns) {
      merged.back().end_ns = std::max(merged.back().end_ns, interval.end_ns);
    } else {
      merged.push_back(interval);
    }
  }
  return merged;
}

int64_t Covered(const std::vector<Interval>& merged, int64_t from_ns, int64_t to_ns) {
  int64_t covered = 0;
  const auto ends_after = [](const Interval& interval, int64_t time) { return interval.end_ns <= time; };
  auto next = std::lower_bound(merged.begin(), merged.end(), from_ns, ends_after);
  for (; next != merged.end() && next->start_ns < to_ns; ++next) {
    covered += std::min(next->end_ns, to_ns) - std::max(next->start_ns, from_ns);
  }
  return covered;
}

std::vector<double> Utilisation(const std::vector<Interval>& merged, int64_t from_ns, int64_t to_ns,
                                int bins) {
  std::vector<double> utilisation;
  const double width = static_cast<double>(to_ns - from_ns) / bins;
  for (int bin = 0; bin < bins; ++bin) {
    const auto from = from_ns + static_cast<int64_t>(bin * width);
    const auto to = from_ns + static_cast<int64_t>((bin + 1) * width);
    utilisation.push_back(
        to > from ? static_cast<double>(Covered(merged, from, to)) / static_cast<double>(to - from) : 0);
  }
  return utilisation;
}

Result<std::vector<Interval>> ReadBusyLog(const std::string& path) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path, 1 << 30));
  std::vector<Interval> intervals;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    Interval interval;
    if (!(fields >> interval.start_ns >> interval.end_ns) || interval.end_ns < interval.start_ns) {
      return InvalidArgument(path + " has the malformed line \"" + line + "\".");
    }
    intervals.push_back(interval);
  }
  return intervals;
}

}  // namespace flexai::bench
