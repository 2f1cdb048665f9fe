// flexai-logcheck NODES PODS LOG [--remote] [--batch N] [--cpu-scale X]: replays a decision log of 'flexai
// sim openb' and prints what breaks the rules. The exit status is 1 if anything does.
#include <fmt/core.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "os/files.h"
#include "replay.h"

namespace {

int Fail(const flexai::Status& status) {
  fmt::print(stderr, "flexai-logcheck: {}\n", status.message());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> files;
  flexai::logcheck::Rules rules;
  double cpu_scale = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--remote") {
      rules.remote = true;
    } else if (argument == "--batch" && i + 1 < argc) {
      rules.batch = std::strtoul(argv[++i], nullptr, 10);
    } else if (argument == "--cpu-scale" && i + 1 < argc) {
      cpu_scale = std::atof(argv[++i]);
    } else {
      files.push_back(argument);
    }
  }
  if (files.size() != 3 || rules.batch == 0 || cpu_scale <= 0) {
    fmt::print(stderr, "usage: flexai-logcheck NODES PODS LOG [--remote] [--batch N] [--cpu-scale X]\n");
    return 2;
  }
  flexai::Result<flexai::simulator::Trace> trace = flexai::simulator::ReadOpenb(files[0], files[1]);
  if (!trace.ok()) return Fail(trace.status());
  for (auto& node : trace->nodes) {
    node.cpu_milli = std::llround(static_cast<double>(node.cpu_milli) * cpu_scale);
  }
  const flexai::Result<std::string> log = flexai::os::ReadFile(files[2], 1 << 30);
  if (!log.ok()) return Fail(log.status());
  const auto report = flexai::logcheck::Replay(*trace, *log, files[2], rules);
  if (!report.ok()) return Fail(report.status());
  for (const std::string& finding : report->findings) fmt::print("{}\n", finding);
  fmt::print("{} decisions, {} placed, {:.2f} % of the devices allocated, {} findings\n", report->decisions,
             report->placed, report->allocated_percent, report->findings.size());
  return report->findings.empty() ? 0 : 1;
}
