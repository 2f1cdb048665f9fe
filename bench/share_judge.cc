#include "share_judge.h"

#include <algorithm>
#include <cmath>

namespace flexai::bench {
namespace {

std::vector<double> SharesIn(const std::vector<TenantLog>& tenants, int64_t from_ns, int64_t to_ns) {
  std::vector<double> shares;
  double total = 0;
  for (const TenantLog& tenant : tenants) {
    shares.push_back(static_cast<double>(WorkIn(tenant, from_ns, to_ns)));
    total += shares.back();
  }
  for (double& share : shares) {
    share = total > 0 ? share / total : 0;
  }
  return shares;
}

}  // namespace

int64_t WorkIn(const TenantLog& log, int64_t from_ns, int64_t to_ns) {
  const auto later = [](int64_t time, const Completion& completion) { return time < completion.end_ns; };
  const auto& all = log.completions;
  auto next = std::upper_bound(all.begin(), all.end(), from_ns, later);
  int64_t work = 0;
  for (; next != all.end() && next->end_ns <= to_ns; ++next) {
    work += next->work_ns;
  }
  return work;
}

ShareVerdict JudgeShares(const std::vector<TenantLog>& tenants, const ShareWindows& windows) {
  const auto points_of_a_kernel = [&](int64_t window_ns) {
    return 100.0 * static_cast<double>(windows.longest_kernel_ns) / static_cast<double>(window_ns);
  };
  ShareVerdict verdict;
  const int64_t end_ns = windows.start_ns + windows.long_ns;
  verdict.got = SharesIn(tenants, windows.start_ns, end_ns);
  verdict.long_excess = -100;
  verdict.short_excess = -100;
  for (size_t i = 0; i < tenants.size(); ++i) {
    const double due = tenants[i].due * 100;
    const double allowed = std::max(0.5, 0.03 * due) + points_of_a_kernel(windows.long_ns);
    verdict.long_excess = std::max(verdict.long_excess, std::abs(verdict.got[i] * 100 - due) - allowed);
  }
  const double allowed = 5 + points_of_a_kernel(windows.short_ns);
  for (int64_t from = windows.start_ns; from + windows.short_ns <= end_ns; from += windows.step_ns) {
    const std::vector<double> got = SharesIn(tenants, from, from + windows.short_ns);
    for (size_t i = 0; i < tenants.size(); ++i) {
      verdict.short_excess =
          std::max(verdict.short_excess, std::abs(got[i] - tenants[i].due) * 100 - allowed);
    }
  }
  return verdict;
}

}  // namespace flexai::bench
