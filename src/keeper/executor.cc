#include "keeper/executor.h"

#include <fmt/core.h>
#include <signal.h>

#include <filesystem>
#include <set>
#include <system_error>

#include "os/files.h"
#include "os/pipe.h"
#include "os/scheduling.h"
#include "share/executor_start.h"

namespace flexai::keeper {
namespace {

// A tenant's code can write to its session's log as it likes; the disk is not its.
constexpr size_t kMostLogBytes = 1 << 20;
constexpr size_t kMostEarlyBytes = 64 << 10;
// Less than what a compiler may need for one program.
constexpr uint64_t kLittleCacheRoom = 1 << 20;

void LogMissing(telemetry::Log& log, const std::vector<std::string>& sentences) {
  static std::set<std::string> told;  // a keeper has one thread
  for (const std::string& sentence : sentences) {
    if (told.insert(sentence).second) {
      log.Warning("isolation of executors: {}", sentence);
    }
  }
}

}  // namespace

Result<std::unique_ptr<Executor>> Executor::Start(os::EventLoop& loop, telemetry::Log& log,
                                                  const std::string& program, const std::string& device,
                                                  uint64_t number, const Tenants::Place& place) {
  std::unique_ptr<Executor> executor(new Executor(loop));
  Executor* self = executor.get();
  FLEXAI_ASSIGN_OR_RETURN(auto ends, os::PacketSocket::Pair());
  FLEXAI_ASSIGN_OR_RETURN(os::Pipe messages, os::CreatePipe());
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd nothing, os::OpenNullDevice());
  os::SpawnOptions spawn;
  spawn.program = program;
  spawn.arguments = {"--session", "--sandbox", share::EncodeSandbox(place.sandbox)};
  spawn.environment = os::Environment(place.environment);
  spawn.fds = {{nothing.get(), 0},
               {nothing.get(), 1},
               {messages.write_end.get(), 2},
               {ends.second.fd(), share::kControlFd}};
  spawn.die_with_parent = true;
  // The kernel shares a core among sessions first (autogroup): an executor must not wait for what its keeper
  // or another tenant's executor has used.
  spawn.new_session = true;
  // Its number, and not a step from the child's own: that may have been reset by the fork (os::SetTimeSlice).
  spawn.before_exec = [nice = os::Niceness() + kKeeperAhead] {
    os::SetNiceness(nice);
    return 0;
  };
  FLEXAI_ASSIGN_OR_RETURN(executor->process_, os::Spawn(spawn));
  executor->running_ = true;
  executor->cache_ = place.cache;
  executor->control_ = std::move(ends.first);
  executor->messages_ = std::move(messages.read_end);
  LogMissing(log, place.missing);
  Result<os::Cgroup> cgroup = os::Cgroup::Create(device, number);
  if (cgroup.ok()) {
    executor->cgroup_ = *std::move(cgroup);
    LogMissing(log, executor->cgroup_.missing());
    if (const Status added = executor->cgroup_.Add(self->pid()); !added.ok()) {
      LogMissing(log, {added.message()});
      executor->cgroup_ = os::Cgroup();
    }
  } else {
    LogMissing(log, {cgroup.status().message()});
  }
  FLEXAI_RETURN_IF_ERROR(loop.Watch(self->control_.fd(), [self] { self->ReadControl(); }));
  FLEXAI_RETURN_IF_ERROR(loop.Watch(self->messages_.get(), [self] { self->ReadMessages(); }));
  FLEXAI_RETURN_IF_ERROR(loop.Watch(self->pidfd().get(), [self] { self->ProcessEnded(); }));
  return executor;
}

Executor::~Executor() {
  events_ = {};
  CloseControl();
  if (messages_.valid()) {
    loop_.Unwatch(messages_.get());
  }
  if (running_) {
    loop_.Unwatch(process_.pidfd.get());
    Kill();
    static_cast<void>(os::Reap(process_));
  }
}

void Executor::SetEvents(Events events) { events_ = std::move(events); }

void Executor::CloseControl() {
  if (control_.valid()) {
    loop_.Unwatch(control_.fd());
    control_.Close();
  }
}

// The executor speaks once: that it is ready, or why not.
void Executor::ReadControl() {
  const Result<os::Packet> packet = control_.Receive({0});
  if (!packet.ok()) {
    if (packet.status().code() != Code::kDeadlineExceeded) {
      CloseControl();  // the end of the process tells the rest
    }
    return;
  }
  if (ready_) {
    return;
  }
  ready_ = share::DecodeReady(packet->text());
  if (events_.ready) {
    const auto tell = events_.ready;
    tell(*ready_);
  }
}

void Executor::ReadMessages() {
  char buffer[4096];
  const size_t got = os::ReadPipe(messages_, buffer, sizeof(buffer));
  if (got == 0) {
    loop_.Unwatch(messages_.get());
    messages_.Reset();
    return;
  }
  WriteLog({buffer, got});
}

void Executor::WriteLog(std::string_view text) {
  if (!log_file_.valid()) {
    early_.append(text.substr(0, kMostEarlyBytes - std::min(kMostEarlyBytes, early_.size())));
    return;
  }
  if (logged_ >= kMostLogBytes) {
    return;
  }
  logged_ += text.size();
  os::WriteAll(log_file_, text);
  if (logged_ >= kMostLogBytes) {
    os::WriteAll(log_file_, "\nflexai-keeper: the log of a session ends here\n");
  }
}

void Executor::Note(std::string_view sentence) { WriteLog(fmt::format("flexai-keeper: {}\n", sentence)); }

Status Executor::Assign(std::string_view start, std::span<const int> fds, const std::string& log_path) {
  FLEXAI_ASSIGN_OR_RETURN(log_file_, os::OpenForAppend(log_path, 0600));
  WriteLog(std::exchange(early_, ""));
  NoteFullCache();
  return control_.SendNow(start, fds);
}

// Compilers that can't write there may fail without a word of why (PoCL does).
void Executor::NoteFullCache() {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(cache_, error);
  if (!error && space.available < kLittleCacheRoom) {
    Note(fmt::format(
        "the disk of the kernel cache {} has {} left: make room there, or programs may fail to build", cache_,
        FormatBytes({space.available})));
  }
}

Status Executor::LimitMemory(Bytes bytes) {
  return cgroup_.can_limit_memory() ? cgroup_.LimitMemory(bytes) : Status();
}

void Executor::Freeze(bool frozen) {
  if (cgroup_.can_freeze() && cgroup_.Freeze(frozen).ok()) {
    return;
  }
  static_cast<void>(os::SignalProcess(process_.pidfd, frozen ? SIGSTOP : SIGCONT));
}

void Executor::Kill() {
  static_cast<void>(os::SignalProcess(process_.pidfd, SIGKILL));
  cgroup_.KillAll();  // with a linker that a driver has started, perhaps
}

void Executor::ProcessEnded() {
  loop_.Unwatch(process_.pidfd.get());
  running_ = false;
  const Result<os::ExitState> exit = os::Reap(process_);
  while (messages_.valid() && os::PipeReadable(messages_)) {
    ReadMessages();
  }
  if (!ready_) {
    ready_ = Unavailable("the executor ended before it was ready");
    if (events_.ready) {
      const auto tell = events_.ready;
      tell(*ready_);
    }
  }
  if (events_.ended) {
    const auto tell = events_.ended;
    tell(exit.ok() ? *exit : os::ExitState{});
  }
}

}  // namespace flexai::keeper
