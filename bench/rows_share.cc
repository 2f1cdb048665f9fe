// share_error_*, share_cost, share_capped, share_burst: what tenants got, from their own completion logs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "os/monotonic_clock.h"
#include "share_judge.h"
#include "statistics.h"
#include "suite.h"

namespace flexai::bench {
namespace {

constexpr double kMs = 1e6;
constexpr int64_t kWarmUpNs = 1'500'000'000;

struct TenantPlan {
  int weight = 0;
  double kernel_ns = kMs;
};

struct Set {
  std::string name;
  std::vector<TenantPlan> tenants;
};

// Mixed: neighbours differ by up to 500 times in kernel length, and small shares have long kernels as well as
// short.
std::vector<Set> Sets() {
  std::vector<Set> sets{{"70_30_equal", {{70, kMs}, {30, kMs}}},
                        {"70_30_mixed", {{70, 0.1 * kMs}, {30, 50 * kMs}}},
                        {"50_30_20_equal", {{50, kMs}, {30, kMs}, {20, kMs}}},
                        {"50_30_20_mixed", {{50, 5 * kMs}, {30, 0.1 * kMs}, {20, 50 * kMs}}},
                        {"ten_equal", {}},
                        {"ten_mixed", {}}};
  const double lengths[] = {0.3, 50, 0.1, 20, 1, 10, 0.2, 5, 0.5, 2};
  for (int weight = 1; weight <= 10; ++weight) {
    sets[4].tenants.push_back({weight, kMs});
    sets[5].tenants.push_back({weight, lengths[weight - 1] * kMs});
  }
  return sets;
}

int TotalWeight(const Set& set) {
  int total = 0;
  for (const TenantPlan& tenant : set.tenants) {
    total += tenant.weight;
  }
  return total;
}

// A kernel's time natively and alone, launch gaps included: what one kernel of it is worth as work.
Result<std::vector<int64_t>> SoloTimes(const Suite& suite, LineClient& native, const Set& set) {
  std::vector<int64_t> solo_ns;
  for (const TenantPlan& tenant : set.tenants) {
    const int count = std::max(2, static_cast<int>(suite.Count(200, 20) * kMs / tenant.kernel_ns));
    const std::string command = fmt::format("throughput {} {}", suite.Iterations(tenant.kernel_ns), count);
    std::vector<double> rounds;
    for (int round = 0; round < 3; ++round) {
      FLEXAI_ASSIGN_OR_RETURN(const auto answer, native.Ask(command));
      rounds.push_back(answer.at("seconds").get<double>() * 1e9 / count);
    }
    solo_ns.push_back(static_cast<int64_t>(Median(rounds)));
  }
  return solo_ns;
}

// "iterations:solo_ns:weight" of one tenant.
std::string Kernel(const Suite& suite, const TenantPlan& tenant, int64_t solo_ns) {
  return fmt::format("{}:{}:{}", suite.Iterations(tenant.kernel_ns), solo_ns, tenant.weight);
}

TenantLog ReadLog(const nlohmann::json& answer, const std::vector<int64_t>& solo_ns) {
  TenantLog log;
  for (const auto& entry : answer.at("completions")) {
    const auto kind = entry[1].get<size_t>();
    log.completions.push_back({entry[0].get<int64_t>(), entry[2].get<int64_t>() * solo_ns.at(kind)});
  }
  return log;
}

// One client that runs the whole set's kernels in proportion to the weights: work done per second of wall
// time.
Result<double> RateOfOne(const Suite& suite, LineClient& client, const Set& set,
                         const std::vector<int64_t>& solo_ns) {
  std::vector<std::string> mix;
  for (size_t i = 0; i < set.tenants.size(); ++i) {
    mix.push_back(Kernel(suite, set.tenants[i], solo_ns[i]));
  }
  const int64_t start = os::MonotonicClock().Now().value;
  const int64_t duration = suite.quick ? 300'000'000 : 3'500'000'000;
  FLEXAI_ASSIGN_OR_RETURN(const auto answer,
                          client.Ask(fmt::format("tenant {} {} {}", start, duration, fmt::join(mix, ","))));
  const TenantLog log = ReadLog(answer, solo_ns);
  if (log.completions.size() < 2) {
    return Internal("A tenant alone completed nothing.");
  }
  const auto& first = log.completions.front();
  const auto& last = log.completions.back();
  return static_cast<double>(WorkIn(log, first.end_ns, last.end_ns)) /
         static_cast<double>(last.end_ns - first.end_ns);
}

// Rounded down, so that the requests never sum above the device.
int SharePermille(const TenantPlan& tenant, int total_weight) {
  return std::max(1, 1000 * tenant.weight / total_weight);
}

// One client per tenant, each on a vXPU of its weight's part of `total`.
Result<std::vector<LineClient>> StartTenants(const Suite& suite, const Set& set, int total) {
  std::vector<LineClient> clients;
  for (const TenantPlan& tenant : set.tenants) {
    const Vxpu vxpu{.share_permille = SharePermille(tenant, total), .memory = "64Mi"};
    FLEXAI_ASSIGN_OR_RETURN(LineClient client, suite.StartOn(vxpu));
    clients.push_back(std::move(client));
  }
  return clients;
}

struct Together {
  std::vector<TenantLog> logs;
  ShareWindows windows;
};

// `clients[i]` is the tenant `set.tenants[i]`; what is due is by the shares that they asked for.
Result<Together> RunTogether(const Suite& suite, const Set& set, const std::vector<int64_t>& solo_ns,
                             std::vector<LineClient>& clients) {
  Together run;
  const int64_t start = os::MonotonicClock().Now().value + 100'000'000;
  const int64_t warm_up = suite.quick ? 200'000'000 : kWarmUpNs;
  run.windows.start_ns = start + warm_up;
  run.windows.long_ns = suite.quick ? 1'000'000'000 : 10'000'000'000;
  run.windows.longest_kernel_ns = *std::max_element(solo_ns.begin(), solo_ns.end());
  const int64_t duration = warm_up + run.windows.long_ns + 100'000'000;
  for (size_t i = 0; i < clients.size(); ++i) {
    FLEXAI_RETURN_IF_ERROR(clients[i].Send(
        fmt::format("tenant {} {} {}", start, duration, Kernel(suite, set.tenants[i], solo_ns[i]))));
  }
  double asked = 0;
  for (size_t i = 0; i < clients.size(); ++i) {
    FLEXAI_ASSIGN_OR_RETURN(const auto answer, clients[i].Receive());
    run.logs.push_back(ReadLog(answer, {solo_ns[i]}));
    run.logs.back().due = SharePermille(set.tenants[i], TotalWeight(set));
    asked += run.logs.back().due;
  }
  for (TenantLog& log : run.logs) {
    log.due /= asked;
  }
  return run;
}

double RateTogether(const Together& run) {
  int64_t work = 0;
  for (const TenantLog& log : run.logs) {
    work += WorkIn(log, run.windows.start_ns, run.windows.start_ns + run.windows.long_ns);
  }
  return static_cast<double>(work) / static_cast<double>(run.windows.long_ns);
}

Measurement ErrorRow(const Set& set, const Together& run) {
  const ShareVerdict verdict = JudgeShares(run.logs, run.windows);
  std::vector<std::string> got;
  for (const double share : verdict.got) {
    got.push_back(fmt::format("{:.2f}", share * 100));
  }
  Measurement row{
      .name = "share_error_" + set.name, .value = verdict.worst(), .unit = "points", .target = "<= 0"};
  row.met = row.value <= 0;
  row.note = fmt::format("excess over 10 s {:.2f}, over 200 ms {:.2f}; got {} %", verdict.long_excess,
                         verdict.short_excess, fmt::join(got, " "));
  return row;
}

struct Rates {
  double together = 0;
  double one_vxpu = 0;
  double native = 0;
};

// The single vXPU and the native client run before and after the tenants; the mean of both is the reference.
Result<Rates> MeasureSet(const Suite& suite, LineClient& native, const Set& set, Rows* rows) {
  FLEXAI_ASSIGN_OR_RETURN(const std::vector<int64_t> solo_ns, SoloTimes(suite, native, set));
  Rates rates;
  for (int half = 0; half < 2; ++half) {
    {
      FLEXAI_ASSIGN_OR_RETURN(LineClient one, suite.StartOn({}));
      FLEXAI_ASSIGN_OR_RETURN(const double ours, RateOfOne(suite, one, set, solo_ns));
      FLEXAI_ASSIGN_OR_RETURN(const double theirs, RateOfOne(suite, native, set, solo_ns));
      rates.one_vxpu += ours / 2;
      rates.native += theirs / 2;
    }
    if (half == 0) {
      FLEXAI_ASSIGN_OR_RETURN(std::vector<LineClient> clients, StartTenants(suite, set, TotalWeight(set)));
      FLEXAI_ASSIGN_OR_RETURN(const Together run, RunTogether(suite, set, solo_ns, clients));
      rates.together = RateTogether(run);
      rows->push_back(ErrorRow(set, run));
    }
  }
  return rates;
}

}  // namespace

Result<Rows> MeasureShareError(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(LineClient native, suite.StartNative());
  Rows rows;
  Rows costs;
  for (const Set& set : Sets()) {
    if (!suite.Wants("share_error_" + set.name) && !suite.Wants("share_cost")) {
      continue;
    }
    FLEXAI_ASSIGN_OR_RETURN(const Rates rates, MeasureSet(suite, native, set, &rows));
    Measurement cost{.name = "share_cost_" + set.name, .value = rates.together * 100, .unit = "% of device"};
    cost = WithReference(cost, rates.one_vxpu * 100);
    cost.note = fmt::format("one vXPU at 100 %; ratio to native {:.4f}", rates.together / rates.native);
    costs.push_back(cost);
  }
  if (!costs.empty()) {
    const auto less = [](const Measurement& a, const Measurement& b) { return a.ratio < b.ratio; };
    Measurement worst = *std::min_element(costs.begin(), costs.end(), less);
    worst.note = worst.name + ": " + worst.note;
    worst.name = "share_cost";
    worst.target = "ratio >= 0.985";
    worst.met = *worst.ratio >= 0.985;
    rows.insert(rows.end(), costs.begin(), costs.end());
    rows.push_back(worst);
  }
  return rows;
}

Result<Rows> MeasureShareCapped(const Suite& suite) {
  const Set alone{"capped", {{1, kMs}}};
  FLEXAI_ASSIGN_OR_RETURN(LineClient native, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(const std::vector<int64_t> solo_ns, SoloTimes(suite, native, alone));
  FLEXAI_ASSIGN_OR_RETURN(LineClient capped, suite.StartOn({.share_permille = 300, .limit_permille = 300}));
  const int64_t start = os::MonotonicClock().Now().value;
  const int64_t warm_up = suite.quick ? 200'000'000 : kWarmUpNs;
  const int64_t window = suite.quick ? 1'000'000'000 : 10'000'000'000;
  FLEXAI_ASSIGN_OR_RETURN(const auto answer,
                          capped.Ask(fmt::format("tenant {} {} {}", start, warm_up + window,
                                                 Kernel(suite, alone.tenants[0], solo_ns[0]))));
  const TenantLog log = ReadLog(answer, solo_ns);
  const int64_t work = WorkIn(log, start + warm_up, start + warm_up + window);
  Measurement row{.name = "share_capped",
                  .value = 100.0 * static_cast<double>(work) / static_cast<double>(window),
                  .unit = "% of device",
                  .target = "30 +- 1"};
  row = WithReference(row, 30);
  row.met = std::abs(row.value - 30) <= 1;
  return Rows{row};
}

// Weights 50, 30 and 20 with the last one idle: the others get 62.5 and 37.5.
Result<Rows> MeasureShareBurst(const Suite& suite) {
  const Set busy{"burst", {{50, kMs}, {30, kMs}}};
  FLEXAI_ASSIGN_OR_RETURN(LineClient native, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(const std::vector<int64_t> solo_ns, SoloTimes(suite, native, busy));
  FLEXAI_ASSIGN_OR_RETURN(const LineClient idle, suite.StartOn({.share_permille = 200, .memory = "512Mi"}));
  FLEXAI_ASSIGN_OR_RETURN(std::vector<LineClient> clients, StartTenants(suite, busy, 100));
  FLEXAI_ASSIGN_OR_RETURN(const Together run, RunTogether(suite, busy, solo_ns, clients));
  const ShareVerdict verdict = JudgeShares(run.logs, run.windows);
  Measurement row{.name = "share_burst", .value = verdict.long_excess, .unit = "points", .target = "<= 0"};
  row.met = row.value <= 0;
  row.note = fmt::format("weights 50, 30 and an idle 20; got {:.2f} and {:.2f} %, due 62.50 and 37.50",
                         verdict.got[0] * 100, verdict.got[1] * 100);
  return Rows{row};
}

}  // namespace flexai::bench
