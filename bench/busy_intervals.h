// When a device was busy: the union of its commands' intervals.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace flexai::bench {

// Nanoseconds of one clock; start < end.
struct Interval {
  int64_t start_ns = 0;
  int64_t end_ns = 0;
};

// Sorted, without overlap: what any of `intervals` covers.
std::vector<Interval> Union(std::vector<Interval> intervals);

// How much of [from_ns, to_ns) `merged` (a Union) covers.
int64_t Covered(const std::vector<Interval>& merged, int64_t from_ns, int64_t to_ns);

// The covered fraction of each of `bins` equal parts of [from_ns, to_ns).
std::vector<double> Utilisation(const std::vector<Interval>& merged, int64_t from_ns, int64_t to_ns,
                                int bins);

// The log of libflexai-busy-layer.so: a line "START END" per command. Fails on a missing file or a malformed
// line.
Result<std::vector<Interval>> ReadBusyLog(const std::string& path);

}  // namespace flexai::bench
