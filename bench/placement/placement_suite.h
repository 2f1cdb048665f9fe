// The placement suite: Hi Scheduler's core in this process, on one core, without any cluster.
//
// Whatever is decided is decided by policy hi. What a figure is compared with is named in its note.
#pragma once

#include <vector>

#include "group.h"

namespace flexai::bench {

// In the order of the table. `quick`: every row once, on few nodes; figures without meaning.
std::vector<Group> PlacementGroups(bool quick);

// The groups, by file: rows_decisions.cc, rows_constrained.cc, rows_gang.cc, rows_scheduler.cc,
// rows_snapshot.cc. The nodes are in the rows' names; `nodes` are those that are measured.
Result<Rows> MeasureDecisions(size_t nodes, double target_us, const std::string& suffix);
Result<Rows> MeasureSnapshot(size_t nodes, const std::string& suffix);
Result<Rows> MeasureChurn(size_t nodes, size_t arrivals, const std::string& suffix);
Result<Rows> MeasureConstrained(size_t nodes);
Result<Rows> MeasureGang(size_t nodes, int members, int repeats);
Result<Rows> MeasureReclaim(size_t nodes, int repeats);
Result<Rows> MeasureCycles(size_t nodes, int cycles);

}  // namespace flexai::bench
