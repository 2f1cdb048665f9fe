// Who may use the device next, and for how long: weighted fair queueing over measured device time, strict
// priority classes above the weights, caps below them.
//
// Turns are exclusive. The arbiter grants leases to clients (lanes of executors), publishes to the holder who
// comes next so that a handover needs no keeper, and takes leases back when a better claim appears. It is
// pure but for LeasePort, through which it reads and writes the lease pages, and is told the time.
//
// How a turn's length follows from the shares. Among clients of one class the one whose vXPU has the least
// virtual time takes the turn, and keeps it until it leads the next by one quantum of its own device time. So
// a handover costs once per turn of at least a quantum, and nobody is ahead of its due by more than a quantum
// and a command.
//
// Thread safety: one thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/status.h"
#include "base/units.h"
#include "share/lease_port.h"
#include "share/share_account.h"
#include "share/vxpu_spec.h"

namespace flexai::share {

struct ArbiterOptions {
  Nanos quantum = Millis(3);           // lead that ends a turn while others wait
  Nanos in_flight = Micros(2200);      // most predicted work in flight
  Nanos in_flight_below = Millis(1);   // the same while a higher class was active lately
  Nanos recently = Seconds(1);         // what "lately" is
  Nanos head_start = Millis(1);        // a turn passes on if its head command does not run by then
  Nanos known_head_start = Millis(5);  // the same for a command that ran before: nothing is left to prepare
  Nanos hold = Micros(50);             // longest idle time for which a lease is kept from the same class
  Nanos hold_above = Micros(500);      // the same from a lower class
  Nanos starvation = Seconds(1);     // a waiting client gets a turn after this, whatever its class; 0: never
  Nanos credit = Millis(10);         // most device time that a client is still due after it was idle
  bool can_freeze = false;           // the device can stop in the middle of a command
  Nanos freeze_after = Millis(100);  // a command may overrun its turn by this before its executor is frozen
  Nanos freeze_for_higher = Millis(5);  // the same while a higher class waits
  Nanos longest_command{0};             // device time after which a command's session is condemned; 0: never
  uint64_t seed = 1;                    // of the tokens by which leases are passed
};

class Arbiter {
 public:
  Arbiter(const ArbiterOptions& options, LeasePort& port);

  void AddVxpu(VxpuId id, const ComputeShare& share, Nanos now);
  void ResizeVxpu(VxpuId id, const ComputeShare& share, Nanos now);
  // Its clients must have been removed.
  void RemoveVxpu(VxpuId id);

  // A lane that may compete for `vxpu`. `id` must be unused.
  void AddClient(ClientId id, VxpuId vxpu, Nanos now);
  // Whatever it held is free at once.
  void RemoveClient(ClientId id, Nanos now);

  // Reads the client's page. Call for each client whose doorbell rang, then Decide.
  void Look(ClientId id, Nanos now);
  // Makes every grant and revocation that is due, and sets NextDeadline. Call after any of the above.
  void Decide(Nanos now);
  // When Decide must be called again at the latest; INT64_MAX: not before something happens.
  Nanos NextDeadline() const { return deadline_; }

  struct Usage {
    double used_ns = 0;    // device time charged
    double waited_ns = 0;  // time spent ready for the device without holding it
    bool holds = false;
    bool waits = false;
  };
  Usage VxpuUsage(VxpuId id, Nanos now) const;
  Usage ClientUsage(ClientId id, Nanos now) const;
  double busy_ns() const { return busy_ns_; }  // device time charged to anybody, also those removed since

 private:
  struct Vxpu {
    VxpuId id;
    ShareAccount account;
    uint32_t competing = 0;  // clients that want the device or are on it
    bool active = false;
    double used_ns = 0;
    double waited_ns = 0;  // of removed clients
  };
  struct Client {
    ClientId id = 0;
    Vxpu* vxpu = nullptr;
    LaneView seen;
    Nanos created_at{};
    Grant grant;              // as published last; grant.lease is the last id issued
    bool revoked = true;      // that lease was revoked or taken back
    bool absent = false;      // let a turn go by; back once its page changes
    bool stalled = false;     // let a turn go by with a command submitted that does not run yet
    bool condemned = false;   // its session is being ended
    bool competing = false;   // wants the device or is on it, and may
    bool guaranteed = false;  // holds a turn that its class was owed: a quantum, whoever comes
    double virtual_time = 0;  // among the clients of the vXPU
    double used_ns = 0;
    double waited_ns = 0;
    Nanos waiting_since{-1};
    // The turn.
    Nanos in_force_at{};         // when the lease came into force, as far as known
    Nanos idle_at{-1};           // when the held lease was first seen idle
    uint64_t used_at_start = 0;  // seen.used_ns when the lease was issued
    Nanos contended_at{-1};      // since when others wait for the holder; -1: they do not
    uint64_t used_when_contended = 0;
    double unexplained_ns = -10e6;  // balance of time held and not counted, see CorrectTurn
    uint64_t drained_at = 0;        // without a lease: no more than this many commands can ever have finished
    // The command at the head, while it outlasts turns.
    bool frozen = false;
    Nanos running_since{-1};  // when it was first seen to run; -1: it does not
    Nanos slice_at{-1};       // from when the running command has not been charged yet; -1: from its start
    int64_t charged_ahead_ns = 0;  // charged while the command still ran
    int64_t frozen_ns = 0;         // of the command's time on the device, not on it
    Nanos frozen_at{};
  };

  using Clients = std::map<ClientId, Client>;

  // arbiter_overruns.cc: turns not used, commands that do not end
  bool PassOver();
  bool Overran(const Client& other);
  bool Overstayed(const Client& other);
  void WatchLeaving();
  void WatchCommands();
  // arbiter.cc: turns
  void Refresh();
  void WatchWaiting();
  bool TurnEnded() const;
  void EndTurn();
  bool StartTurn();
  bool SteerTurn();
  // arbiter_grants.cc: what is written to pages
  Grant Terms(const Client& client, const Client* other) const;
  int64_t LeadNs(const Client& client, const Client& other) const;
  int64_t FirstBudget(const Client& client) const;
  void RenewPending(Client& pending);
  void Issue(Client& client, uint32_t token);
  void Promote();
  bool SetSuccessor(Client* next);
  void Withdraw(Client& pending);
  void TakeBack(Client& client);
  void Freeze(Client& client);
  void Thaw(Client& client);
  void CorrectTurn(Client& client);
  void LearnLead(double gap_ns);
  // arbiter_accounts.cc: who is due
  void Observe(Client& client, LaneView view);
  bool Plausible(const Client& client, const LaneView& view) const;
  void Charge(Client& client, double ns);
  void UpdateCompetition(Client& client);
  void UpdateWaiting(Client& client);
  void UpdateOwed();
  void AdvanceVirtualTime();
  Client* Pick(const Client* except);
  Client* ChooseNext();
  bool Before(const Client& a, const Client& b) const;
  bool Eligible(const Client& client) const;
  int Rank(const Client& client) const;
  bool IsOwed(const Client& client) const;
  double DueTime(const Client& client) const;
  int64_t RunningNs(const Client& client) const;
  size_t ClassOf(const Client& client) const {
    return static_cast<size_t>(client.vxpu->account.share().priority);
  }
  void WakeAt(Nanos at) { deadline_ = std::min(deadline_, at); }

  const ArbiterOptions options_;
  LeasePort& port_;
  Random random_;
  std::map<VxpuId, std::unique_ptr<Vxpu>> vxpus_;
  Clients clients_;
  Client* holder_ = nullptr;
  bool adopted_ = false;         // the holder's command outlasted its lease: the turn is the command's
  Client* successor_ = nullptr;  // published to the holder
  ClientId previous_ = 0;        // who held before
  static constexpr size_t kClasses = 3;
  double virtual_now_[kClasses] = {};
  Nanos last_active_[kClasses];  // when a client of the class competed last
  Nanos owed_since_[kClasses];   // since when the class waits without a turn; -1: it does not
  double lead_ns_ = 15'000;      // how long a passed lease takes to reach the device, learned
  Nanos now_{};
  Nanos deadline_{INT64_MAX};
  double busy_ns_ = 0;
};

}  // namespace flexai::share
