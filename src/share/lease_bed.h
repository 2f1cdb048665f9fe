// A machine in virtual time for tests: one device, executors that use the real LeaseClient, and the real
// arbiter over real lease pages, all in one thread and reproducible from a seed.
//
// The device runs the commands at the heads of the executors' queues at once, sharing its speed evenly (what
// a CPU device does when turns overlap). Wake-ups, submissions and keeper passes take time; see BedOptions.
#pragma once

#include <functional>
#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "share/arbiter.h"
#include "share/lease_table.h"

namespace flexai::share {

struct BedOptions {
  ArbiterOptions arbiter;
  uint64_t seed = 1;
  int64_t wake_low_ns = 4'000, wake_high_ns = 12'000;  // from a bell to the woken thread
  int64_t late_wake_ns = 60'000;                       // once in fifty
  int64_t submit_ns = 8'000;                           // the engine's work for one command
  int64_t start_ns = 10'000;                           // from an empty queue to a running command
  int64_t gap_ns = 1'000;                              // between two commands of one queue
  int64_t keeper_ns = 6'000;                           // one pass of the keeper
};

// What a session submits. `next` draws the length of a command; `burst` commands are queued together, and
// after the last has ended the client thinks before the next burst. burst 0: always more work.
struct Workload {
  std::function<int64_t(Random&)> next;
  int burst = 0;
  std::function<int64_t(Random&)> think;
  int64_t first_compile_ns = 0;  // the first command begins this much after it was submitted
  double claimed = 1;            // part of its device time that the executor counts
  double mispredict = 0.03;      // relative error of the engine's predictions
  int64_t start_at_ns = 0;
  int64_t stop_at_ns = INT64_MAX;
};

struct Completion {
  int64_t at_ns;
  int64_t work_ns;  // what the command takes alone
};
struct BurstTime {
  int64_t began_ns, ended_ns;
};

class LeaseBed {
 public:
  explicit LeaseBed(const BedOptions& options);
  ~LeaseBed();

  VxpuId AddVxpu(const ComputeShare& share);
  void Resize(VxpuId vxpu, const ComputeShare& share);
  // Returns the session's index.
  size_t AddSession(VxpuId vxpu, Workload workload);
  // The executor dies now; the keeper hears of it.
  void Kill(size_t session);
  bool Condemned(size_t session) const;
  // The session's page, to write lies to; rings the keeper after each of them.
  OwnPage& Forge(size_t session);

  void RunUntil(int64_t now_ns);
  int64_t now() const { return clock_.Now().value; }
  // Calls `what` at a time of the run.
  void At(int64_t at_ns, std::function<void()> what) { Post(at_ns, std::move(what)); }

  const std::vector<Completion>& Completions(size_t session) const;
  const std::vector<BurstTime>& Bursts(size_t session) const;
  // Work done by `session` in [from, to), with a command counted when it ends.
  double WorkNs(size_t session, int64_t from, int64_t to) const;
  double DeviceBusyNs() const { return busy_ns_; }
  uint64_t keeper_passes() const { return keeper_passes_; }
  const Arbiter& arbiter() const { return *arbiter_; }

 private:
  struct Session;
  struct Event {
    int64_t at;
    uint64_t order;
    std::function<void()> run;
    bool operator<(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
  };

  void Post(int64_t at, std::function<void()> run);
  int64_t WakeDelay();
  void AfterEvent();
  void RunKeeper();
  void WakeEngine(Session& session);
  void RunEngine(Session& session);
  void ArmEngine(Session& session);
  void QueueHead(Session& session, int64_t delay);
  void StartCommand(Session& session);
  void FinishCommand(Session& session);
  void AdvanceDevice();
  void ArmDevice();
  void Refill(Session& session);

  BedOptions options_;
  Random random_;
  ManualClock clock_;
  std::unique_ptr<LeaseTable> table_;
  std::unique_ptr<Arbiter> arbiter_;
  std::priority_queue<Event> events_;
  uint64_t order_ = 0;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<Session*> live_;
  VxpuId next_vxpu_ = 1;
  bool keeper_posted_ = false;
  uint64_t keeper_timer_ = 0;  // generation
  uint64_t keeper_passes_ = 0;
  int64_t device_at_ = 0;
  uint64_t device_timer_ = 0;  // generation
  double busy_ns_ = 0;
};

// Largest excess, in points of a window, of |got - due| over max(slack_points, slack_of_due * due) plus one
// longest command, over windows of `window_ns` in [from, to) at steps of half a window. `shares` sum to 1.
double WorstExcessPoints(const LeaseBed& bed, const std::vector<double>& shares, int64_t from, int64_t to,
                         int64_t window_ns, double slack_points, double slack_of_due, int64_t longest_ns);

}  // namespace flexai::share
