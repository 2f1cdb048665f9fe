// Copies of a cluster, as who plans ahead makes them.
#include <fmt/format.h>

#include "bed.h"
#include "placement_suite.h"

namespace flexai::bench {

using placement::Cluster;
using placement::Placement;

Result<Rows> MeasureSnapshot(size_t nodes, const std::string& suffix) {
  constexpr size_t kCopies = 100;
  const Bed bed = MakeBed(nodes);
  Cluster cluster = bed.MakeCluster();
  const auto policy = bed.MakeHi();
  for (size_t i = 0; i < bed.size(); ++i) {
    const std::optional<Placement> where = policy->Choose(cluster, bed.shape(i));
    if (where.has_value()) {
      FLEXAI_RETURN_IF_ERROR(cluster.Take(bed.shape(i), *where));
    }
  }
  std::vector<Cluster> copies;
  copies.reserve(kCopies);
  const double heap = HeapBytes();
  const double copying = ThreadTimeOf([&] {
    for (size_t i = 0; i < kCopies; ++i) {
      copies.push_back(cluster);
    }
  });
  const double bytes = (HeapBytes() - heap) / kCopies + sizeof(Cluster);
  const double anew = ThreadTimeOf([&] { copies.front() = Cluster(bed.arrivals.nodes); });
  const std::string name = "snapshot_" + suffix;
  return Rows{
      WithReference({.name = name,
                     .value = copying / kCopies,
                     .unit = "us",
                     .note = fmt::format("mean of {} copies of a full cluster of {} nodes; reference: "
                                         "making an empty one",
                                         kCopies, nodes)},
                    anew),
      {.name = name + "_bytes",
       .value = bytes,
       .unit = "B",
       .note = "of one copy that shares the rest, by the allocator's count"}};
}

}  // namespace flexai::bench
