// flexai-demo: AI tasks on one device, one after another, all at once, and on vXPUs. Prints a table and a
// picture; writes demo.json and demo.svg.
#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "os/files.h"
#include "picture.h"
#include "scenario.h"

namespace flexai::demo {
namespace {

struct Options {
  ScenarioOptions scenario;
  std::string output;
  bool native_only = false;
};

void Say(const char* what) { fmt::print(stderr, "demo: {}\n", what); }

Result<Demo> RunAll(bench::Rig& rig, const Options& options) {
  Say("preparing: a network for the service, digits for the batch job");
  FLEXAI_ASSIGN_OR_RETURN(Scenario scenario, Scenario::Prepare(rig, options.scenario));
  Demo demo;
  demo.asked_permille = scenario.asked_permille();
  Say("native, one after another");
  FLEXAI_ASSIGN_OR_RETURN(demo.one_by_one, scenario.RunOneByOne());
  Say("native, all at once");
  FLEXAI_ASSIGN_OR_RETURN(demo.uncontrolled, scenario.RunUncontrolled());
  if (options.native_only) {
    demo.vxpus = demo.uncontrolled;
    return demo;
  }
  Say("on vXPUs");
  FLEXAI_RETURN_IF_ERROR(rig.StartDaemon());
  FLEXAI_ASSIGN_OR_RETURN(demo.vxpus, scenario.RunOnVxpus());
  return demo;
}

Status Run(const Options& options) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string build, os::ProgramFolder());
  FLEXAI_ASSIGN_OR_RETURN(const auto rig, bench::Rig::Make(build, options.output, "demo"));
  FLEXAI_ASSIGN_OR_RETURN(const Demo demo, RunAll(*rig, options));
  fmt::print("{}\n{}\n", FormatDemo(demo), TextPicture(demo, 80));
  const bench::Report report{.suite = "demo",
                             .machine = bench::DescribeMachine(),
                             .date = bench::UtcNow(),
                             .commit = bench::CurrentCommit(options.scenario.source_folder),
                             .results = Judge(demo)};
  fmt::print("{}\n{}\ncommit {}, {}\n", bench::FormatTable(report.results), report.machine, report.commit,
             report.date);
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(options.output + "/demo.svg", SvgPicture(demo)));
  fmt::print("picture: {}/demo.svg\n", options.output);
  return options.native_only ? Status() : os::WriteFile(options.output + "/demo.json", bench::ToJson(report));
}

int Main(int count, char** arguments) {
  Options options;
  options.scenario.source_folder = FLEXAI_SOURCE_FOLDER;
  options.output = options.scenario.source_folder + "/build/bench";
  options.scenario.python = options.scenario.source_folder + "/build/venv/bin/python";
  CLI::App app{"AI tasks on one device: one after another, all at once, and on vXPUs.", "flexai-demo"};
  app.add_option("--python", options.scenario.python,
                 "Interpreter with the packages of demo/requirements.txt")
      ->capture_default_str();
  app.add_option("--output", options.output, "Folder of the results")->capture_default_str();
  app.add_flag("--quick", options.scenario.quick, "A few steps of each task; the figures mean nothing");
  app.add_flag("--native-only", options.native_only, "Leave out the vXPUs, to look at the tasks themselves");
  CLI11_PARSE(app, count, arguments);
  signal(SIGPIPE, SIG_IGN);
  const Status status = Run(options);
  if (!status.ok()) {
    fmt::print(stderr, "flexai-demo: {}\n", status.message());
  }
  return status.ok() ? 0 : 1;
}

}  // namespace
}  // namespace flexai::demo

int main(int count, char** arguments) { return flexai::demo::Main(count, arguments); }
