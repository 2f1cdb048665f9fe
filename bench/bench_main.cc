// flexai-bench SUITE [--only NAME,...] [--quick] [--output FOLDER]: measures and writes FOLDER/SUITE.json.
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "os/files.h"
#include "placement/placement_suite.h"
#include "suite.h"

namespace flexai::bench {
namespace {

struct Options {
  std::string suite;
  std::vector<std::string> only;
  bool quick = false;
  std::string output;
  std::string build;
};

Result<Rows> MeasureRuntime(const Options& options, std::string* machine, bool* complete) {
  FLEXAI_ASSIGN_OR_RETURN(const auto rig, Rig::Make(options.build, options.output, options.suite));
  FLEXAI_RETURN_IF_ERROR(rig->StartDaemon());
  Suite suite{.rig = *rig, .quick = options.quick, .only = options.only};
  FLEXAI_ASSIGN_OR_RETURN(LineClient native, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(const auto answer, native.Ask("calibrate"));
  suite.ns_per_iteration = answer.at("ns_per_iteration").get<double>();
  *machine += rig->cores().pinned ? fmt::format("; device on CPU {}, host side on CPU {}",
                                                rig->cores().device, rig->cores().host)
                                  : "; not pinned";
  return MeasureGroups(RuntimeGroups(suite, options.build + "/flexai-demo"), options.only, complete);
}

Status Run(const Options& options, bool* complete) {
  Report report{.suite = options.suite,
                .machine = DescribeMachine(),
                .date = UtcNow(),
                .commit = CurrentCommit(FLEXAI_SOURCE_FOLDER)};
  if (options.suite == "placement") {
    FLEXAI_RETURN_IF_ERROR(os::MakeFolders(options.output));
    report.results = MeasureGroups(PlacementGroups(options.quick), options.only, complete);
  } else {
    FLEXAI_ASSIGN_OR_RETURN(report.results, MeasureRuntime(options, &report.machine, complete));
  }
  fmt::print("{}\n{}\ncommit {}, {}\n", FormatTable(report.results), report.machine, report.commit,
             report.date);
  for (const Measurement& row : report.results) {
    if (!row.note.empty()) {
      fmt::print("  {}: {}\n", row.name, row.note);
    }
  }
  return os::WriteFile(options.output + "/" + options.suite + ".json", ToJson(report));
}

int Main(int count, char** arguments) {
  Options options;
  options.build = os::ProgramFolder().ok() ? *os::ProgramFolder() : ".";
  options.output = std::string(FLEXAI_SOURCE_FOLDER) + "/build/bench";
  CLI::App app{"Measures flexai: against the native OpenCL implementation in the same run, or its placement.",
               "flexai-bench"};
  app.add_option("suite", options.suite, "What to measure: runtime or placement")
      ->required()
      ->check(CLI::IsMember({"runtime", "placement"}));
  app.add_option("--only", options.only, "Names of rows, or how they begin, with commas between")
      ->delimiter(',');
  app.add_flag("--quick", options.quick,
               "A short run that shows that everything works; its figures mean nothing");
  app.add_option("--output", options.output, "Folder of the results")->capture_default_str();
  CLI11_PARSE(app, count, arguments);
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // a detached keeper stays below this process and is counted by idle_cpu
  bool complete = true;
  const Status status = Run(options, &complete);
  if (!status.ok()) {
    fmt::print(stderr, "flexai-bench: {}\n", status.message());
  }
  return status.ok() && complete ? 0 : 1;
}

}  // namespace
}  // namespace flexai::bench

int main(int count, char** arguments) { return flexai::bench::Main(count, arguments); }
