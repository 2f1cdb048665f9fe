// One executor process as its keeper holds it: started, warmed, given one session, frozen, ended, reaped.
//
// Thread safety: used on its event loop's thread only. Callbacks run on that thread, never inside a call to this
// object, and none after it is destroyed. Destroying it kills the process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/status.h"
#include "base/units.h"
#include "keeper/tenant.h"
#include "os/cgroup.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "os/socket.h"
#include "telemetry/log.h"

namespace flexai::keeper {

// By how much the keeper's nice value is below its executors': all of them wait for it, and it runs for microseconds.
inline constexpr int kKeeperAhead = 5;

class Executor {
 public:
  struct Events {
    std::function<void(Status)> ready;        // it can take a session, or why it can't
    std::function<void(os::ExitState)> ended; // the process is gone and reaped; last callback
  };
  // `device` and `number` name its control group. Isolation that is not to be had is logged once per sentence.
  static Result<std::unique_ptr<Executor>> Start(os::EventLoop& loop, telemetry::Log& log, const std::string& program,
                                                 const std::string& device, uint64_t number,
                                                 const Tenants::Place& place);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void SetEvents(Events events);
  // Unset until it has said whether it is ready.
  const std::optional<Status>& ready() const { return ready_; }
  pid_t pid() const { return process_.pid; }
  const os::UniqueFd& pidfd() const { return process_.pidfd; }

  // Hands it its session. Its messages go to `log_path` from now on, those of before first.
  Status Assign(std::string_view start, std::span<const int> fds, const std::string& log_path);
  // A sentence of the keeper's own in the session's log.
  void Note(std::string_view sentence);
  Status LimitMemory(Bytes bytes);
  void Freeze(bool frozen);
  // `ended` follows.
  void Kill();

 private:
  Executor(os::EventLoop& loop, telemetry::Log& log) : loop_(loop), log_(log) {}
  void ReadControl();
  void ReadMessages();
  void WriteLog(std::string_view text);
  void ProcessEnded();
  void CloseControl();

  os::EventLoop& loop_;
  telemetry::Log& log_;
  os::Process process_;
  os::PacketSocket control_;
  os::UniqueFd messages_;  // its standard error
  os::UniqueFd log_file_;
  std::string early_;      // messages before Assign
  size_t logged_ = 0;
  os::Cgroup cgroup_;
  Events events_;
  std::optional<Status> ready_;
  bool running_ = false;
};

}  // namespace flexai::keeper
