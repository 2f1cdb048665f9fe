// A large gang of identical members: where it fits, and where it does not by little.
#include <fmt/format.h>

#include "bed.h"
#include "placement/gang.h"
#include "placement/room.h"
#include "placement_suite.h"
#include "statistics.h"

namespace flexai::bench {
namespace {

using placement::Cluster;
using placement::Gang;
using placement::GangResult;
using placement::Policy;
using placement::TaskShape;
using placement::Transaction;

constexpr TaskShape kMember{.cpu_milli = 11'300, .memory_mib = 49'152, .devices = 1, .share_milli = 1'000};

// Lets tasks come until `until` says so.
Result<size_t> Fill(const Bed& bed, size_t next, Cluster* cluster, Policy* policy,
                    const std::function<bool()>& until) {
  for (; !until(); ++next) {
    if (next == bed.size()) {
      return Internal("the cluster did not become as full as is wanted");
    }
    const auto where = policy->Choose(*cluster, bed.shape(next));
    if (where.has_value()) {
      FLEXAI_RETURN_IF_ERROR(cluster->Take(bed.shape(next), *where));
    }
  }
  return next;
}

struct Times {
  double first_ms = 0;   // before any rating is remembered that only this gang needs
  double median_ms = 0;  // of several times, each from the same cluster
};

Result<Times> TimePlacing(Cluster* cluster, Policy* policy, int members, int repeats,
                          GangResult::Outcome expected) {
  Gang gang;
  gang.roles = {{kMember, members, members}};
  std::vector<double> times;
  for (int i = 0; i < repeats; ++i) {
    Transaction transaction(*cluster, nullptr);
    GangResult result;
    times.push_back(
        ThreadTimeOf([&] { result = PlaceGang(&transaction, *cluster, nullptr, *policy, gang); }));
    if (result.outcome != expected) {
      return Internal(fmt::format("the gang's outcome is {}, not {}", static_cast<int>(result.outcome),
                                  static_cast<int>(expected)));
    }
  }
  return Times{times.front() * 1e-3, Median(times) * 1e-3};
}

}  // namespace

Result<Rows> MeasureGang(size_t nodes, int members, int repeats) {
  constexpr double kTargetMs = 50;
  const Bed bed = MakeBed(nodes);
  Cluster cluster = bed.MakeCluster();
  const std::unique_ptr<Policy> policy = bed.MakeHi();
  const std::unique_ptr<Policy> full_scan = MakeFullScan(bed);
  size_t next = 0;
  FLEXAI_ASSIGN_OR_RETURN(next, Fill(bed, next, &cluster, policy.get(), [&cluster] {
                            return cluster.device_taken() * 2 >= cluster.device_capacity();
                          }));
  FLEXAI_ASSIGN_OR_RETURN(const Times fits,
                          TimePlacing(&cluster, policy.get(), members, repeats, GangResult::kPlaced));
  FLEXAI_ASSIGN_OR_RETURN(const Times scan,
                          TimePlacing(&cluster, full_scan.get(), members, 1, GangResult::kPlaced));
  int64_t room = 0;
  FLEXAI_ASSIGN_OR_RETURN(next, Fill(bed, next, &cluster, policy.get(), [&] {
                            room = RoomFor(cluster, {kMember, nullptr});
                            return room < members;
                          }));
  FLEXAI_ASSIGN_OR_RETURN(const Times fails,
                          TimePlacing(&cluster, policy.get(), members, repeats, GangResult::kInfeasible));
  Rows rows;
  rows.push_back(WithReference(
      {.name = "gang_512",
       .value = fits.median_ms,
       .unit = "ms",
       .target = fmt::format("<= {} ms", kTargetMs),
       .met = fits.median_ms <= kTargetMs,
       .note = fmt::format("{} members, a whole device each, on the sample cluster half full; "
                           "median of {}, the first took {:.2f} ms; reference: a full scan for each member",
                           members, repeats, fits.first_ms)},
      scan.median_ms));
  rows.push_back(
      WithReference({.name = "gang_512_infeasible",
                     .value = fails.median_ms,
                     .unit = "ms",
                     .target = "<= gang_512",
                     .met = fails.median_ms <= fits.median_ms,
                     .note = fmt::format("the same where there is room for {}; reference: gang_512", room)},
                    fits.median_ms));
  return rows;
}

}  // namespace flexai::bench
