#include "scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "os/files.h"
#include "os/monotonic_clock.h"
#include "statistics.h"

namespace flexai::demo {
namespace {

// How busy the service keeps the native device: arrivals are stretched to that, so that the demo is the same
// work on a fast machine and on a slow one.
constexpr double kServiceBusy = 0.42;
constexpr Nanos kSetUp = Seconds(300);
constexpr Nanos kRun = Seconds(600);

// Mean time between the arrivals of the log, milliseconds.
Result<double> MeanGapMs(const std::string& path) {
  std::ifstream log(path);
  double last = 0;
  int requests = 0;
  for (std::string line; std::getline(log, line);) {
    if (!line.empty() && line[0] != '#') {
      std::istringstream(line) >> last;
      ++requests;
    }
  }
  if (requests < 2 || last <= 0) {
    return InvalidArgument("The request log " + path + " is missing or empty.");
  }
  return last / (requests - 1);
}

Result<TaskOutcome> ReadOutcome(const Task& task, const nlohmann::json& answer) {
  TaskOutcome outcome{.name = task.name};
  outcome.started_ns = answer.value("started_ns", int64_t{0});
  outcome.ended_ns = answer.value("ended_ns", int64_t{0});
  outcome.digest = answer.value("digest", "");
  outcome.accuracy = answer.value("accuracy", 0.0);
  outcome.latency_ms = answer.value("latency_ms", std::vector<double>());
  if (outcome.ended_ns <= outcome.started_ns || outcome.digest.empty()) {
    return Internal("The task " + task.name + " gave no result.");
  }
  return outcome;
}

Status ReadBusy(const std::string& path, TaskOutcome* outcome) {
  FLEXAI_ASSIGN_OR_RETURN(std::vector<bench::Interval> commands, bench::ReadBusyLog(path));
  outcome->busy = bench::Union(std::move(commands));
  return {};
}

int64_t Soon() { return os::MonotonicClock().Now().value + Millis(200).value; }

}  // namespace

Result<Scenario> Scenario::Prepare(bench::Rig& rig, const ScenarioOptions& options) {
  Scenario scenario(rig, options);
  FLEXAI_RETURN_IF_ERROR(scenario.MakeInputs());
  scenario.DescribeTasks();
  FLEXAI_RETURN_IF_ERROR(scenario.FindStretch());
  return scenario;
}

bench::Launch Scenario::LaunchOf(const Task& task, bool on_vxpu, const std::string& busy_log) const {
  bench::Launch launch = on_vxpu ? rig_->OnVxpu(task.vxpu, task.program, task.arguments)
                                 : rig_->Native(task.program, task.arguments);
  const auto& folders = rig_->folders();
  for (const std::string& variable :
       {std::string("DEV=CL"), "CACHEDB=" + folders.output + "/tinygrad.db",
        std::string("PYTHONDONTWRITEBYTECODE=1"), std::string("OMP_NUM_THREADS=1"),
        std::string("OPENBLAS_NUM_THREADS=1"), "OPENCL_LAYERS=" + folders.build + "/libflexai-busy-layer.so",
        "FLEXAI_BUSY_LOG=" + busy_log}) {
    launch.environment.push_back(variable);
  }
  return launch;
}

Status Scenario::MakeInputs() {
  const std::string& folder = rig_->folders().output;
  const Task prepare{
      .name = "prepare", .program = options_.python, .arguments = {Tool("prepare.py"), folder}};
  const bench::Launch launch = LaunchOf(prepare, false, "/dev/null");
  FLEXAI_ASSIGN_OR_RETURN(os::Process process, bench::StartProgram(launch));
  if (!os::WaitForEnd(process.pidfd, kSetUp)) {
    bench::EndProgram(process, 9, Seconds(1));
    return DeadlineExceeded("Preparing the demo's inputs took too long.");
  }
  FLEXAI_ASSIGN_OR_RETURN(const os::ExitState exit, os::Reap(process));
  if (exit.signaled || exit.value != 0) {
    return FailedPrecondition(
        "The demo's inputs could not be made; are the packages of demo/requirements.txt there? The "
        "log is " +
        launch.log_path + ".");
  }
  return {};
}

void Scenario::DescribeTasks() {
  const std::string& folder = rig_->folders().output;
  const std::string log = options_.source_folder + "/demo/requests.log";
  const auto count = [this](int full, int quick) { return std::to_string(options_.quick ? quick : full); };
  // The service is small and must answer soon; the others take what is left.
  tasks_ = {
      {.name = "service",
       .program = options_.python,
       .arguments = {Tool("serve_digits.py"), "--log", log, "--weights", folder + "/weights.npz"},
       .start = " 0 " + count(1200, 30),
       .vxpu = {.share_permille = 450, .priority = "high", .memory = "1Gi"}},
      {.name = "training",
       .program = options_.python,
       .arguments = {Tool("train_digits.py"), "--steps", count(560, 10)},
       .start = "",
       .vxpu = {.share_permille = 350, .memory = "1Gi"}},
  };
  for (const char* shard : {"1", "2"}) {
    tasks_.push_back({.name = std::string("batch-") + shard,
                      .program = "flexai-demo-batch",
                      .arguments = {folder + "/digits.bin", count(340, 10), shard},
                      .start = "",
                      .vxpu = {.share_permille = 100, .priority = "low", .memory = "1Gi"}});
  }
}

// The service alone and natively, each request as soon as the one before is answered: device time per
// request.
Status Scenario::FindStretch() {
  const std::string busy_log = rig_->folders().output + "/busy-service-speed.log";
  std::vector<TaskOutcome> rounds;
  constexpr int kRequests = 40;
  {
    FLEXAI_ASSIGN_OR_RETURN(bench::LineClient client,
                            bench::LineClient::Start(LaunchOf(tasks_[0], false, busy_log), kSetUp));
    for (int round = 0; round < (options_.quick ? 1 : 5); ++round) {
      FLEXAI_ASSIGN_OR_RETURN(const auto answer, client.Ask(fmt::format("start 0 0 {}", kRequests), kRun));
      FLEXAI_ASSIGN_OR_RETURN(TaskOutcome outcome, ReadOutcome(tasks_[0], answer));
      rounds.push_back(std::move(outcome));
    }
  }
  std::vector<double> device_ms;
  for (TaskOutcome& round : rounds) {
    FLEXAI_RETURN_IF_ERROR(ReadBusy(busy_log, &round));
    device_ms.push_back(round.busy_seconds() * 1e3 / kRequests);
  }
  FLEXAI_ASSIGN_OR_RETURN(const double gap_ms, MeanGapMs(options_.source_folder + "/demo/requests.log"));
  const double stretch = bench::Median(device_ms) / kServiceBusy / gap_ms;
  tasks_[0].start = fmt::format(" {:.4f}{}", stretch, tasks_[0].start.substr(2));
  return {};
}

std::vector<int> Scenario::asked_permille() const {
  std::vector<int> asked;
  for (const Task& task : tasks_) {
    asked.push_back(task.vxpu.share_permille);
  }
  return asked;
}

Result<RunOutcome> Scenario::RunOneByOne() {
  RunOutcome run{.title = "native, one after another"};
  for (const Task& task : tasks_) {
    const std::string busy_log = rig_->folders().output + "/busy-alone-" + task.name + ".log";
    std::optional<TaskOutcome> outcome;
    {
      FLEXAI_ASSIGN_OR_RETURN(bench::LineClient client,
                              bench::LineClient::Start(LaunchOf(task, false, busy_log), kSetUp));
      FLEXAI_ASSIGN_OR_RETURN(const auto answer,
                              client.Ask(fmt::format("start {}{}", Soon(), task.start), kRun));
      FLEXAI_ASSIGN_OR_RETURN(outcome, ReadOutcome(task, answer));
    }
    FLEXAI_RETURN_IF_ERROR(ReadBusy(busy_log, &*outcome));
    run.makespan_seconds += outcome->seconds();
    run.tasks.push_back(*std::move(outcome));
  }
  return run;
}

Result<RunOutcome> Scenario::RunTogether(const std::string& title, bool on_vxpus) {
  RunOutcome run{.title = title};
  const auto busy_log = [&](const Task& task) {
    return fmt::format("{}/busy-{}-{}.log", rig_->folders().output, on_vxpus ? "vxpus" : "uncontrolled",
                       task.name);
  };
  {
    std::vector<bench::LineClient> clients;
    for (const Task& task : tasks_) {
      FLEXAI_ASSIGN_OR_RETURN(bench::LineClient client,
                              bench::LineClient::Begin(LaunchOf(task, on_vxpus, busy_log(task))));
      clients.push_back(std::move(client));
    }
    for (size_t i = 0; i < clients.size(); ++i) {
      const auto ready = clients[i].Receive(kSetUp);
      FLEXAI_RETURN_IF_ERROR(ready.ok() ? Status() : ready.status().WithContext(tasks_[i].name));
    }
    const int64_t start = Soon();
    for (size_t i = 0; i < clients.size(); ++i) {
      FLEXAI_RETURN_IF_ERROR(clients[i].Send(fmt::format("start {}{}", start, tasks_[i].start)));
    }
    for (size_t i = 0; i < clients.size(); ++i) {
      FLEXAI_ASSIGN_OR_RETURN(const auto answer, clients[i].Receive(kRun));
      FLEXAI_ASSIGN_OR_RETURN(TaskOutcome outcome, ReadOutcome(tasks_[i], answer));
      run.tasks.push_back(std::move(outcome));
    }
  }
  for (size_t i = 0; i < tasks_.size(); ++i) {
    FLEXAI_RETURN_IF_ERROR(ReadBusy(busy_log(tasks_[i]), &run.tasks[i]));
  }
  run.makespan_seconds = Span(run);
  return run;
}

Result<RunOutcome> Scenario::RunUncontrolled() { return RunTogether("native, uncontrolled", false); }

Result<RunOutcome> Scenario::RunOnVxpus() { return RunTogether("vXPUs", true); }

}  // namespace flexai::demo
