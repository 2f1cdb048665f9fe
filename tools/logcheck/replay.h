// Replays the decisions of an arrival-only run and finds what breaks the rules: more taken than there is, a
// place that does not suit the task, a task dropped that would have fitted, a task that had to wait too long.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "simulator/openb.h"

namespace flexai::logcheck {

struct Report {
  size_t decisions = 0;
  size_t placed = 0;
  double allocated_percent = 0;       // of the devices, at the end
  std::vector<std::string> findings;  // "line N: ...", the first hundred
};

struct Rules {
  bool remote = false;  // what fits on no node may have its devices on another than its CPU and memory
  size_t batch = 1;     // so many tasks may be undecided at a time, and are then decided in any order
};

// Fails if the log can't be read at all.
Result<Report> Replay(const simulator::Trace& trace, std::string_view log, std::string_view log_name,
                      const Rules& rules);

}  // namespace flexai::logcheck
