#include "sim/world.h"

#include <poll.h>

#include <algorithm>

#include "os/event_counter.h"
#include "share/executor_start.h"

namespace flexai::sim {

using keeper::ExecutorHandle;

Status World::Watch(int fd, std::function<void()> ready) {
  watches_[fd] = std::make_shared<std::function<void()>>(std::move(ready));
  return {};
}

uint64_t World::At(Nanos at, std::function<void()> due) {
  events_.push({std::max(at, clock.Now()).value, next_id_, std::move(due)});
  return next_id_++;
}

void World::RunUntil(Nanos until) {
  while (!events_.empty() && events_.top().at <= until.value) {
    const Event event = events_.top();
    events_.pop();
    if (cancelled_.erase(event.id) > 0) {
      continue;
    }
    clock.Set({event.at});
    event.run();
    PollFds();
    if (after_event) {
      after_event();
    }
  }
  clock.Set(until);
}

// A file descriptor that has become readable is served a little later, like by a process that must wake up
// first.
void World::PollFds() {
  std::vector<pollfd> entries;
  for (const auto& [fd, ready] : watches_) {
    entries.push_back({fd, POLLIN, 0});
  }
  if (entries.empty() || poll(entries.data(), entries.size(), 0) <= 0) {
    return;
  }
  for (const pollfd& entry : entries) {
    if (entry.revents == 0 || !waking_.insert(entry.fd).second) {
      continue;
    }
    After({random.Between(2'000, 30'000)}, [this, fd = entry.fd] {
      waking_.erase(fd);
      pollfd still{fd, POLLIN, 0};
      const auto found = watches_.find(fd);
      if (found != watches_.end() && poll(&still, 1, 0) > 0) {
        const auto callback = found->second;  // which may end its own watch
        (*callback)();
      }
    });
  }
}

Result<std::unique_ptr<ExecutorHandle>> SimExecutors::Take(uid_t) {
  Behaviour behaviour = Behaviour::kWorks;
  if (faults) {
    switch (world_.random.Below(12)) {
      case 0:
        behaviour = Behaviour::kHangs;
        break;
      case 1:
        behaviour = Behaviour::kLies;
        break;
      case 2:
        behaviour = Behaviour::kFailsToLoad;
        break;
      case 3:
        behaviour = Behaviour::kNeverReady;
        break;
      case 4:
        behaviour = Behaviour::kIdles;
        break;
      case 5:
        return ResourceExhausted("no space left on device");
      default:
        break;
    }
  }
  return std::unique_ptr<ExecutorHandle>(new Process(*this, world_, behaviour));
}

SimExecutors::Process::Process(SimExecutors& executors, World& world, Behaviour behaviour)
    : executors_(executors), world_(world), behaviour_(behaviour), ended_fd_(*os::CreateEventCounter()) {
  ++executors_.alive;
  if (behaviour != Behaviour::kNeverReady) {
    Later(1'000'000, 80'000'000, &Process::BecomeReady);
  }
}

SimExecutors::Process::~Process() {
  *exists_ = false;
  if (!dead_) {
    --executors_.alive;
  }
  executors_.sessions.erase(session_);
}

void SimExecutors::Process::Later(int64_t low_ns, int64_t high_ns, void (Process::*step)()) {
  world_.After({world_.random.Between(low_ns, high_ns)}, [this, exists = exists_, step] {
    if (!*exists || dead_) {
      return;
    }
    if (frozen_) {
      world_.After(Millis(1), [this, exists, step] {
        if (*exists && !dead_) {
          Later(0, 0, step);
        }
      });
      return;
    }
    (this->*step)();
  });
}

void SimExecutors::Process::BecomeReady() {
  ready_ = behaviour_ == Behaviour::kFailsToLoad ? FailedPrecondition("this platform is broken") : Status();
  if (events_.ready) {
    const auto tell = events_.ready;
    tell(*ready_);
  }
}

void SimExecutors::Process::Die() {
  if (dead_) {
    return;
  }
  dead_ = true;
  --executors_.alive;
  executors_.sessions.erase(session_);
  os::RingEventCounter(ended_fd_);
  world_.After({world_.random.Between(20'000, 5'000'000)}, [this, exists = exists_] {
    if (*exists && events_.ended) {
      const auto tell = events_.ended;
      tell({true, 9});
    }
  });
}

Status SimExecutors::Process::Assign(std::string_view text, std::span<const int> fds, const std::string&) {
  const share::ExecutorStart start = share::DecodeStart(text).value();
  const auto duplicate = [&fds](size_t which) {
    os::UniqueFd original(fds[which]);
    os::UniqueFd copy = std::move(os::DuplicateFd(original).value());
    original.Release();
    return copy;
  };
  using Access = os::Mapping::Access;
  const os::UniqueFd own = duplicate(share::kFdOwnPage);
  const os::UniqueFd grant = duplicate(share::kFdGrantPage);
  forged_ = std::move(os::Mapping::Map(own, sizeof(share::OwnPage), Access::kReadWrite).value());
  granted_ = std::move(os::Mapping::Map(grant, sizeof(share::GrantPage), Access::kReadOnly).value());
  doorbell_ = duplicate(share::kFdDoorbell);
  lease_ = std::move(share::LeaseClient::Open({duplicate(share::kFdOwnPage), duplicate(share::kFdGrantPage),
                                               duplicate(share::kFdBoardPage), duplicate(share::kFdDoorbell)},
                                              world_.clock)
                         .value());
  session_ = start.session;
  executors_.sessions[session_] = this;
  if (behaviour_ == Behaviour::kLies) {
    Later(1'000'000, 50'000'000, &Process::Lie);
  }
  if (behaviour_ != Behaviour::kIdles) {
    Later(10'000, 1'000'000, &Process::Step);
  }
  Later(100'000, 50'000'000, &Process::AskForMemory);
  return {};
}

void SimExecutors::Process::Freeze(bool frozen) {
  frozen_ = frozen;
  world_.Trace(frozen ? 11 : 12);
}

// The engine: one command at a time, looked at often enough that no bell needs to be modelled.
void SimExecutors::Process::Step() {
  if (!busy_) {
    length_ns_ = world_.random.Between(50'000, 5'000'000);
    if (lease_->TryEnter(0, {length_ns_}) != share::Entry::kNo) {
      busy_ = true;
      Later(5'000, 40'000, &Process::StartCommand);
    }
  }
  if (lease_->Deadline() <= world_.clock.Now()) {
    lease_->OnDeadline();
  }
  Later(100'000, 400'000, &Process::Step);
}

void SimExecutors::Process::StartCommand() {
  start_ = world_.clock.Now();
  lease_->Started(0, start_);
  if (behaviour_ != Behaviour::kHangs) {
    Later(length_ns_, length_ns_, &Process::FinishCommand);
  }
}

void SimExecutors::Process::FinishCommand() {
  busy_ = false;
  ++executors_.commands;
  world_.Trace(session_);
  static_cast<void>(lease_->Finished(0, {length_ns_}, start_, world_.clock.Now()));
}

// As LeaseClient::Charge, which would wait in real time.
void SimExecutors::Process::AskForMemory() {
  if (held_bytes_ > 0 && world_.random.Below(3) == 0) {
    static_cast<void>(lease_->Charge(0, -static_cast<int64_t>(std::exchange(held_bytes_, 0))));
  }
  asked_bytes_ = world_.random.Between(1, 200) << 20;
  lane().charge_bytes.store(asked_bytes_);
  lane().charge_sequence.fetch_add(1);
  os::RingEventCounter(doorbell_);
  LookForAnswer();
}

void SimExecutors::Process::LookForAnswer() {
  const share::GrantLane& granted = reinterpret_cast<const share::GrantPage*>(granted_.data())->lanes[0];
  if (granted.charge_sequence.load() != lane().charge_sequence.load()) {
    Later(100'000, 300'000, &Process::LookForAnswer);
    return;
  }
  if (granted.charge_code.load() == 0) {
    held_bytes_ += asked_bytes_;
    ++executors_.granted_charges;
  } else {
    ++executors_.refused_charges;
  }
  Later(1'000'000, 50'000'000, &Process::AskForMemory);
}

void SimExecutors::Process::Lie() {
  const uint64_t value = world_.random.Next() >> world_.random.Below(64);
  switch (world_.random.Below(6)) {
    case 0:
      lane().running = static_cast<uint32_t>(value);
      break;
    case 1:
      lane().lease_done = value;
      break;
    case 2:
      lane().used_ns = value;
      break;
    case 3:
      lane().head_start_ns = static_cast<int64_t>(value);
      break;
    case 4:
      lane().finished = value;
      break;
    case 5:
      lane().released_bytes = value;
      break;
  }
  os::RingEventCounter(doorbell_);
  Later(1'000'000, 20'000'000, &Process::Lie);
}

}  // namespace flexai::sim
