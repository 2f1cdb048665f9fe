// Single tasks, one after another: until the cluster is full and beyond, and coming and going when it is.
#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "bed.h"
#include "placement_suite.h"
#include "statistics.h"

namespace flexai::bench {
namespace {

using placement::Cluster;
using placement::Placement;
using placement::Policy;
using placement::TaskShape;

constexpr size_t kBatches = 64;
constexpr size_t kRatedByScans = 4'000'000;  // nodes, in all full scans of a run

struct Side {
  Cluster cluster;
  std::unique_ptr<Policy> policy;

  // A decision is both, the choice and the books.
  Status Decide(const TaskShape& shape, std::optional<Placement>* where) {
    *where = policy->Choose(cluster, shape);
    return where->has_value() ? cluster.Take(shape, **where) : Status();
  }
};

struct Times {
  double batches_us = 0;           // of all decisions, without clock reads among them
  std::vector<double> singles_us;  // each by itself
  std::vector<double> scans_us;    // of some of these decisions
  double heap_bytes = 0;           // of one cluster and its policy at the end
};

// The same decisions twice, in turns of a batch, so that batches and single ones see the same machine.
Status Run(const Bed& bed, size_t arrivals, Times* times) {
  const size_t scans = std::clamp<size_t>(kRatedByScans / bed.trace.nodes.size(), 32, 2'000);
  const size_t scan_every = std::max<size_t>(arrivals / scans, 1);
  times->singles_us.reserve(arrivals);
  times->scans_us.reserve(arrivals / scan_every + 1);
  const std::unique_ptr<Policy> full_scan = MakeFullScan(bed);
  const double heap_before = HeapBytes();
  Side batched{bed.MakeCluster(), bed.MakeHi()};
  Side single{bed.MakeCluster(), bed.MakeHi()};
  std::optional<Placement> where;
  const size_t batch = (arrivals + kBatches - 1) / kBatches;
  for (size_t begin = 0; begin < arrivals; begin += batch) {
    const size_t end = std::min(begin + batch, arrivals);
    const double start = ThreadTime();
    for (size_t i = begin; i < end; ++i) {
      FLEXAI_RETURN_IF_ERROR(batched.Decide(bed.shape(i), &where));
    }
    times->batches_us += ThreadTime() - start;
    for (size_t i = begin; i < end; ++i) {
      std::optional<Placement> expected;
      if (i % scan_every == 0) {
        const double scan_start = WallTime();
        expected = full_scan->Choose(single.cluster, bed.shape(i));
        times->scans_us.push_back(WallTime() - scan_start);
      }
      const double single_start = WallTime();
      FLEXAI_RETURN_IF_ERROR(single.Decide(bed.shape(i), &where));
      times->singles_us.push_back(WallTime() - single_start);
      if (i % scan_every == 0 && !Same(where, expected)) {
        return Internal(fmt::format("decision {} is not that of a full scan over all nodes", i));
      }
    }
  }
  if (batched.cluster.device_taken() != single.cluster.device_taken()) {
    return Internal("the same tasks led to different decisions");
  }
  times->heap_bytes = (HeapBytes() - heap_before) / 2;
  return {};
}

double Mean(const std::vector<double>& samples) {
  double sum = 0;
  for (const double sample : samples) {
    sum += sample;
  }
  return samples.empty() ? 0 : sum / static_cast<double>(samples.size());
}

}  // namespace

Result<Rows> MeasureDecisions(size_t nodes, double target_us, const std::string& suffix) {
  const Bed bed = MakeBed(nodes);
  Times warm_up;
  FLEXAI_RETURN_IF_ERROR(Run(bed, std::min<size_t>(bed.size(), 10'000), &warm_up));
  Times times;
  FLEXAI_RETURN_IF_ERROR(Run(bed, bed.size(), &times));
  const double mean = times.batches_us / static_cast<double>(bed.size());
  const double scan = Mean(times.scans_us);
  const std::string name = "decision_" + suffix;
  Rows rows;
  rows.push_back(WithReference(
      {.name = name,
       .value = mean,
       .unit = "us",
       .target = fmt::format("<= {} us", target_us),
       .met = mean <= target_us,
       .note = fmt::format("mean of {} decisions in {} batches, from an empty cluster until tasks asked for "
                           "130 % of it; reference: mean of {} full scans on the way, with the same choices",
                           bed.size(), kBatches, times.scans_us.size())},
      scan));
  rows.push_back({.name = name + "_single",
                  .value = Mean(times.singles_us),
                  .unit = "us",
                  .note = "mean of the same decisions, with two clock reads around each"});
  rows.push_back(WithReference({.name = name + "_p99",
                                .value = Quantile(times.singles_us, 0.99),
                                .unit = "us",
                                .note = "of those, with the clock reads; reference: of the full scans"},
                               Quantile(times.scans_us, 0.99)));
  rows.push_back(WithReference(
      {.name = name + "_rate", .value = 1e6 / mean, .unit = "1/s", .note = "one core, from the batches"},
      1e6 / scan));
  rows.push_back({.name = "memory_" + suffix,
                  .value = times.heap_bytes / static_cast<double>(nodes),
                  .unit = "B/node",
                  .note = "heap of cluster and policy at the end, by the allocator's count"});
  return rows;
}

Result<Rows> MeasureChurn(size_t nodes, size_t arrivals, const std::string& suffix) {
  constexpr double kFull = 0.95;
  const Bed bed = MakeBed(nodes);
  Side side{bed.MakeCluster(), bed.MakeHi()};
  const auto most = static_cast<int64_t>(kFull * static_cast<double>(side.cluster.device_capacity()));
  struct Running {
    TaskShape shape;
    Placement where;
  };
  std::vector<Running> running;
  Random random(1);
  size_t next = 0;
  size_t departures = 0;
  size_t dropped = 0;
  std::optional<Placement> where;
  const auto arrive = [&]() -> Status {
    const TaskShape& shape = bed.shape(next++ % bed.size());
    FLEXAI_RETURN_IF_ERROR(side.Decide(shape, &where));
    if (where.has_value()) {
      running.push_back({shape, *where});
    } else {
      ++dropped;
    }
    // Somebody leaves also for one who found no room, else tasks without devices would fill the CPU for good.
    bool leave = !where.has_value();
    while (leave || side.cluster.device_taken() > most) {
      std::swap(running[random.Below(running.size())], running.back());
      side.cluster.Give(running.back().shape, running.back().where);
      running.pop_back();
      ++departures;
      leave = false;
    }
    return {};
  };
  while (departures < arrivals / 4) {
    FLEXAI_RETURN_IF_ERROR(arrive());
  }
  departures = 0;
  dropped = 0;
  const double start = ThreadTime();
  for (size_t i = 0; i < arrivals; ++i) {
    FLEXAI_RETURN_IF_ERROR(arrive());
  }
  const double mean = (ThreadTime() - start) / static_cast<double>(arrivals);
  return Rows{{.name = "churn_" + suffix,
               .value = mean,
               .unit = "us",
               .note = fmt::format("mean of {} arrivals with {} departures among them, at {} % full; {} of "
                                   "them found no room",
                                   arrivals, departures, 100 * kFull, dropped)}};
}

}  // namespace flexai::bench
