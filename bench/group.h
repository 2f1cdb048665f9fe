// A suite as its main program sees it: groups of rows that are measured together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "report.h"

namespace flexai::bench {

using Rows = std::vector<Measurement>;

struct Group {
  std::vector<std::string> rows;  // every name that it can report
  std::function<Result<Rows>()> measure;
};

// Whether the row is one of `only`, or begins with one. Empty: all are.
bool Wanted(const std::vector<std::string>& only, const std::string& row);

// Measures the groups with wanted rows. Rows of a group that could not be measured are there as missed, with
// the reason, and `*complete` is false.
Rows MeasureGroups(const std::vector<Group>& groups, const std::vector<std::string>& only, bool* complete);

}  // namespace flexai::bench
