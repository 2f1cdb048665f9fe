// What the keeper's logic needs of an event loop, so that a simulation can run it in virtual time.
#pragma once

#include <cstdint>
#include <functional>

#include "base/status.h"
#include "base/units.h"
#include "os/event_loop.h"

namespace flexai::keeper {

// As os::EventLoop, whose rules these methods have.
class Reactor {
 public:
  virtual ~Reactor() = default;
  virtual Status Watch(int fd, std::function<void()> ready) = 0;
  virtual void Unwatch(int fd) = 0;
  virtual uint64_t At(Nanos at, std::function<void()> due) = 0;
  virtual void Cancel(uint64_t timer) = 0;
  virtual void Post(std::function<void()> task) = 0;
};

// The real one. The loop must outlive it.
class LoopReactor final : public Reactor {
 public:
  explicit LoopReactor(os::EventLoop& loop) : loop_(loop) {}
  Status Watch(int fd, std::function<void()> ready) override { return loop_.Watch(fd, std::move(ready)); }
  void Unwatch(int fd) override { loop_.Unwatch(fd); }
  uint64_t At(Nanos at, std::function<void()> due) override { return loop_.At(at, std::move(due)); }
  void Cancel(uint64_t timer) override { loop_.Cancel(timer); }
  void Post(std::function<void()> task) override { loop_.Post(std::move(task)); }

 private:
  os::EventLoop& loop_;
};

}  // namespace flexai::keeper
