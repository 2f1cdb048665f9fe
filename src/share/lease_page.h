// The shared pages over which a keeper and an executor agree who may use a device;
// docs/formats/lease-pages.md describes them. Three memfds:
//
//   OwnPage    one per executor and device; the executor writes, the keeper reads. The executor runs a
//   tenant's
//              code, so every value in it is a claim: the keeper reads each once and bounds it.
//   GrantPage  one per executor and device; the keeper writes, the executor holds it read-only.
//   BoardPage  one per device, writable by all its executors: over it a lease passes straight from one
//   executor to
//              the next. A write there counts only with a token that the keeper gave to the passing side
//              alone.
//
// A lane is one vXPU of the session on the device. Times are CLOCK_MONOTONIC nanoseconds; durations
// nanoseconds.
//
// Life of a lease. The keeper fills a GrantLane and stores `lease` last: (id << 1), ids rise within a lane.
// The lane holds the device while that id is above OwnLane::lease_done, the revoked bit is clear and either
// pass_token is 0 or the board shows the same token for the lane (the lease is then passed by its
// predecessor). Entering from idle: running.fetch_add(1) and then read `lease`, both seq_cst; the keeper
// takes back by setting the revoked bit and then reading `running`, both seq_cst. So either the keeper sees a
// command or the executor sees the revocation, and a lease that lies idle is taken back without the
// executor's help. Giving back: lease_done.store(id), then read `successor`, both seq_cst; if it names this
// lease, write its token to the board and ring that slot's bell. The keeper publishes `successor` and then
// reads lease_done.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace flexai::share {

inline constexpr uint32_t kLeasePageMagic = 0x314c5846;  // "FXL1"
inline constexpr uint32_t kLeasePageVersion = 1;
inline constexpr uint32_t kMaxLanes = 16;   // vXPUs of one session on one device
inline constexpr uint32_t kMaxSlots = 256;  // executors of one device
inline constexpr int64_t kUnlimitedNs = INT64_MAX;

static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

struct alignas(64) OwnLane {
  std::atomic<uint32_t> want;            // 1: a command is ready that has not been submitted
  std::atomic<uint32_t> running;         // commands submitted and not finished
  std::atomic<uint64_t> lease_taken;     // the last lease under which something was submitted
  std::atomic<uint64_t> lease_done;      // the last lease given back; its commands may still drain
  std::atomic<uint64_t> used_ns;         // union of busy intervals since the session began
  std::atomic<int64_t> first_start_ns;   // start of the first command of lease_taken; 0 until it runs
  std::atomic<int64_t> head_entered_ns;  // when the command was submitted whose start is to be reported
  std::atomic<int64_t> head_start_ns;    // its start; 0: it does not run yet (nothing else is in flight then)
  std::atomic<int64_t> last_end_ns;      // end of the command that finished last
  std::atomic<int64_t> head_cost_ns;     // predicted cost of the next command; 0 unknown
  std::atomic<int64_t> in_flight_ns;     // predicted cost of the submitted and unfinished commands
  std::atomic<uint64_t> finished;        // commands finished since the session began
  std::atomic<uint64_t> released_bytes;  // memory given back since the session began
  std::atomic<uint64_t> charge_bytes;    // memory asked for by the request of the sequence below
  std::atomic<uint32_t>
      charge_sequence;                 // stored after charge_bytes; the keeper answers with the same number
  std::atomic<uint32_t> head_unknown;  // 1: no cost is known of the command whose start is to be reported
  uint32_t reserved_[2];
};
static_assert(sizeof(OwnLane) == 128);
static_assert(offsetof(OwnLane, lease_done) == 16 && offsetof(OwnLane, head_unknown) == 108);

struct alignas(64) OwnPage {
  uint32_t magic, version;
  uint32_t reserved_[14];
  OwnLane lanes[kMaxLanes];
};
static_assert(sizeof(OwnPage) == 64 + 128 * kMaxLanes);

struct alignas(64) GrantLane {
  std::atomic<uint64_t> lease;              // (id << 1) | revoked; 0: none yet
  std::atomic<int64_t> until_used_ns;       // the lease is spent once used_ns is here; kUnlimitedNs: never
  std::atomic<int64_t> in_flight_limit_ns;  // most predicted work in flight; one command always fits
  std::atomic<int64_t> hold_ns;             // longest to keep an idle lease; kUnlimitedNs: until revoked
  std::atomic<int64_t> pass_lead_ns;        // pass a spent lease on this long before its last command ends
  std::atomic<uint64_t> successor;          // PackSuccessor, 0: none
  std::atomic<uint32_t> pass_token;         // 0: the lease is in force; else pending until the board shows it
  std::atomic<uint32_t> charge_sequence;    // stored last of the three
  std::atomic<uint64_t> available_bytes;    // of the vXPU's quota, at the last answer
  std::atomic<int32_t> charge_code;         // flexai::Code as a number
  uint32_t request_permille, limit_permille, priority;  // for display; may change at any time
  uint64_t quota_bytes;
  uint64_t vxpu;
  uint32_t reserved_[6];
};
static_assert(sizeof(GrantLane) == 128);
static_assert(offsetof(GrantLane, successor) == 40 && offsetof(GrantLane, charge_code) == 64);

struct alignas(64) GrantPage {
  uint32_t magic, version;
  uint32_t lane_count;
  uint32_t slot;               // this executor's slot on the board
  std::atomic<uint32_t> bell;  // futex: changes after the keeper wrote something the executor may wait for
  uint32_t reserved_[11];
  GrantLane lanes[kMaxLanes];
};
static_assert(sizeof(GrantPage) == 64 + 128 * kMaxLanes);

struct alignas(64) BoardSlot {
  std::atomic<uint32_t> bell;  // futex: rung after a token was written
  uint32_t reserved_[15];
  std::atomic<uint32_t> token[kMaxLanes];
};
static_assert(sizeof(BoardSlot) == 128);

struct BoardPage {
  BoardSlot slots[kMaxSlots];
};
static_assert(sizeof(BoardPage) == 32768);

// token (32 bits) | low 20 bits of the passing lease's id | lane (4) | slot (8). Tokens are never 0.
struct Successor {
  uint32_t token = 0;
  uint32_t lease_low = 0;
  uint32_t lane = 0;
  uint32_t slot = 0;
};
constexpr uint64_t kLeaseLowMask = 0xfffff;

constexpr uint64_t PackSuccessor(const Successor& s) {
  return static_cast<uint64_t>(s.token) << 32 | static_cast<uint64_t>(s.lease_low & kLeaseLowMask) << 12 |
         static_cast<uint64_t>(s.lane & 0xf) << 8 | (s.slot & 0xff);
}
constexpr Successor UnpackSuccessor(uint64_t word) {
  return {static_cast<uint32_t>(word >> 32), static_cast<uint32_t>(word >> 12 & kLeaseLowMask),
          static_cast<uint32_t>(word >> 8 & 0xf), static_cast<uint32_t>(word & 0xff)};
}
static_assert(UnpackSuccessor(PackSuccessor({7, 0x12345, 15, 255})).lease_low == 0x12345);

constexpr uint64_t PackLease(uint64_t id, bool revoked) { return id << 1 | (revoked ? 1 : 0); }
constexpr uint64_t LeaseId(uint64_t word) { return word >> 1; }
constexpr bool LeaseRevoked(uint64_t word) { return (word & 1) != 0; }

}  // namespace flexai::share
