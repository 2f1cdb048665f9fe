// What a suite measured: printed as a table and written as build/bench/SUITE.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace flexai::bench {

// One row. `value` is ours and `reference` the native (or otherwise named) figure of the same run, in `unit`.
struct Measurement {
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<double> reference;
  std::optional<double> ratio;  // value / reference
  std::string target;           // empty: reported only
  std::optional<bool> met;      // set exactly if there is a target
  std::string note;             // where the figure comes from, one clause
};

// `measurement` with its ratio filled from value and reference.
Measurement WithReference(Measurement measurement, double reference);

struct Report {
  std::string suite;
  std::string machine;
  std::string date;    // ISO 8601, UTC
  std::string commit;  // with "-dirty" if the tree had changes
  std::vector<Measurement> results;
};

// Columns: name, value, unit, reference, ratio, target, met.
std::string FormatTable(const std::vector<Measurement>& results);

std::string ToJson(const Report& report);

// Processor, cores, memory and kernel of this machine, one line.
std::string DescribeMachine();
std::string UtcNow();
// The commit of the source tree that this program was built from; "unknown" outside a repository.
std::string CurrentCommit(const std::string& source_folder);

}  // namespace flexai::bench
