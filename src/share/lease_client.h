// The executor's side of the lease pages (lease_page.h): one object per (session, device).
#pragma once

#include <array>
#include <memory>
#include <mutex>

#include "base/clock.h"
#include "os/memory.h"
#include "os/unique_fd.h"
#include "share/lease.h"
#include "share/lease_page.h"

namespace flexai::share {

// The file descriptors that the start message carries for one device, in this order.
struct LeaseFds {
  os::UniqueFd own_page;
  os::UniqueFd grant_page;
  os::UniqueFd board_page;
  os::UniqueFd doorbell;  // eventfd towards the keeper
};

class LeaseClient final : public Lease {
 public:
  // Maps the pages; `clock` must outlive the object. Fails if a page has another size, magic or version.
  static Result<std::unique_ptr<LeaseClient>> Open(LeaseFds fds, const Clock& clock);

  uint32_t lane_count() const { return lane_count_; }

  std::span<const std::atomic<uint32_t>* const> WakeWords() const override { return wake_words_; }
  Entry TryEnter(uint32_t lane, Nanos predicted) override;
  void Started(uint32_t lane, Nanos start) override;
  bool Finished(uint32_t lane, Nanos predicted, Nanos start, Nanos end) override;
  void Abandon(uint32_t lane, Nanos predicted) override;
  void Idle(uint32_t lane) override;
  Nanos Deadline() const override;
  void OnDeadline() override;
  Status Charge(uint32_t lane, int64_t bytes) override;
  Bytes Available(uint32_t lane) const override;

 private:
  // What only this side needs to know of a lane; the rest lives in the pages.
  struct Lane {
    uint64_t taken = 0;          // the lease something was submitted under last
    int64_t taken_at_ns = 0;     // when
    int64_t first_start_ns = 0;  // of its first command; 0 until that runs
    int64_t head_start_ns = 0;   // of the command whose start is reported; 0 until it runs
    int64_t last_end_ns = 0;     // end of the busy time counted so far
    int64_t used_ns = 0;
    int64_t in_flight_ns = 0;   // predicted work submitted and unfinished
    int64_t error_ns = 0;       // running mean of |actual - predicted| of a command
    int64_t given_back_ns = 0;  // when a lease was given back last
    int64_t idle_since_ns = 0;  // 0 while not idle
    uint64_t finished = 0;
    uint32_t running = 0;
    uint8_t short_gaps = 0;  // one bit for each of the last 8 idle times: within the hold
    bool want = false;
    bool waiting = false;  // refused for want of a lease, and the keeper was told
  };

  LeaseClient() = default;
  OwnPage& own() const { return *reinterpret_cast<OwnPage*>(own_.data()); }
  const GrantPage& grant() const { return *reinterpret_cast<const GrantPage*>(grant_.data()); }
  BoardPage& board() const { return *reinterpret_cast<BoardPage*>(board_.data()); }

  // All with mutex_ held.
  bool InForce(uint32_t lane, uint64_t word) const;
  bool Holds(uint32_t lane, uint64_t word) const;
  bool HasRoom(const Lane& state, const GrantLane& granted, int64_t predicted_ns) const;
  bool LikelyBackSoon(const Lane& state) const;
  void SetWant(uint32_t lane, bool want);
  void EndIdle(uint32_t lane, int64_t hold_ns);
  void TakeLease(uint32_t lane, uint64_t id);
  void AwaitStart(uint32_t lane, bool unknown);
  void NoteStart(uint32_t lane, int64_t start_ns);
  void Settle(uint32_t lane);
  void GiveBack(uint32_t lane, uint64_t id);
  int64_t LaneDeadline(uint32_t lane) const;
  void RingKeeper() const;

  os::Mapping own_, grant_, board_;
  os::UniqueFd doorbell_;
  const Clock* clock_ = nullptr;
  uint32_t lane_count_ = 0;
  std::array<const std::atomic<uint32_t>*, 2> wake_words_{};
  mutable std::mutex mutex_;  // lanes_, and the order of stores to the own page
  std::array<Lane, kMaxLanes> lanes_{};
  std::mutex charge_mutex_;  // one charge at a time
};

}  // namespace flexai::share
