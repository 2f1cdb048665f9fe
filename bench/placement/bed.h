// What the rows of the placement suite stand on: the sample cluster with tasks that come, and the clocks.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "placement/policy.h"
#include "simulator/arrivals.h"
#include "simulator/sample.h"

namespace flexai::bench {

// Tasks come as the arrival-only protocol has it, until they asked for 130 % of all devices.
struct Bed {
  simulator::Trace trace;
  simulator::Arrivals arrivals;
  std::vector<placement::TypicalTask> typical;

  size_t size() const { return arrivals.pods.size(); }
  const placement::TaskShape& shape(size_t arrival) const { return trace.pods[arrivals.pods[arrival]].shape; }
  placement::Cluster MakeCluster() const { return placement::Cluster(arrivals.nodes); }
  std::unique_ptr<placement::Policy> MakeHi() const;  // must not outlive this
};
Bed MakeBed(size_t nodes, uint64_t seed = 42);

// What most schedulers do, and what the suite compares with: rates every node, by the rater of hi, for each
// decision, and takes the best; the first among equals. So it decides as hi does.
std::unique_ptr<placement::Policy> MakeFullScan(const Bed& bed);

bool Same(const std::optional<placement::Placement>& a, const std::optional<placement::Placement>& b);

// Microseconds. Batches are timed by what this thread had of a processor, so that hardly counts what else
// runs on the machine; single decisions by CLOCK_MONOTONIC, which costs little to read.
double ThreadTime();
double WallTime();
double ThreadTimeOf(const std::function<void()>& work);

double HeapBytes();  // that are allocated now

}  // namespace flexai::bench
