// A machine in virtual time around the real Keeper: event loop, applications, executors and a device, all in
// one thread and reproducible from a seed. The lease pages, the client of them and everything inside the
// keeper are the real ones; processes are objects here, and a pidfd is an eventfd that is rung when its
// process ends.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "keeper/executor_source.h"
#include "keeper/keeper.h"
#include "keeper/reactor.h"
#include "share/lease_client.h"

namespace flexai::sim {

// Time, events and file descriptors.
class World final : public keeper::Reactor {
 public:
  explicit World(uint64_t seed) : random(seed) {}

  Status Watch(int fd, std::function<void()> ready) override;
  void Unwatch(int fd) override { watches_.erase(fd); }
  uint64_t At(Nanos at, std::function<void()> due) override;
  void Cancel(uint64_t timer) override { cancelled_.insert(timer); }
  void Post(std::function<void()> task) override { At(clock.Now(), std::move(task)); }
  uint64_t After(Nanos delay, std::function<void()> due) { return At(clock.Now() + delay, std::move(due)); }

  void RunUntil(Nanos until);
  // Runs after every event.
  std::function<void()> after_event;
  // One number for all that happened: two runs of a seed must agree.
  void Trace(uint64_t what) {
    trace = (trace ^ what) * 0x100000001b3ull + static_cast<uint64_t>(clock.Now().value);
  }

  ManualClock clock;
  Random random;
  uint64_t trace = 0xcbf29ce484222325ull;

 private:
  struct Event {
    int64_t at;
    uint64_t id;
    std::function<void()> run;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : id > other.id; }
  };
  void PollFds();

  std::priority_queue<Event> events_;
  std::set<uint64_t> cancelled_;
  std::map<int, std::shared_ptr<std::function<void()>>> watches_;
  std::set<int> waking_;  // readable, and its callback is on the way
  uint64_t next_id_ = 1;
};

enum class Behaviour { kWorks, kIdles, kHangs, kLies, kNeverReady, kFailsToLoad };

// Executors whose behaviour is drawn from the world's seed.
class SimExecutors final : public keeper::ExecutorSource {
 public:
  explicit SimExecutors(World& world) : world_(world) {}

  void Expect(uid_t, Nanos) override {}
  void Release(uid_t) override {}
  Result<std::unique_ptr<keeper::ExecutorHandle>> Take(uid_t tenant) override;

  class Process;
  // Those that run a session now.
  std::map<share::SessionId, Process*> sessions;
  size_t alive = 0;
  uint64_t commands = 0;  // finished by anybody
  uint64_t granted_charges = 0, refused_charges = 0;
  bool faults = true;  // false: executors that are made from now on work

 private:
  World& world_;
};

class SimExecutors::Process final : public keeper::ExecutorHandle {
 public:
  Process(SimExecutors& executors, World& world, Behaviour behaviour);
  ~Process() override;

  void SetEvents(Events events) override { events_ = std::move(events); }
  const std::optional<Status>& ready() const override { return ready_; }
  pid_t pid() const override { return 1; }
  const os::UniqueFd& pidfd() const override { return ended_fd_; }
  Status Assign(std::string_view start, std::span<const int> fds, const std::string& log_path) override;
  void Note(std::string_view) override {}
  Status LimitMemory(Bytes) override { return {}; }
  void Freeze(bool frozen) override;
  void Kill() override { Die(); }

  // The process ends by a fault or a signal; its keeper hears of it a little later.
  void Die();
  Behaviour behaviour() const { return behaviour_; }
  uint64_t held_bytes() const { return held_bytes_; }  // that the keeper granted

 private:
  void Later(int64_t low_ns, int64_t high_ns, void (Process::*step)());
  void BecomeReady();
  void Step();
  void StartCommand();
  void FinishCommand();
  void AskForMemory();
  void LookForAnswer();
  void Lie();
  share::OwnLane& lane() { return reinterpret_cast<share::OwnPage*>(forged_.data())->lanes[0]; }

  SimExecutors& executors_;
  World& world_;
  const Behaviour behaviour_;
  Events events_;
  std::optional<Status> ready_;
  os::UniqueFd ended_fd_, doorbell_;
  std::unique_ptr<share::LeaseClient> lease_;
  os::Mapping forged_, granted_;
  share::SessionId session_ = 0;
  bool dead_ = false, frozen_ = false, busy_ = false;
  int64_t length_ns_ = 0;
  Nanos start_{};
  uint64_t held_bytes_ = 0, asked_bytes_ = 0;
  // Steps that are due belong to a process that may be gone.
  std::shared_ptr<bool> exists_ = std::make_shared<bool>(true);
};

}  // namespace flexai::sim
