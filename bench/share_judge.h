// Did each tenant get its share? Judged from the tenants' own completion logs: kernels times their solo
// native time.
#pragma once

#include <cstdint>
#include <vector>

namespace flexai::bench {

struct Completion {
  int64_t end_ns = 0;   // CLOCK_MONOTONIC, when the tenant saw it done
  int64_t work_ns = 0;  // kernels x solo native time
};

struct TenantLog {
  double due = 0;                       // fraction of the work that is the tenant's by its weight
  std::vector<Completion> completions;  // in order of time
};

// Work whose completion was seen in (from_ns, to_ns].
int64_t WorkIn(const TenantLog& log, int64_t from_ns, int64_t to_ns);

struct ShareVerdict {
  std::vector<double> got;  // per tenant, fraction of all work in the long window
  double long_excess = 0;   // points by which the worst tenant leaves its tolerance over the long window
  double short_excess = 0;  // the same over every short window
  double worst() const { return long_excess > short_excess ? long_excess : short_excess; }
};

struct ShareWindows {
  int64_t start_ns = 0;
  int64_t long_ns = 10'000'000'000;
  int64_t short_ns = 200'000'000;
  int64_t step_ns = 20'000'000;  // from one short window to the next
  int64_t longest_kernel_ns = 0;
};

// Tolerance over the long window: max(0.5 points, 3 % of due) + longest kernel / window; over each short one:
// 5 points + longest kernel / window. An excess <= 0 is within it. One point is 1 % of the device.
ShareVerdict JudgeShares(const std::vector<TenantLog>& tenants, const ShareWindows& windows);

}  // namespace flexai::bench
