#include "cli/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/completion.h"
#include "cli/control_commands.h"
#include "cli/doctor.h"
#include "cli/run_command.h"
#include "cli/sim_command.h"
#include "cli/sim_timed_command.h"
#include "cli/sim_what_if_command.h"
#include "cli/status_commands.h"
#include "os/user.h"
#include "telemetry/log.h"

namespace flexai::cli {
namespace {

constexpr const char* kRunExamples = R"(Examples:
  flexai run -- clinfo                        a small share, the rest of the device when it is idle
  flexai run --share 30% --memory 2Gi -- python3 train.py
  flexai run --share 10% --priority high -- ./serve   goes before normal and low priority
  flexai run --share 20% --limit 20% -- ./batch       never more than a fifth of the device
  flexai run --vxpu share=20%,memory=1Gi --vxpu share=10%,memory=512Mi -- ./two-devices
The exit status is the command's; 125: flexai failed, 126: the command cannot be started, 127: not found.)";

// Everything the parser fills in.
struct Arguments {
  std::string output = "table";
  RunOptions run;
  PsOptions ps;
  TopOptions top;
  std::string top_interval = "1s";
  ResizeOptions resize;
  StopOptions stop;
  LogsOptions logs;
  SimOpenbOptions sim_openb;
  SimTimedOptions sim_timed;
  SimWhatIfOptions sim_what_if;
  std::string shell;
};

// An option with a text, which may be anything but empty.
CLI::Option* AddText(CLI::App* command, const std::string& name, std::string& to, const std::string& help) {
  return command->add_option(name, to, help)->check([](const std::string& text) {
    return std::string(text.empty() ? "must not be empty" : "");
  });
}

void AddRun(CLI::App& app, Arguments* to) {
  CLI::App* run =
      app.add_subcommand("run", "Run a command on a virtual unit of its own: run [OPTIONS] -- COMMAND");
  AddText(run, "--share", to->run.share, "Guaranteed part of the device, 0.1% to 100% (default: 10%)");
  AddText(run, "--limit", to->run.limit, "Most it may take while others are idle (default: 100%)");
  AddText(run, "--memory", to->run.memory,
          "Memory quota, for example 2Gi (default: the same part of the memory as of the compute)");
  AddText(run, "--priority", to->run.priority, "low, normal or high (default: normal)");
  AddText(run, "--device", to->run.device,
          "A device ('pocl-0'), a platform ('pocl') or a type ('gpu') (default: any with room)");
  AddText(run, "--name", to->run.name, "Name for people (default: the command's)");
  run->add_option(
         "--vxpu", to->run.vxpus,
         "One virtual unit as share=..,memory=..,limit=..,priority=..,device=..,name=..; may be given "
         "several times; what is missing comes from the other options")
      ->allow_extra_args(false);
  run->add_flag("--keep-native", to->run.keep_native, "Show the native OpenCL devices to the command too");
  run->fallthrough(false)->prefix_command();  // what it does not know is left for us to judge
  run->footer(kRunExamples);
}

void AddStatus(CLI::App& app, Arguments* to) {
  app.add_subcommand("devices", "Show the devices of this machine and what is free on them")
      ->footer("Examples:\n  flexai devices\n  flexai devices -o json");
  CLI::App* ps = app.add_subcommand("ps", "Show virtual units and the sessions on them");
  ps->add_flag("-q,--quiet", to->ps.quiet, "Ids of virtual units only");
  ps->add_flag("-a,--all", to->ps.ended, "Sessions that ended lately too");
  ps->footer("Examples:\n  flexai ps\n  flexai stop $(flexai ps -q)");
  CLI::App* top =
      app.add_subcommand("top", "Watch busy time, memory and waiting of devices and virtual units");
  top->add_flag("--once", to->top.once, "Print one interval and exit");
  top->add_option("-d,--interval", to->top_interval, "Time between two screens, for example 500ms")
      ->capture_default_str();
  top->add_option("-n,--rounds", to->top.rounds, "Exit after so many screens");
  top->footer(
      "BUSY is device time, WAIT the time spent waiting for a turn, both as part of the interval.\n"
      "Examples:\n  flexai top\n  flexai top --once -o json");
}

void AddControl(CLI::App& app, Arguments* to) {
  CLI::App* resize =
      app.add_subcommand("resize", "Change share, limit, priority or memory of a live virtual unit");
  resize->add_option("vxpu", to->resize.id, "Its id ('flexai ps')")->required();
  AddText(resize, "--share", to->resize.share, "Guaranteed part of the device");
  AddText(resize, "--limit", to->resize.limit, "Most it may take");
  AddText(resize, "--memory", to->resize.memory, "Memory quota");
  AddText(resize, "--priority", to->resize.priority, "low, normal or high");
  resize->footer("Examples:\n  flexai resize 3 --share 50%\n  flexai resize 3 --memory 4Gi --priority low");
  CLI::App* stop = app.add_subcommand("stop", "End virtual units with their sessions, or single sessions");
  stop->add_option("ids", to->stop.ids, "Ids of virtual units, with --session of sessions");
  stop->add_flag("--session", to->stop.sessions, "The ids are of sessions");
  stop->add_flag("--all", to->stop.all, "All virtual units that are yours");
  stop->footer(
      "The programs go on, but their OpenCL calls fail from now on.\nExamples:\n  flexai stop 3\n"
      "  flexai stop --session 12");
  CLI::App* logs = app.add_subcommand("logs", "Show the log of a virtual unit's sessions, or of flexaid");
  logs->add_option("id", to->logs.id,
                   "Id of a virtual unit, with --session of a session; none: flexaid's own log");
  logs->add_flag("--session", to->logs.session, "The id is of a session");
  logs->add_flag("-f,--follow", to->logs.follow, "Go on until the sessions end");
  logs->footer("Examples:\n  flexai logs 3\n  flexai logs --session 12 -f\n  flexai logs");
}

void AddSimTimed(CLI::App& sim, SimTimedOptions& options) {
  CLI::App* timed =
      sim.add_subcommand("timed", "Jobs arrive, wait, run and end, under the cluster's scheduler");
  AddText(timed, "--nodes", options.nodes, "CSV file of the nodes, as of openb")->required();
  AddText(timed, "--pods", options.pods, "CSV file of pods, as of openb: the shapes of tasks")->required();
  AddText(timed, "--tasks", options.tasks, "CSV file of a timed workload, instead of one that is drawn");
  AddText(timed, "--queues", options.queues, "CSV file of the queues of --tasks");
  AddText(timed, "--policies", options.policies,
          "Policies to compare, separated by commas; the last with each")
      ->capture_default_str();
  AddText(timed, "--seeds", options.seeds, "Seeds of the runs, FIRST-LAST")->capture_default_str();
  timed->add_option("--load", options.load, "Device time that is asked for, by device time that there is")
      ->capture_default_str();
  AddText(timed, "--median", options.median, "Median duration of a task")->capture_default_str();
  timed->add_option("--sigma", options.sigma, "Spread of the durations: of their logarithm")
      ->capture_default_str();
  timed->add_option("--high", options.high, "Part of the tasks that have high priority")
      ->capture_default_str();
  timed->add_option("--gangs", options.gangs, "Part of the arrivals that are gangs")->capture_default_str();
  AddText(
      timed, "--low-window", options.low_window,
      "When drawn tasks of low priority may start, as 'mon-fri 22:00-06:00'; the run begins on a Monday at "
      "00:00");
  timed->add_flag("--remote", options.remote, "Tasks that fit on no node may have their devices on another");
  timed->add_option("--link-mbit", options.link_mbit, "Bandwidth that a remote task reserves, in Mbit/s")
      ->capture_default_str();
  timed->add_option("--round-trips", options.round_trips, "Answers a second that such a task waits for")
      ->capture_default_str();
  AddText(timed, "--restart", options.restart, "Work that an interruption or a move adds")
      ->capture_default_str();
  AddText(timed, "--min-run", options.min_run, "Tasks are not interrupted before")->capture_default_str();
  AddText(timed, "--links", options.links,
          "CSV file of the links between network domains; none: without bound and latency");
  timed->add_option("--cpu-scale", options.cpu_scale, "Multiply the CPU of every node")
      ->capture_default_str();
  AddText(timed, "--warm-up", options.warm_up, "What happens before is not counted")->capture_default_str();
  AddText(timed, "--horizon", options.horizon, "The end of the run")->capture_default_str();
  AddText(timed, "--reserve-after", options.reserve_after, "Waiting after which room is reserved for a job")
      ->capture_default_str();
  AddText(timed, "--mean-up", options.mean_up, "Mean time between failures of a node; none: they don't fail");
  timed->add_flag("--no-preempt", options.no_preempt, "Don't end jobs for others");
  timed->add_flag("--move", options.move, "Move jobs to make room");
  AddText(timed, "--explain", options.explain, "Tell what was decided about this job, and why");
  timed->add_flag("--only-high", options.only_high, "Leave out the drawn tasks of low priority");
  AddText(timed, "--plot", options.plot, "Write a picture (SVG) of allocation and queue over time");
  AddText(timed, "--snapshot-at", options.snapshot_at,
          "Take a snapshot of the cluster at this time of the run");
  AddText(timed, "--snapshot", options.snapshot, "Write the snapshot to this folder, for what-if");
  AddText(timed, "--write-tasks", options.write_tasks, "Write the workload of the first seed to this file");
  // What shapes a drawn workload says nothing of one that is read.
  for (const char* drawn : {"--load", "--median", "--sigma", "--high", "--gangs", "--low-window", "--remote",
                            "--restart", "--min-run", "--only-high"}) {
    timed->get_option(drawn)->excludes(timed->get_option("--tasks"));
  }
  timed->get_option("--link-mbit")->needs(timed->get_option("--remote"));
  timed->get_option("--round-trips")->needs(timed->get_option("--remote"));
  timed->footer(
      "Waits are of jobs that arrive after the warm-up, up to the horizon. Goodput is without what was lost "
      "to\n"
      "interruptions, restarts and slow links.\n"
      "Example:\n  flexai sim timed --nodes nodes.csv --pods pods.csv --load 1.0 --policies best-fit,fgd,hi "
      "--move");
}

void AddSimWhatIf(CLI::App& sim, SimWhatIfOptions& options) {
  CLI::App* what_if =
      sim.add_subcommand("what-if", "What a change would do to a cluster, by one cycle of its scheduler");
  AddText(what_if, "--snapshot", options.snapshot, "Folder of the cluster's snapshot")->required();
  AddText(what_if, "--add-nodes", options.add_nodes, "CSV file of nodes that come");
  what_if->add_option("--remove-node", options.remove_nodes, "Name of a node that goes; may be given again")
      ->allow_extra_args(false);
  AddText(what_if, "--add-tasks", options.add_tasks, "CSV file of tasks that come");
  AddText(what_if, "--policy", options.policy, "Where tasks are placed")->capture_default_str();
  what_if->add_flag("--no-preempt", options.no_preempt, "Don't end jobs for others");
  what_if->add_flag("--move", options.move, "Move jobs to make room");
  AddText(what_if, "--reserve-after", options.reserve_after, "Waiting after which room is reserved for a job")
      ->capture_default_str();
  what_if->add_option("--explain", options.explain, "Say of so many jobs why they still wait")
      ->capture_default_str();
  what_if->footer(
      "Shown are the cluster now, after one cycle as it is, and after one with the change.\n"
      "Example:\n  flexai sim what-if --snapshot docs/examples/snapshot --add-nodes "
      "docs/examples/more-nodes.csv");
}

void AddSim(CLI::App& app, Arguments* to) {
  CLI::App* sim =
      app.add_subcommand("sim", "Try policies on a workload, or a change on a cluster's snapshot");
  sim->require_subcommand(1);
  CLI::App* openb = sim->add_subcommand(
      "openb", "Tasks of an openb trace come one after another and stay, until the devices are full");
  AddSimTimed(*sim, to->sim_timed);
  AddSimWhatIf(*sim, to->sim_what_if);
  SimOpenbOptions& options = to->sim_openb;
  AddText(openb, "--nodes", options.nodes, "CSV file of the nodes")->required();
  AddText(openb, "--pods", options.pods, "CSV file of the pods")->required();
  AddText(openb, "--policies", options.policies, "Policies to compare, separated by commas")
      ->capture_default_str();
  AddText(openb, "--seeds", options.seeds, "Seeds of the runs, FIRST-LAST")->capture_default_str();
  openb->add_option("--until", options.until, "Stop when so many times the capacity has been asked for")
      ->capture_default_str();
  openb->add_flag("--remote", options.remote,
                  "A task that fits nowhere may have its devices on another node");
  openb->add_option("--cpu-scale", options.cpu_scale, "Multiply the CPU of every node")
      ->capture_default_str();
  AddText(openb, "--plot", options.plot, "Write a picture (SVG) of allocation against arrivals");
  AddText(openb, "--log", options.log, "Write every decision to this CSV file, one file for each run");
  openb->add_flag("--timing", options.timing, "Show how long a decision takes");
  AddText(openb, "--published", options.published, "CSV file of published results to show beside");
  openb->footer(
      "Policies: random, spread, binpack, best-fit, dot-product, fgd, hi, and hi-batch16, which holds 16 "
      "tasks\n"
      "and decides them together. The columns are the percentage of devices allocated once so much was "
      "asked\n"
      "for, and how many tasks of each class were placed.\n"
      "Example:\n  flexai sim openb --nodes nodes.csv --pods pods.csv --policies fgd,hi --seeds 42-51");
}

void AddOther(CLI::App& app, Arguments* to) {
  app.add_subcommand("doctor", "Check what flexai needs on this machine, and say how to mend what is missing")
      ->footer("The exit status is 0 if nothing is missing.");
  app.add_subcommand("version", "Show the versions of flexai and of the flexaid that runs");
  CLI::App* completion = app.add_subcommand("completion", "Print a completion script for a shell");
  completion->add_option("shell", to->shell, "bash, zsh or fish")->required();
  completion->footer(
      "Examples:\n  source <(flexai completion bash)\n"
      "  flexai completion fish > ~/.config/fish/completions/flexai.fish");
}

int Dispatch(const CLI::App& app, const Context& context, Arguments& arguments) {
  const std::string command = app.get_subcommands().front()->get_name();
  if (command == "run") {
    return Run(context, arguments.run);
  }
  if (command == "devices") {
    return ShowDevices(context);
  }
  if (command == "ps") {
    return ShowVxpus(context, arguments.ps);
  }
  if (command == "top") {
    const Result<Nanos> interval = ParseNanos(arguments.top_interval);
    if (!interval.ok() || interval->value < Millis(10).value) {
      return Report(context,
                    interval.ok() ? InvalidArgument("--interval: the shortest is 10ms")
                                  : interval.status().WithContext("--interval"),
                    kExitUsage);
    }
    arguments.top.interval = *interval;
    return Top(context, arguments.top);
  }
  if (command == "resize") {
    return Resize(context, arguments.resize);
  }
  if (command == "stop") {
    return Stop(context, arguments.stop);
  }
  if (command == "logs") {
    return ShowLogs(context, arguments.logs);
  }
  if (command == "sim") {
    const CLI::App* sim = app.get_subcommand("sim");
    return sim->got_subcommand("timed")     ? SimTimed(context, arguments.sim_timed)
           : sim->got_subcommand("what-if") ? SimWhatIf(context, arguments.sim_what_if)
                                            : SimOpenb(context, arguments.sim_openb);
  }
  if (command == "doctor") {
    return Doctor(context);
  }
  if (command == "version") {
    return ShowVersion(context);
  }
  return PrintCompletion(context, app, arguments.shell);
}

// "unknown command" is CLI11's "The following argument was not expected: ..." in words of ours.
std::string ParseErrorText(const CLI::ParseError& error, const std::vector<std::string>& arguments,
                           const CLI::App& app) {
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (!arguments.empty() && !arguments.front().starts_with("-") &&
      std::none_of(commands.begin(), commands.end(), [&arguments](const CLI::App* command) {
        return command->get_name() == arguments.front();
      })) {
    return fmt::format("'{}' is not a command", arguments.front());
  }
  if (arguments.empty()) {
    return "there is no command";
  }
  return telemetry::OneLine(error.what());
}

// Of the command that was meant, as far as it was named.
std::string WhereHelpIs(const std::vector<std::string>& arguments, const CLI::App& app) {
  const CLI::App* at = &app;
  std::string command = "flexai";
  for (const std::string& argument : arguments) {
    const auto commands = at->get_subcommands([](const CLI::App*) { return true; });
    const auto next = std::find_if(commands.begin(), commands.end(), [&argument](const CLI::App* each) {
      return each->get_name() == argument;
    });
    if (next == commands.end()) {
      break;
    }
    at = *next;
    command += " " + argument;
  }
  return at == &app ? "'flexai --help' lists the commands" : fmt::format("see '{} --help'", command);
}

}  // namespace

int RunCommandLine(int argc, char** argv, const std::string& version) {
  CLI::App app("flexai: runs programs on virtual units of this machine's accelerators.", "flexai");
  Arguments parsed;
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", "flexai " + version);
  app.add_option("-o,--output", parsed.output, "table or json")->check(CLI::IsMember({"table", "json"}));
  AddRun(app, &parsed);
  AddStatus(app, &parsed);
  AddControl(app, &parsed);
  AddSim(app, &parsed);
  AddOther(app, &parsed);
  app.footer("'flexai COMMAND --help' shows examples. See also: flexai(1), flexaid(8).");

  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  // What follows "--" is the command's, whatever it looks like.
  std::vector<std::string> command;
  bool separated = false;
  if (!arguments.empty() && std::find(arguments.begin(), arguments.end(), "run") != arguments.end()) {
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    separated = dashes != arguments.end();
    command.assign(separated ? dashes + 1 : dashes, arguments.end());
    arguments.erase(dashes, arguments.end());
  }
  Context context{node::ProcessEnvironment(), version, false, os::OutputIsTerminal(), std::cout, std::cerr};
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);
    }
    context.err << "flexai: " << ParseErrorText(error, arguments, app) << " (" << WhereHelpIs(arguments, app)
                << ")\n";
    return kExitUsage;
  }
  context.json = parsed.output == "json";
  if (app.got_subcommand("run")) {
    const std::vector<std::string> rest = app.get_subcommand("run")->remaining();
    if (!rest.empty() && (separated || rest.front().starts_with("-"))) {
      return Report(context,
                    InvalidArgument(fmt::format("'{}' is no option of 'flexai run': see 'flexai run --help'",
                                                rest.front())),
                    kExitUsage);
    }
    parsed.run.command = separated ? command : rest;
    if (parsed.run.command.empty()) {
      return Report(context,
                    InvalidArgument("there is no command to run: use 'flexai run [OPTIONS] -- COMMAND'"),
                    kExitUsage);
    }
  }
  const int code = Dispatch(app, context, parsed);
  if (!context.out.flush()) {
    return Report(context, Internal("can't write the output: is the disk full?"), kExitFailure);
  }
  return code;
}

}  // namespace flexai::cli
