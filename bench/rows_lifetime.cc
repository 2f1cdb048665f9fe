// attach_time and idle_cpu.
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "os/monotonic_clock.h"
#include "process_tree.h"
#include "statistics.h"
#include "suite.h"

namespace flexai::bench {
namespace {

constexpr double kAllowedAttachMs = 10;

void Pause(Nanos time) { std::this_thread::sleep_for(std::chrono::nanoseconds(time.value)); }

// From before the start of the program until its first context, milliseconds.
Result<double> TimeToContext(const Launch& launch) {
  const int64_t start = os::MonotonicClock().Now().value;
  FLEXAI_ASSIGN_OR_RETURN(LineClient client, LineClient::Begin(launch));
  FLEXAI_ASSIGN_OR_RETURN(const auto answer, client.Receive());
  return static_cast<double>(answer.at("context_ns").get<int64_t>() - start) / 1e6;
}

Measurement AttachRow(const std::string& name, const std::vector<double>& ours,
                      const std::vector<double>& native) {
  Measurement row{.name = name, .value = Median(ours), .unit = "ms", .target = "native + <= 10 ms"};
  row = WithReference(row, Median(native));
  row.met = row.value <= *row.reference + kAllowedAttachMs;
  row.note = fmt::format("slowest {:.1f} ms, native {:.1f} ms", Quantile(ours, 1), Quantile(native, 1));
  return row;
}

struct CpuUse {
  double percent = 0;
  std::string note;
};

std::string CommandOf(pid_t process) {
  char path[256] = {};
  const ssize_t length = readlink(fmt::format("/proc/{}/exe", process).c_str(), path, sizeof path - 1);
  const std::string name(path, length > 0 ? static_cast<size_t>(length) : 0);
  return name.substr(name.rfind('/') + 1);
}

// CPU time of `processes` over `time`, percent of one core.
CpuUse WatchCpu(const std::vector<pid_t>& processes, Nanos time) {
  std::vector<int64_t> before;
  for (const pid_t process : processes) {
    before.push_back(CpuNs(process));
  }
  Pause(time);
  CpuUse use;
  for (size_t i = 0; i < processes.size(); ++i) {
    const double percent =
        100.0 * static_cast<double>(CpuNs(processes[i]) - before[i]) / static_cast<double>(time.value);
    use.percent += percent;
    use.note += fmt::format("{}{} {:.4f}", i == 0 ? "" : ", ", CommandOf(processes[i]), percent);
  }
  return use;
}

}  // namespace

Result<Rows> MeasureAttach(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(LineClient native, suite.StartNative({"attach-loop"}));
  FLEXAI_ASSIGN_OR_RETURN(LineClient ours, suite.StartOn({}, {"attach-loop"}));
  std::vector<double> native_ms;
  std::vector<double> our_ms;
  for (int round = 0; round < suite.Count(15, 2); ++round) {
    Pause(Millis(500));  // the keeper makes its next spare executor ready
    FLEXAI_ASSIGN_OR_RETURN(const auto theirs, native.Ask("attach"));
    FLEXAI_ASSIGN_OR_RETURN(const auto mine, ours.Ask("attach"));
    native_ms.push_back(theirs.at("milliseconds").get<double>());
    our_ms.push_back(mine.at("milliseconds").get<double>());
  }
  return Rows{AttachRow("attach_time", our_ms, native_ms)};
}

Result<Rows> MeasureAttachByRun(const Suite& suite) {
  std::vector<double> native_ms;
  std::vector<double> our_ms;
  for (int round = 0; round < suite.Count(15, 2); ++round) {
    Pause(Millis(500));
    FLEXAI_ASSIGN_OR_RETURN(const double theirs, TimeToContext(suite.rig.Native(kClient, {"attach"})));
    FLEXAI_ASSIGN_OR_RETURN(const double mine, TimeToContext(suite.rig.OnVxpu({}, kClient, {"attach"})));
    native_ms.push_back(theirs);
    our_ms.push_back(mine);
  }
  return Rows{AttachRow("attach_time_with_run", our_ms, native_ms)};
}

Result<Rows> MeasureIdle(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(const LineClient native, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(const LineClient ours, suite.StartOn({}));
  const Nanos time = suite.quick ? Seconds(1) : Seconds(30);
  Pause(Seconds(suite.quick ? 1 : 3));  // the attach itself is over
  // Daemon, keeper and executors are below this program, also those that left their parent
  // (PR_SET_CHILD_SUBREAPER).
  std::vector<pid_t> processes;
  for (const pid_t process : Descendants(getpid())) {
    if (process != getpid() && process != native.pid()) {
      processes.push_back(process);
    }
  }
  const int64_t native_before = CpuNs(native.pid());
  const CpuUse use = WatchCpu(processes, time);
  const double native_percent =
      100.0 * static_cast<double>(CpuNs(native.pid()) - native_before) / static_cast<double>(time.value);
  Measurement row{.name = "idle_cpu", .value = use.percent, .unit = "% of a core", .target = "<= 0.1"};
  row = WithReference(row, native_percent);
  row.met = row.value <= 0.1;
  row.note = use.note;
  return Rows{row};
}

}  // namespace flexai::bench
