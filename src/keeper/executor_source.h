// Executors as the keeper's logic sees them: where they come from and what can be done with one.
//
// Thread safety: used on the reactor's thread only. Callbacks run on that thread, never inside a call to the
// object that makes them, and none after it is destroyed.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/units.h"
#include "os/process.h"
#include "os/unique_fd.h"

namespace flexai::keeper {

// One executor process: warmed, given one session, frozen, ended. Destroying it ends the process.
class ExecutorHandle {
 public:
  struct Events {
    std::function<void(Status)> ready;  // it can take a session, or why it can't; must not destroy the handle
    std::function<void(os::ExitState)> ended;  // the process is gone and reaped; last callback
  };

  virtual ~ExecutorHandle() = default;
  virtual void SetEvents(Events events) = 0;
  // Unset until it has said whether it is ready.
  virtual const std::optional<Status>& ready() const = 0;
  virtual pid_t pid() const = 0;
  virtual const os::UniqueFd& pidfd() const = 0;
  // Hands it its session. Its messages go to `log_path` from now on, those of before first.
  virtual Status Assign(std::string_view start, std::span<const int> fds, const std::string& log_path) = 0;
  // A sentence of the keeper's own in the session's log.
  virtual void Note(std::string_view sentence) = 0;
  virtual Status LimitMemory(Bytes bytes) = 0;
  virtual void Freeze(bool frozen) = 0;
  // `ended` follows.
  virtual void Kill() = 0;
};

class ExecutorSource {
 public:
  virtual ~ExecutorSource() = default;
  // Keeps a spare for `tenant` from now on, started after `delay`.
  virtual void Expect(uid_t tenant, Nanos delay) = 0;
  // Lets the tenant's spare go after a while, unless it is expected again.
  virtual void Release(uid_t tenant) = 0;
  // The tenant's spare, which may still be loading, or a new executor. The caller sets its events.
  virtual Result<std::unique_ptr<ExecutorHandle>> Take(uid_t tenant) = 0;
};

}  // namespace flexai::keeper
