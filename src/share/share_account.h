// The account of one vXPU's device time: its virtual time for weighted fair queueing, and the token bucket
// that enforces its limit.
//
// Virtual time is device time divided by weight (start-time fair queueing, P. Goyal, H. Vin, H. Cheng, 1996):
// who has the least is due. Debts are never forgiven while a vXPU competes, so a command that outlasts its
// lease is paid back; a lag kept through idle time is bounded, so that a sleeper cannot save up for a burst.
// Pure state, no clock. Thread safety: one thread.
#pragma once

#include <cstdint>

#include "base/units.h"
#include "share/vxpu_spec.h"

namespace flexai::share {

class ShareAccount {
 public:
  ShareAccount(const ComputeShare& share, Nanos now, Nanos quantum);

  void SetShare(const ComputeShare& share);
  const ComputeShare& share() const { return share_; }
  double weight() const { return static_cast<double>(share_.request.value) / 1000; }

  // Takes `ns` of device time (may be negative: a correction).
  void Charge(double ns);
  double virtual_time() const { return virtual_time_; }
  void set_virtual_time(double at) { virtual_time_ = at; }
  // Comes back to the competition whose virtual time is `now`, keeping at most `credit` of device time it is
  // due.
  void Rejoin(double now, Nanos credit);

  bool limited() const { return share_.limit < kWholeDevice; }
  void Refill(Nanos now);
  // The limit allows a turn now. False from when the tokens are spent until enough for a turn are back.
  bool Allowed() const { return !limited() || !dry_; }
  // Device time that may be used from now until the tokens are spent, counting those that come in meanwhile.
  int64_t AllowanceNs() const;
  // When Allowed will be true again.
  Nanos AllowedAt() const;

 private:
  double Rate() const { return static_cast<double>(share_.limit.value) / 1000; }
  double TurnTokens() const;

  ComputeShare share_;
  double quantum_ns_;
  double virtual_time_ = 0;
  double tokens_ = 0;
  Nanos refilled_at_;
  bool dry_ = false;
};

}  // namespace flexai::share
