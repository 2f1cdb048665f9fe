// A mix of tasks with selectors, of services that spread over zones, and of gangs: a third of the tasks each.
#include <fmt/format.h>

#include "base/random.h"
#include "bed.h"
#include "placement/constraints.h"
#include "placement/gang.h"
#include "placement_suite.h"

namespace flexai::bench {
namespace {

using namespace placement;  // NOLINT(google-build-using-namespace): nearly every name is of there

constexpr int kZones = 8;

std::string Zone(int number) { return fmt::format("zone-{}", number % kZones); }

std::vector<NodeIdentity> Identities(size_t nodes) {
  std::vector<NodeIdentity> identities(nodes);
  for (size_t i = 0; i < nodes; ++i) {
    identities[i].labels = {{"zone", Zone(static_cast<int>(i))}, {"disk", i % 3 == 0 ? "ssd" : "disk"}};
    if (i % 20 == 7) {
      identities[i].taints = {{"dedicated", "research"}};
    }
  }
  return identities;
}

// What tasks with selectors ask for: two of the zones, fast disks, or all but one zone and the tainted nodes
// too.
std::vector<ClassRules> Selections() {
  std::vector<ClassRules> rules;
  for (int zone = 0; zone < kZones; ++zone) {
    rules.push_back({.selectors = {{"zone", Selector::kIn, {Zone(zone), Zone(zone + 1)}}}});
  }
  rules.push_back({.selectors = {{"disk", Selector::kIn, {"ssd"}}}});
  rules.push_back({.selectors = {{"disk", Selector::kIn, {"ssd"}}}, .tolerations = {{"dedicated", ""}}});
  rules.push_back({.selectors = {{"zone", Selector::kNotIn, {Zone(0)}}}, .tolerations = {{"dedicated", ""}}});
  return rules;
}

struct Job {
  TaskShape shape;
  ClassId rules = kNoRules;
  int members = 1;
  bool gang = false;
};

class Run {
 public:
  explicit Run(const Bed& bed)
      : bed_(bed),
        cluster_(bed.MakeCluster()),
        constraints_(Identities(bed.trace.nodes.size())),
        policy_(bed.MakeHi()),
        full_scan_(MakeFullScan(bed)) {}

  Status Draw() {
    std::vector<ClassId> selections;
    for (const ClassRules& rules : Selections()) {
      FLEXAI_ASSIGN_OR_RETURN(selections.emplace_back(), constraints_.Define(rules));
    }
    enum Kind { kSelector, kService, kGang, kKinds };
    int members[kKinds] = {};
    Random random(1);
    int64_t asked = 0;
    const double start = ThreadTime();
    for (size_t i = 0; asked * 10 < cluster_.device_capacity() * 13; ++i) {
      const auto kind = static_cast<Kind>(std::min_element(members, members + kKinds) - members);
      Job job{.shape = bed_.shape(i % bed_.size())};
      if (kind == kSelector) {
        job.rules = selections[random.Below(selections.size())];
      } else if (kind == kService) {
        job.members = static_cast<int>(random.Between(2, 16));
        FLEXAI_ASSIGN_OR_RETURN(
            job.rules, constraints_.Define({.name = fmt::format("service-{}", i), .spreads = {{"zone", 1}}}));
        ++services_;
      } else {
        job.members = static_cast<int>(random.Between(2, 8));
        job.gang = true;
      }
      members[kind] += job.members;
      asked += job.members * job.shape.device_milli();
      jobs_.push_back(job);
    }
    define_us_ = (ThreadTime() - start) / static_cast<double>(std::max<size_t>(services_, 1));
    return {};
  }

  Status Place() {
    for (const Job& job : jobs_) {
      tasks_ += job.members;
      if (job.gang) {
        PlaceAll(job);
        continue;
      }
      for (int i = 0; i < job.members; ++i) {
        FLEXAI_RETURN_IF_ERROR(PlaceOne(job));
      }
    }
    return {};
  }

  Rows Report(double target_us) const {
    const double mean = placing_us_ / tasks_;
    Rows rows;
    rows.push_back(WithReference(
        {.name = "decision_1213_constrained",
         .value = mean,
         .unit = "us",
         .target = fmt::format("<= {} us", target_us),
         .met = mean <= target_us,
         .note =
             fmt::format("mean of {} tasks, with clock reads around each and around gangs; a third each with "
                         "selectors, in {} services spread over {} "
                         "zones, and in gangs of 2 to 8; reference: mean of {} full scans on the way over "
                         "the nodes that the rules allow, with the same choices",
                         tasks_, services_, kZones, scans_)},
        scanning_us_ / scans_));
    rows.push_back({.name = "define_1213",
                    .value = define_us_,
                    .unit = "us",
                    .note = "a new service's rules, once before its tasks are placed"});
    return rows;
  }

 private:
  Status PlaceOne(const Job& job) {
    const Request request{job.shape, &constraints_.Allowed(job.rules)};
    const bool scanned = ++decisions_ % 16 == 0;
    std::optional<Placement> expected;
    if (scanned) {
      ++scans_;
      scanning_us_ += ThreadTimeOf([&] { expected = full_scan_->Choose(cluster_, request); });
    }
    const double start = WallTime();
    const std::optional<Placement> where = policy_->Choose(cluster_, request);
    if (where.has_value()) {
      FLEXAI_RETURN_IF_ERROR(cluster_.Take(job.shape, *where));
      constraints_.Placed(job.rules, where->cpu_node);
    }
    placing_us_ += WallTime() - start;
    return scanned && !Same(where, expected)
               ? Internal("a decision is not that of a full scan over the nodes that are allowed")
               : Status();
  }

  void PlaceAll(const Job& job) {
    Gang gang;
    gang.roles = {{job.shape, job.members, job.members}};
    const double start = WallTime();
    Transaction transaction(cluster_, &constraints_);
    if (PlaceGang(&transaction, cluster_, &constraints_, *policy_, gang).outcome == GangResult::kPlaced) {
      transaction.Commit();
    }
    placing_us_ += WallTime() - start;
  }

  const Bed& bed_;
  Cluster cluster_;
  Constraints constraints_;
  std::unique_ptr<Policy> policy_;
  std::unique_ptr<Policy> full_scan_;
  std::vector<Job> jobs_;
  size_t services_ = 0;
  double define_us_ = 0;
  int tasks_ = 0;
  size_t decisions_ = 0;
  int scans_ = 0;
  double placing_us_ = 0;
  double scanning_us_ = 0;
};

}  // namespace

Result<Rows> MeasureConstrained(size_t nodes) {
  const Bed bed = MakeBed(nodes);
  {
    Run warm_up(bed);
    FLEXAI_RETURN_IF_ERROR(warm_up.Draw());
    FLEXAI_RETURN_IF_ERROR(warm_up.Place());
  }
  Run run(bed);
  FLEXAI_RETURN_IF_ERROR(run.Draw());
  FLEXAI_RETURN_IF_ERROR(run.Place());
  return run.Report(20);
}

}  // namespace flexai::bench
