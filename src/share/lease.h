// How an executor's engine asks to use a device. LeaseClient speaks to a keeper over shared pages;
// StandaloneLease grants everything and keeps a local ledger, for tests and tools without a keeper.
//
// One object per (session, device). Lanes are numbered as the vXPUs were in the start message.
//
// How the engine uses it:
//   1. Read the value of every word in WakeWords(), then look for commands that are ready.
//   2. For each ready command of a lane: TryEnter(lane, predicted). If it enters, submit the command to the
//      device, and report Finished when it ends (or Abandon if it could not be submitted). With
//      kYesReportStart also report Started when the command begins to run. If it does not enter, leave the
//      command and all that come after it in the lane; Finished returns true, or a wake word changes, when it
//      is worth trying again.
//   3. When a lane has nothing ready to submit: Idle(lane). Cheap; call it each time the engine is about to
//   sleep.
//   4. Sleep on the words of step 1 (with those values) beside the engine's own, at most until Deadline();
//      after waking call OnDeadline() if that time has come.
//
// Thread safety: every method from any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/status.h"
#include "base/units.h"

namespace flexai::share {

enum class Entry : uint8_t {
  kNo,              // not now: no lease, or enough work in flight
  kYes,             // submit the command
  kYesReportStart,  // submit it, and report Started when it runs: a turn is consumed from then on
};

class Lease {
 public:
  virtual ~Lease() = default;

  // Futex words that change when TryEnter may give another answer.
  virtual std::span<const std::atomic<uint32_t>* const> WakeWords() const = 0;

  // May the lane submit one command now that is predicted to keep the device busy for `predicted` (0:
  // unknown)?
  virtual Entry TryEnter(uint32_t lane, Nanos predicted) = 0;
  // The command entered with kYesReportStart is running since `start` (monotonic clock).
  virtual void Started(uint32_t lane, Nanos start) = 0;
  // A command ended: `start` and `end` by the device's timestamps moved to the monotonic clock; equal if it
  // never ran. `predicted` as at TryEnter. Returns true if the engine should try to submit again.
  virtual bool Finished(uint32_t lane, Nanos predicted, Nanos start, Nanos end) = 0;
  // A command that entered could not be submitted.
  virtual void Abandon(uint32_t lane, Nanos predicted) = 0;
  // The lane has nothing ready to submit.
  virtual void Idle(uint32_t lane) = 0;

  // When OnDeadline wants to be called (monotonic clock); Nanos{INT64_MAX} if not at all.
  virtual Nanos Deadline() const = 0;
  virtual void OnDeadline() = 0;

  // Charges the vXPU for `bytes` of device memory (rounded to the device's granularity by the caller), or
  // gives back -bytes. Giving back does not wait and succeeds. Charging waits for the keeper, at most 20 s:
  // kResourceExhausted over the quota or the device's memory, kUnavailable if the keeper is gone.
  virtual Status Charge(uint32_t lane, int64_t bytes) = 0;
  // What is left of the vXPU's quota, as last known.
  virtual Bytes Available(uint32_t lane) const = 0;
};

}  // namespace flexai::share
