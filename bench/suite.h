// The runtime suite: flexai against the native path.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "group.h"
#include "rig.h"

namespace flexai::bench {

inline constexpr const char* kClient = "flexai-bench-client";

struct Suite {
  Rig& rig;
  bool quick = false;             // a short smoke run: every path once, figures without meaning
  double ns_per_iteration = 0;    // of the spin kernel, natively, on this machine, now
  std::vector<std::string> only;  // names of rows, or beginnings of them; empty: all

  bool Wants(const std::string& row) const { return Wanted(only, row); }
  uint32_t Iterations(double kernel_ns) const { return static_cast<uint32_t>(kernel_ns / ns_per_iteration); }
  int Count(int full, int quick_count) const { return quick ? quick_count : full; }

  Result<LineClient> StartNative(const std::vector<std::string>& arguments = {}) const {
    return LineClient::Start(rig.Native(kClient, arguments));
  }
  Result<LineClient> StartOn(const Vxpu& vxpu, const std::vector<std::string>& arguments = {}) const {
    return LineClient::Start(rig.OnVxpu(vxpu, kClient, arguments));
  }
};

// In the order of the table. Each takes both clients natively and on a vXPU within one run, interleaved.
// `suite` must outlive them.
std::vector<Group> RuntimeGroups(const Suite& suite, const std::string& demo_program);

// The groups, by file: rows_kernels.cc, rows_transfer.cc, rows_share.cc, rows_priority.cc, rows_lifetime.cc.
Result<Rows> MeasureThroughput(const Suite& suite);
Result<Rows> MeasureEnqueue(const Suite& suite);
Result<Rows> MeasureRoundTrip(const Suite& suite);
Result<Rows> MeasureTransfer(const Suite& suite);
Result<Rows> MeasureShareError(const Suite& suite);
Result<Rows> MeasureShareCapped(const Suite& suite);
Result<Rows> MeasureShareBurst(const Suite& suite);
Result<Rows> MeasurePriority(const Suite& suite);
Result<Rows> MeasureAttach(const Suite& suite);
Result<Rows> MeasureAttachByRun(const Suite& suite);
Result<Rows> MeasureIdle(const Suite& suite);
Result<Rows> MeasureDemo(const Suite& suite, const std::string& demo_program);

}  // namespace flexai::bench
