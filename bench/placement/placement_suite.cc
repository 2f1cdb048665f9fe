#include "placement_suite.h"

namespace flexai::bench {

std::vector<Group> PlacementGroups(bool quick) {
  const auto decisions = [quick](size_t nodes, double target_us, const std::string& suffix) {
    const std::string name = "decision_" + suffix;
    return Group{{name, name + "_single", name + "_p99", name + "_rate", "memory_" + suffix},
                 [=] { return MeasureDecisions(quick ? nodes / 100 : nodes, target_us, suffix); }};
  };
  const size_t sample = quick ? 100 : 1'213;
  const int repeats = quick ? 1 : 5;
  return {
      decisions(1'213, 5, "1213"),
      decisions(10'000, 25, "10000"),
      decisions(100'000, 25, "100000"),
      {{"snapshot_1213", "snapshot_1213_bytes"}, [=] { return MeasureSnapshot(sample, "1213"); }},
      {{"snapshot_100000", "snapshot_100000_bytes"},
       [=] { return MeasureSnapshot(quick ? 1'000 : 100'000, "100000"); }},
      {{"churn_1213"}, [=] { return MeasureChurn(sample, quick ? 1'000 : 100'000, "1213"); }},
      {{"churn_10000"}, [=] { return MeasureChurn(quick ? 100 : 10'000, quick ? 1'000 : 100'000, "10000"); }},
      {{"decision_1213_constrained", "define_1213"}, [=] { return MeasureConstrained(sample); }},
      {{"gang_512", "gang_512_infeasible"},
       [=] { return MeasureGang(sample, quick ? 32 : 512, quick ? 1 : 21); }},
      {{"reclaim_2000", "reclaim_2000_choice", "reclaim_2000_by_8", "reclaim_2000_by_8_choice"},
       [=] { return MeasureReclaim(quick ? 20 : 500, repeats); }},
      {{"cycles_1213", "cycle_filling_1213"}, [=] { return MeasureCycles(sample, quick ? 10 : 1'000); }}};
}

}  // namespace flexai::bench
