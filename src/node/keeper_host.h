// The keeper of one device as flexaid sees it: adopts one that runs, starts one when needed, notices its end.
//
// A keeper is started detached (own session, own log), so that it outlives flexaid; the next flexaid finds it
// by its socket. A lock keeps it the only one of the device on the machine.
//
// Thread safety: used on its event loop's thread only; callbacks run there. Callbacks given to Ensure and
// Request run exactly once, unless the host is destroyed first (then never).
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "node/keeper_link.h"
#include "os/event_loop.h"
#include "os/process.h"
#include "telemetry/log.h"

namespace flexai::node {

struct KeeperOptions {
  std::string device;
  std::string socket, lock, log_directory;
  std::string keeper_program, executor_program;
  Bytes memory, reserve;
  std::optional<Bytes> session_overhead;
  Nanos max_command;    // 0: no limit
  bool freeze = false;  // executors of this device can be stopped in the middle of a command
  std::string version;
};

class KeeperHost {
 public:
  struct Events {
    // A keeper answered `hello`: what it holds. Runs before waiting Ensure callbacks.
    std::function<void(const nlohmann::json& hello)> serving;
    // The keeper that served is gone, with its vXPUs and sessions.
    std::function<void(const Status&)> lost;
  };

  KeeperHost(os::EventLoop& loop, telemetry::Log& log, KeeperOptions options, Events events);
  ~KeeperHost();

  // From the next keeper on that is started; one that runs keeps what it was given. The device, and so socket
  // and lock, must stay.
  void SetOptions(KeeperOptions options) { options_ = std::move(options); }

  // Connects to a keeper that already runs; kNotFound if there is none. `done` runs when it has said hello.
  void Adopt(std::function<void(Status)> done);
  // Adopts or starts the keeper.
  void Ensure(std::function<void(Status)> done);
  // Sends a request to the keeper (KeeperLink::Request); kUnavailable at once if none is serving.
  void Request(nlohmann::json body, std::vector<int> fds, Nanos timeout, KeeperLink::Done done);

  // Has the keeper, once it serves, end its sessions and go. `done` runs when it has gone, its lock with it.
  void ShutDown(std::function<void()> done);

  bool serving() const { return serving_; }
  bool beginning() const { return beginning_; }
  // Why the last attempt to have a keeper failed; success if none failed since.
  const Status& problem() const { return problem_; }

 private:
  void Begin(bool may_start, std::function<void(Status)> done);
  void Attempt();
  void AttemptAgainOr(const Status& failure);
  Status StartProcess();
  void PollSocket(Nanos give_up_at);
  bool TryConnect();
  void SayHello();
  void ProcessEnded(const std::shared_ptr<os::Process>& process);
  void Settle(const Status& status);
  void LinkLost(const Status& why);
  bool LockIsTaken() const;
  void AwaitLock(std::function<void()> done);

  os::EventLoop& loop_;
  telemetry::Log& log_;
  KeeperOptions options_;
  const Events events_;
  std::unique_ptr<KeeperLink> link_;
  // What we started and have not reaped. The last one is the current; one that ends may still be there when
  // the next is started.
  std::vector<std::shared_ptr<os::Process>> processes_;
  bool serving_ = false;
  bool beginning_ = false;
  Status problem_;
  bool may_start_ = false;
  int attempts_left_ = 0;
  uint64_t timer_ = 0;
  uint64_t lock_timer_ = 0;
  std::vector<std::function<void(Status)>> waiting_;
};

}  // namespace flexai::node
