#include "node/keeper_host.h"

#include <fmt/core.h>

#include <utility>

#include "os/files.h"
#include "os/monotonic_clock.h"

namespace flexai::node {
namespace {

constexpr Nanos kStartTimeout = Seconds(15);
constexpr Nanos kPollInterval = Millis(5);
constexpr Nanos kHelloTimeout = Seconds(20);
constexpr int kAttempts = 5;
constexpr Nanos kAttemptDelay = Millis(200);

}  // namespace

KeeperHost::KeeperHost(os::EventLoop& loop, telemetry::Log& log, KeeperOptions options, Events events)
    : loop_(loop), log_(log), options_(std::move(options)), events_(std::move(events)) {}

KeeperHost::~KeeperHost() {
  loop_.Cancel(timer_);
  loop_.Cancel(lock_timer_);
  for (const auto& process : processes_) {
    loop_.Unwatch(process->pidfd.get());
  }
}

void KeeperHost::Adopt(std::function<void(Status)> done) { Begin(false, std::move(done)); }

void KeeperHost::Ensure(std::function<void(Status)> done) { Begin(true, std::move(done)); }

void KeeperHost::Request(nlohmann::json body, std::vector<int> fds, Nanos timeout, KeeperLink::Done done) {
  if (!serving_) {
    return done(Unavailable(fmt::format("the keeper of device {} is not running", options_.device)));
  }
  link_->Request(std::move(body), std::move(fds), timeout, std::move(done));
}

void KeeperHost::ShutDown(std::function<void()> done) {
  if (beginning_) {
    waiting_.push_back([this, done = std::move(done)](const Status&) { ShutDown(done); });
    return;
  }
  // A keeper that can't be reached has gone, or goes with its link.
  Request({{"op", "shutdown"}}, {}, kHelloTimeout,
          [this, done = std::move(done)](const Result<KeeperReply>&) { AwaitLock(done); });
}

void KeeperHost::AwaitLock(std::function<void()> done) {
  if (!LockIsTaken()) {
    return done();
  }
  lock_timer_ = loop_.After(kPollInterval, [this, done = std::move(done)] { AwaitLock(done); });
}

void KeeperHost::Begin(bool may_start, std::function<void(Status)> done) {
  if (serving_) {
    return done({});
  }
  waiting_.push_back(std::move(done));
  may_start_ = may_start_ || may_start;
  if (beginning_) {
    return;
  }
  beginning_ = true;
  attempts_left_ = kAttempts;
  Attempt();
}

void KeeperHost::Attempt() {
  --attempts_left_;
  if (TryConnect()) {
    return SayHello();
  }
  if (!may_start_) {
    return Settle(NotFound(fmt::format("device {} has no keeper of this flexaid", options_.device)));
  }
  if (const Status started = StartProcess(); !started.ok()) {
    return Settle(started);
  }
  PollSocket(os::MonotonicClock().Now() + kStartTimeout);
}

void KeeperHost::AttemptAgainOr(const Status& failure) {
  link_.reset();
  loop_.Cancel(timer_);
  if (attempts_left_ == 0) {
    return Settle(failure);
  }
  timer_ = loop_.After(kAttemptDelay, [this] { Attempt(); });
}

Status KeeperHost::StartProcess() {
  const std::string log_path = fmt::format("{}/keeper-{}.log", options_.log_directory, options_.device);
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd log, os::OpenForAppend(log_path, 0600));
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd nothing, os::OpenNullDevice());
  os::SpawnOptions spawn;
  spawn.program = options_.keeper_program;
  const int64_t seconds = (options_.max_command.value + 999'999'999) / 1'000'000'000;
  spawn.arguments = {"--device",
                     options_.device,
                     "--socket",
                     options_.socket,
                     "--lock",
                     options_.lock,
                     "--executor",
                     options_.executor_program,
                     "--memory",
                     std::to_string(options_.memory.value),
                     "--reserve",
                     std::to_string(options_.reserve.value),
                     "--log-dir",
                     options_.log_directory,
                     "--max-command-seconds",
                     std::to_string(seconds)};
  if (options_.session_overhead) {
    spawn.arguments.insert(spawn.arguments.end(),
                           {"--session-overhead", std::to_string(options_.session_overhead->value)});
  }
  if (options_.freeze) {
    spawn.arguments.emplace_back("--freeze");
  }
  // What `flexai run` sets for its child is not meant for the processes that serve it.
  spawn.environment =
      os::Environment({"FLEXAI_ATTACH_SOCKET", "FLEXAI_VXPUS", "OCL_ICD_VENDORS", "OCL_ICD_FILENAMES"});
  spawn.fds = {{nothing.get(), 0}, {nothing.get(), 1}, {log.get(), 2}};
  spawn.new_session = true;
  FLEXAI_ASSIGN_OR_RETURN(os::Process spawned, os::Spawn(spawn));
  const auto process = std::make_shared<os::Process>(std::move(spawned));
  log_.Info("started the keeper of device {} as process {}", options_.device, process->pid);
  processes_.push_back(process);
  return loop_.Watch(process->pidfd.get(), [this, process] { ProcessEnded(process); });
}

void KeeperHost::PollSocket(Nanos give_up_at) {
  if (TryConnect()) {
    return SayHello();
  }
  if (os::MonotonicClock().Now() > give_up_at) {
    return Settle(DeadlineExceeded(
        fmt::format("the keeper of device {} did not come up in {}: see {}/keeper-{}.log", options_.device,
                    FormatNanos(kStartTimeout), options_.log_directory, options_.device)));
  }
  timer_ = loop_.After(kPollInterval, [this, give_up_at] { PollSocket(give_up_at); });
}

bool KeeperHost::TryConnect() {
  Result<std::unique_ptr<KeeperLink>> link =
      KeeperLink::Connect(loop_, options_.socket, [this](const Status& why) { LinkLost(why); });
  if (!link.ok()) {
    return false;
  }
  link_ = *std::move(link);
  return true;
}

void KeeperHost::SayHello() {
  link_->Request({{"op", "hello"}, {"version", options_.version}}, {}, kHelloTimeout,
                 [this](Result<KeeperReply> reply) {
                   if (!reply.ok()) {
                     const Status failure =
                         reply.status().WithContext(fmt::format("keeper of device {}", options_.device));
                     // One that is dying still accepts, for a moment.
                     return failure.code() == Code::kUnavailable ? AttemptAgainOr(failure) : Settle(failure);
                   }
                   serving_ = true;
                   events_.serving(reply->body);
                   Settle({});
                 });
}

void KeeperHost::ProcessEnded(const std::shared_ptr<os::Process>& process) {
  if (!os::HasEnded(process->pidfd)) {
    return;  // woken by an event of a descriptor that had this number before
  }
  const bool current = processes_.back() == process;
  loop_.Unwatch(process->pidfd.get());
  std::erase(processes_, process);
  const Result<os::ExitState> exit = os::Reap(*process);
  if (!current || !beginning_ || serving_) {
    return;
  }
  if (LockIsTaken()) {
    // By a keeper that is on its way out, perhaps.
    return AttemptAgainOr(FailedPrecondition(fmt::format(
        "device {} is already served by the flexaid of another user or folder on this machine: use that "
        "one (FLEXAI_RUNTIME_DIR), or stop it first",
        options_.device)));
  }
  Settle(Internal(fmt::format("the keeper of device {} ended at once ({} {}): see {}/keeper-{}.log",
                              options_.device, exit.ok() && exit->signaled ? "signal" : "exit status",
                              exit.ok() ? exit->value : -1, options_.log_directory, options_.device)));
}

bool KeeperHost::LockIsTaken() const {
  const Result<os::UniqueFd> lock = os::LockFile(options_.lock);
  return !lock.ok() && lock.status().code() == Code::kAlreadyExists;
}

void KeeperHost::Settle(const Status& status) {
  loop_.Cancel(timer_);
  beginning_ = may_start_ = false;
  problem_ = status.code() == Code::kNotFound ? Status() : status;
  if (!status.ok()) {
    link_.reset();
  }
  std::vector<std::function<void(Status)>> waiting;
  waiting.swap(waiting_);
  for (const auto& done : waiting) {
    done(status);
  }
}

void KeeperHost::LinkLost(const Status& why) {
  link_.reset();
  if (!std::exchange(serving_, false)) {
    return;  // the request that waits, hello, was told already
  }
  events_.lost(why);
}

}  // namespace flexai::node
