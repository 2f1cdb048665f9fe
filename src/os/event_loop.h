// One thread that waits for many file descriptors and timers (epoll, timerfd).
//
// Callbacks run on the thread that calls Run. A callback may add and remove watches and timers, its own too.
// Thread safety: only Post and Stop may be called from other threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/unique_fd.h"

namespace flexai::os {

class EventLoop {
 public:
  static Result<std::unique_ptr<EventLoop>> Create();
  ~EventLoop();

  // Calls `ready` whenever `fd` is readable or its peer hung up. The fd stays the caller's and must be
  // unwatched before it is closed.
  Status Watch(int fd, std::function<void()> ready);
  // Ends every watch of `fd`.
  void Unwatch(int fd);

  // Calls `ready` whenever `fd` takes output or its peer hung up, for as long as it is watched; end the watch
  // when nothing is left to write. May stand beside Watch for the same fd.
  Status WatchWritable(int fd, std::function<void()> ready);
  void UnwatchWritable(int fd);

  // Calls `due` once at or after `at` (monotonic clock). Returns an id for Cancel; ids are never reused.
  uint64_t At(Nanos at, std::function<void()> due);
  uint64_t After(Nanos delay, std::function<void()> due);
  void Cancel(uint64_t timer);

  // Runs `task` on the loop's thread soon.
  void Post(std::function<void()> task);

  // Calls `caught` when one of `signals` arrives; blocks them for this thread (call before making threads).
  Status WatchSignals(const std::vector<int>& signals, std::function<void(int)> caught);
  // The same; `by_terminal` is true for a signal that a terminal's key sent to the whole foreground group.
  Status WatchSignals(const std::vector<int>& signals,
                      std::function<void(int signal, bool by_terminal)> caught);

  // Runs until Stop.
  Status Run();
  void Stop();

 private:
  using Callback = std::shared_ptr<std::function<void()>>;  // shared, so that a callback may unwatch itself
  struct Watched {
    Callback readable, writable;
    uint32_t generation = 0;  // tells it from an earlier watch of the same number
  };

  EventLoop() = default;
  Status Arm(int fd, bool known);
  void Deliver(uint64_t token, uint32_t events);
  void ArmTimer();
  void RunTimers();
  void RunPosted();

  UniqueFd epoll_;
  UniqueFd timer_;
  UniqueFd wake_;
  UniqueFd signals_;
  uint64_t next_timer_ = 1;
  std::map<int, Watched> watches_;
  uint32_t next_generation_ = 1;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> timers_;
  std::map<uint64_t, int64_t> timer_times_;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopped_ = false;
};

}  // namespace flexai::os
