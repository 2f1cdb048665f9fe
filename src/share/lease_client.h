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
    uint64_t lease = 0;            // the lease the fields below belong to
    int64_t lease_used_ns = 0;     // device time consumed under it
    int64_t last_end_ns = 0;       // end of the busy interval counted last
    int64_t first_start_ns = 0;    // of the lease; 0 until a command runs
    int64_t in_flight_ns = 0;      // predicted work submitted and unfinished
    int64_t error_ns = 0;          // running mean of |actual - predicted| of a command
    uint32_t running = 0;
    bool want = false;
    bool refused_without_lease = false;  // the keeper knows that we wait
    bool idle_announced = false;         // the keeper knows that the held lease lies idle
  };

  LeaseClient() = default;
  OwnPage& own() { return *reinterpret_cast<OwnPage*>(own_.data()); }
  const GrantPage& grant() const { return *reinterpret_cast<const GrantPage*>(grant_.data()); }
  BoardPage& board() const { return *reinterpret_cast<BoardPage*>(board_.data()); }
  bool InForce(uint32_t lane, uint64_t lease_word) const;
  void Settle(uint32_t lane);
  void GiveBack(uint32_t lane);
  int64_t PassTime(uint32_t lane) const;
  void RingKeeper() const;

  os::Mapping own_, grant_, board_;
  os::UniqueFd doorbell_;
  const Clock* clock_ = nullptr;
  uint32_t lane_count_ = 0;
  std::array<const std::atomic<uint32_t>*, 2> wake_words_{};
  mutable std::mutex mutex_;  // lanes_ and the own page's lease fields
  std::array<Lane, kMaxLanes> lanes_{};
  std::mutex charge_mutex_;   // one charge at a time
};

}  // namespace flexai::share
