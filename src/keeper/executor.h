// The real executor: a sandboxed process with a control socket, a pipe for its messages and a control group.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/status.h"
#include "base/units.h"
#include "keeper/executor_source.h"
#include "keeper/tenant.h"
#include "os/cgroup.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "os/socket.h"
#include "telemetry/log.h"

namespace flexai::keeper {

// By how much the keeper's nice value is below its executors': all of them wait for it, and it runs for
// microseconds.
inline constexpr int kKeeperAhead = 5;

class Executor final : public ExecutorHandle {
 public:
  // `device` and `number` name its control group. Isolation that is not to be had is logged once per
  // sentence.
  static Result<std::unique_ptr<Executor>> Start(os::EventLoop& loop, telemetry::Log& log,
                                                 const std::string& program, const std::string& device,
                                                 uint64_t number, const Tenants::Place& place);
  ~Executor() override;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  void SetEvents(Events events) override;
  const std::optional<Status>& ready() const override { return ready_; }
  pid_t pid() const override { return process_.pid; }
  const os::UniqueFd& pidfd() const override { return process_.pidfd; }
  // The process has gone, and its end was told.
  bool ended() const { return !running_; }
  Status Assign(std::string_view start, std::span<const int> fds, const std::string& log_path) override;
  void Note(std::string_view sentence) override;
  Status LimitMemory(Bytes bytes) override;
  void Freeze(bool frozen) override;
  void Kill() override;

 private:
  explicit Executor(os::EventLoop& loop) : loop_(loop) {}
  void ReadControl();
  void ReadMessages();
  void WriteLog(std::string_view text);
  void NoteFullCache();
  void ProcessEnded();
  void CloseControl();

  os::EventLoop& loop_;
  os::Process process_;
  os::PacketSocket control_;
  os::UniqueFd messages_;  // its standard error
  os::UniqueFd log_file_;
  std::string cache_;  // folder of compiled kernels
  std::string early_;  // messages before Assign
  size_t logged_ = 0;
  os::Cgroup cgroup_;
  Events events_;
  std::optional<Status> ready_;
  bool running_ = false;
};

}  // namespace flexai::keeper
