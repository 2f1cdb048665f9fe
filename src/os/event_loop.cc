#include "os/event_loop.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <cerrno>

#include "os/error.h"
#include "os/monotonic_clock.h"

namespace flexai::os {

Result<std::unique_ptr<EventLoop>> EventLoop::Create() {
  std::unique_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_ = UniqueFd(epoll_create1(EPOLL_CLOEXEC));
  loop->timer_ = UniqueFd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  loop->wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!loop->epoll_.valid() || !loop->timer_.valid() || !loop->wake_.valid()) {
    return ErrnoStatus("can't make an event loop");
  }
  EventLoop* self = loop.get();
  FLEXAI_RETURN_IF_ERROR(loop->Watch(loop->timer_.get(), [self] { self->RunTimers(); }));
  FLEXAI_RETURN_IF_ERROR(loop->Watch(loop->wake_.get(), [self] { self->RunPosted(); }));
  return loop;
}

EventLoop::~EventLoop() = default;

Status EventLoop::Arm(int fd, bool known) {
  Watched& watched = watches_[fd];
  if (!known) {
    watched.generation = next_generation_++;
  }
  epoll_event event{};
  event.events = (watched.readable ? EPOLLIN : 0u) | (watched.writable ? EPOLLOUT : 0u);
  event.data.u64 = static_cast<uint64_t>(watched.generation) << 32 | static_cast<uint32_t>(fd);
  if (epoll_ctl(epoll_.get(), known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0) {
    const Status failed = ErrnoStatus("can't watch a file descriptor");
    watches_.erase(fd);
    return failed;
  }
  return {};
}

Status EventLoop::Watch(int fd, std::function<void()> ready) {
  const bool known = watches_.contains(fd);
  watches_[fd].readable = std::make_shared<std::function<void()>>(std::move(ready));
  return Arm(fd, known);
}

Status EventLoop::WatchWritable(int fd, std::function<void()> ready) {
  const bool known = watches_.contains(fd);
  watches_[fd].writable = std::make_shared<std::function<void()>>(std::move(ready));
  return Arm(fd, known);
}

void EventLoop::UnwatchWritable(int fd) {
  const auto found = watches_.find(fd);
  if (found == watches_.end() || !found->second.writable) {
    return;
  }
  found->second.writable.reset();
  if (!found->second.readable) {
    Unwatch(fd);
  } else {
    static_cast<void>(Arm(fd, true));
  }
}

void EventLoop::Unwatch(int fd) {
  if (watches_.erase(fd) > 0) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  }
}

uint64_t EventLoop::After(Nanos delay, std::function<void()> due) {
  return At(MonotonicClock().Now() + delay, std::move(due));
}

uint64_t EventLoop::At(Nanos at, std::function<void()> due) {
  const uint64_t id = next_timer_++;
  timers_.emplace(std::pair(at.value, id), std::move(due));
  timer_times_.emplace(id, at.value);
  ArmTimer();
  return id;
}

void EventLoop::Cancel(uint64_t timer) {
  const auto found = timer_times_.find(timer);
  if (found != timer_times_.end()) {
    timers_.erase({found->second, timer});
    timer_times_.erase(found);
    ArmTimer();
  }
}

void EventLoop::ArmTimer() {
  itimerspec when{};
  if (!timers_.empty()) {
    const int64_t at = std::max<int64_t>(1, timers_.begin()->first.first);
    when.it_value.tv_sec = at / 1000000000;
    when.it_value.tv_nsec = at % 1000000000;
  }
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void EventLoop::RunTimers() {
  uint64_t expirations = 0;
  [[maybe_unused]] const ssize_t got = read(timer_.get(), &expirations, sizeof(expirations));
  const int64_t now = MonotonicClock().Now().value;
  while (!timers_.empty() && timers_.begin()->first.first <= now && !stopped_) {
    const auto first = timers_.begin();
    const std::function<void()> due = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    due();
  }
  ArmTimer();
}

void EventLoop::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(posted_mutex_);
    posted_.push_back(std::move(task));
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

void EventLoop::RunPosted() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_.get(), &count, sizeof(count));
  std::vector<std::function<void()>> tasks;
  {
    const std::lock_guard lock(posted_mutex_);
    tasks.swap(posted_);
  }
  for (const auto& task : tasks) {
    task();
  }
}

Status EventLoop::WatchSignals(const std::vector<int>& signals, std::function<void(int)> caught) {
  return WatchSignals(signals, [caught = std::move(caught)](int signal, bool) { caught(signal); });
}

Status EventLoop::WatchSignals(const std::vector<int>& signals, std::function<void(int, bool)> caught) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) {
    sigaddset(&set, number);
  }
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) {
    return ErrnoStatus("can't block signals");
  }
  signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_.valid()) {
    return ErrnoStatus("can't watch signals");
  }
  return Watch(signals_.get(), [this, caught = std::move(caught)] {
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
      caught(static_cast<int>(info.ssi_signo), info.ssi_code == SI_KERNEL);
    }
  });
}

Status EventLoop::Run() {
  stopped_ = false;
  while (!stopped_) {
    epoll_event events[32];
    const int count = epoll_wait(epoll_.get(), events, 32, -1);
    if (count < 0 && errno != EINTR) {
      return ErrnoStatus("can't wait for events");
    }
    for (int i = 0; i < count && !stopped_; ++i) {
      Deliver(events[i].data.u64, events[i].events);
    }
  }
  return {};
}

void EventLoop::Deliver(uint64_t token, uint32_t events) {
  // A callback before this one in the same batch may have closed the descriptor, and its number may be in use
  // again.
  const auto find = [&]() -> const Watched* {
    const auto found = watches_.find(static_cast<int>(token & 0xffffffffu));
    return found != watches_.end() && found->second.generation == token >> 32 ? &found->second : nullptr;
  };
  const uint32_t ended = events & (EPOLLHUP | EPOLLERR);
  if (const Watched* watched = find();
      watched != nullptr && watched->readable && (events & EPOLLIN || ended != 0)) {
    const Callback ready = watched->readable;
    (*ready)();
  }
  if (const Watched* watched = find();
      watched != nullptr && watched->writable && (events & EPOLLOUT || ended != 0)) {
    const Callback ready = watched->writable;
    (*ready)();
  }
}

void EventLoop::Stop() {
  Post([this] { stopped_ = true; });
}

}  // namespace flexai::os
