#include "share/lease_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "os/event_counter.h"
#include "os/futex.h"

namespace flexai::share {
namespace {

// What a command of unknown length counts as while in flight.
constexpr int64_t kUnknownCostNs = 2'000'000;
// A lane whose predictions are further off than this on average does not pass its lease on early.
constexpr int64_t kTrustedErrorNs = 40'000;
// A lease given back before its last command ended is expected to drain within this.
constexpr int64_t kLongDrainNs = 200'000;
constexpr Nanos kChargeTimeout = Seconds(20);

int64_t CostOf(Nanos predicted) { return predicted.value > 0 ? predicted.value : kUnknownCostNs; }

Result<os::Mapping> MapPage(const os::UniqueFd& fd, size_t bytes, os::Mapping::Access access) {
  FLEXAI_ASSIGN_OR_RETURN(const uint64_t size, os::SealedMemfdBytes(fd));
  if (size < bytes) {
    return InvalidArgument(fmt::format("a lease page has {} bytes instead of {}", size, bytes));
  }
  return os::Mapping::Map(fd, bytes, access);
}

}  // namespace

Result<std::unique_ptr<LeaseClient>> LeaseClient::Open(LeaseFds fds, const Clock& clock) {
  std::unique_ptr<LeaseClient> client(new LeaseClient);
  using Access = os::Mapping::Access;
  FLEXAI_ASSIGN_OR_RETURN(client->own_, MapPage(fds.own_page, sizeof(OwnPage), Access::kReadWrite));
  FLEXAI_ASSIGN_OR_RETURN(client->grant_, MapPage(fds.grant_page, sizeof(GrantPage), Access::kReadOnly));
  FLEXAI_ASSIGN_OR_RETURN(client->board_, MapPage(fds.board_page, sizeof(BoardPage), Access::kReadWrite));
  const GrantPage& grant = client->grant();
  if (grant.magic != kLeasePageMagic || grant.version != kLeasePageVersion) {
    return FailedPrecondition(fmt::format("the keeper's lease pages have version {}, this executor knows {}",
                                          grant.version, kLeasePageVersion));
  }
  if (grant.lane_count > kMaxLanes || grant.slot >= kMaxSlots) {
    return InvalidArgument("the keeper's lease page is malformed");
  }
  client->doorbell_ = std::move(fds.doorbell);
  client->clock_ = &clock;
  client->lane_count_ = grant.lane_count;
  client->wake_words_ = {&grant.bell, &client->board().slots[grant.slot].bell};
  return client;
}

// The lease of `word` lets its lane onto the device.
bool LeaseClient::InForce(uint32_t lane, uint64_t word) const {
  return Holds(lane, word) && !LeaseRevoked(word);
}

// The lease of `word` has come into force and was not given back; it may be revoked.
bool LeaseClient::Holds(uint32_t lane, uint64_t word) const {
  if (LeaseId(word) <= own().lanes[lane].lease_done.load(std::memory_order_relaxed)) {
    return false;
  }
  const uint32_t token = grant().lanes[lane].pass_token.load(std::memory_order_acquire);
  return token == 0 || board().slots[grant().slot].token[lane].load(std::memory_order_acquire) == token;
}

bool LeaseClient::HasRoom(const Lane& state, const GrantLane& granted, int64_t predicted_ns) const {
  const int64_t until = granted.until_used_ns.load(std::memory_order_relaxed);
  if (state.used_ns + state.in_flight_ns >= until) {
    return false;
  }
  return state.running == 0 ||
         (predicted_ns > 0 &&
          state.in_flight_ns + predicted_ns <= granted.in_flight_limit_ns.load(std::memory_order_relaxed));
}

Entry LeaseClient::TryEnter(uint32_t lane, Nanos predicted) {
  const std::lock_guard lock(mutex_);
  Lane& state = lanes_[lane];
  OwnLane& mine = own().lanes[lane];
  const GrantLane& granted = grant().lanes[lane];
  const int64_t cost = CostOf(predicted);
  mine.head_cost_ns.store(predicted.value, std::memory_order_relaxed);
  EndIdle(lane, granted.hold_ns.load(std::memory_order_relaxed));
  // First say that a command runs, then look whether it may: the keeper does both the other way round.
  mine.running.store(state.running + 1, std::memory_order_seq_cst);
  const uint64_t word = granted.lease.load(std::memory_order_seq_cst);
  const bool in_force = InForce(lane, word);
  if (in_force && HasRoom(state, granted, predicted.value)) {
    const bool first = state.taken != LeaseId(word);
    const bool report = first || predicted.value <= 0;
    if (first) {
      TakeLease(lane, LeaseId(word));
    }
    if (report) {
      AwaitStart(lane, predicted.value <= 0);
    }
    if (predicted.value <= 0) {
      state.error_ns = std::max(state.error_ns, 2 * kTrustedErrorNs);
    }
    ++state.running;
    state.in_flight_ns += cost;
    state.waiting = false;
    mine.in_flight_ns.store(state.in_flight_ns, std::memory_order_relaxed);
    if (report && !first && granted.hold_ns.load(std::memory_order_relaxed) != kUnlimitedNs) {
      RingKeeper();  // a driver may take long to prepare it, while others wait
    }
    return report ? Entry::kYesReportStart : Entry::kYes;
  }
  mine.running.store(state.running, std::memory_order_seq_cst);
  SetWant(lane, true);
  Settle(lane);
  if (!in_force && !state.waiting) {
    state.waiting = true;
    RingKeeper();
  }
  return Entry::kNo;
}

void LeaseClient::TakeLease(uint32_t lane, uint64_t id) {
  Lane& state = lanes_[lane];
  state.taken = id;
  state.taken_at_ns = clock_->Now().value;
  state.first_start_ns = 0;
  OwnLane& mine = own().lanes[lane];
  mine.first_start_ns.store(0, std::memory_order_relaxed);
  mine.lease_taken.store(id, std::memory_order_release);
}

void LeaseClient::AwaitStart(uint32_t lane, bool unknown) {
  lanes_[lane].head_start_ns = 0;
  OwnLane& mine = own().lanes[lane];
  mine.head_unknown.store(unknown ? 1 : 0, std::memory_order_relaxed);
  mine.head_entered_ns.store(clock_->Now().value, std::memory_order_relaxed);
  mine.head_start_ns.store(0, std::memory_order_release);
}

void LeaseClient::NoteStart(uint32_t lane, int64_t start_ns) {
  Lane& state = lanes_[lane];
  OwnLane& mine = own().lanes[lane];
  if (state.first_start_ns == 0) {
    state.first_start_ns = start_ns;
    mine.first_start_ns.store(start_ns, std::memory_order_release);
  }
  if (state.head_start_ns == 0) {
    state.head_start_ns = start_ns;
    mine.head_start_ns.store(start_ns, std::memory_order_release);
  }
}

void LeaseClient::Started(uint32_t lane, Nanos start) {
  const std::lock_guard lock(mutex_);
  const bool late = lanes_[lane].head_start_ns == 0;
  NoteStart(lane, start.value);
  if (late && LeaseRevoked(grant().lanes[lane].lease.load(std::memory_order_acquire))) {
    RingKeeper();  // our turn had passed on while the driver prepared the command
  }
}

bool LeaseClient::Finished(uint32_t lane, Nanos predicted, Nanos start, Nanos end) {
  const std::lock_guard lock(mutex_);
  Lane& state = lanes_[lane];
  OwnLane& mine = own().lanes[lane];
  if (state.running == 0) {
    return false;
  }
  const int64_t begin = std::max(start.value, state.last_end_ns);
  if (end.value > begin) {
    state.used_ns += end.value - begin;
    state.last_end_ns = end.value;
    mine.last_end_ns.store(end.value, std::memory_order_relaxed);
    mine.used_ns.store(static_cast<uint64_t>(state.used_ns), std::memory_order_relaxed);
  }
  if (predicted.value > 0) {
    const int64_t error = std::abs(end.value - start.value - predicted.value);
    // One command that was disturbed says little about the next.
    state.error_ns += std::min((error - state.error_ns) / 8, kTrustedErrorNs / 4);
  }
  if (start.value >= state.taken_at_ns) {  // not one that drained from the lease before
    NoteStart(lane, start.value);
  }
  --state.running;
  state.in_flight_ns = state.running == 0 ? 0 : std::max<int64_t>(0, state.in_flight_ns - CostOf(predicted));
  mine.in_flight_ns.store(state.in_flight_ns, std::memory_order_relaxed);
  mine.finished.store(++state.finished, std::memory_order_release);
  mine.running.store(state.running, std::memory_order_seq_cst);
  const GrantLane& granted = grant().lanes[lane];
  if (state.running == 0 && clock_->Now().value - state.given_back_ns > kLongDrainNs &&
      !Holds(lane, granted.lease.load(std::memory_order_acquire))) {
    RingKeeper();  // which waited for the end of a command that outlasted its lease
  }
  Settle(lane);
  return state.want && InForce(lane, granted.lease.load(std::memory_order_acquire)) &&
         HasRoom(state, granted, mine.head_cost_ns.load(std::memory_order_relaxed));
}

void LeaseClient::Abandon(uint32_t lane, Nanos predicted) {
  const std::lock_guard lock(mutex_);
  Lane& state = lanes_[lane];
  if (state.running == 0) {
    return;
  }
  --state.running;
  state.in_flight_ns = state.running == 0 ? 0 : std::max<int64_t>(0, state.in_flight_ns - CostOf(predicted));
  OwnLane& mine = own().lanes[lane];
  mine.in_flight_ns.store(state.in_flight_ns, std::memory_order_relaxed);
  mine.running.store(state.running, std::memory_order_seq_cst);
  Settle(lane);
}

void LeaseClient::Idle(uint32_t lane) {
  const std::lock_guard lock(mutex_);
  lanes_[lane].waiting = false;
  SetWant(lane, false);
  Settle(lane);
}

void LeaseClient::SetWant(uint32_t lane, bool want) {
  Lane& state = lanes_[lane];
  if (state.want != want) {
    state.want = want;
    own().lanes[lane].want.store(want ? 1 : 0, std::memory_order_seq_cst);
  }
}

// Decides what becomes of a lease after something changed: whether it is spent, unwanted or revoked.
void LeaseClient::Settle(uint32_t lane) {
  Lane& state = lanes_[lane];
  const GrantLane& granted = grant().lanes[lane];
  const uint64_t word = granted.lease.load(std::memory_order_seq_cst);
  if (state.running == 0 && !state.want && state.idle_since_ns == 0) {
    state.idle_since_ns = clock_->Now().value;
  }
  if (state.running > 0 || !Holds(lane, word)) {
    return;
  }
  const bool spent = state.used_ns >= granted.until_used_ns.load(std::memory_order_relaxed);
  if (LeaseRevoked(word) || spent) {
    GiveBack(lane, LeaseId(word));
    return;
  }
  if (state.want) {
    return;
  }
  const int64_t hold = granted.hold_ns.load(std::memory_order_relaxed);
  if (hold != kUnlimitedNs && (hold <= 0 || !LikelyBackSoon(state))) {
    GiveBack(lane, LeaseId(word));
  }
}

// The lane's work has come back: remember whether it came within the hold.
void LeaseClient::EndIdle(uint32_t lane, int64_t hold_ns) {
  Lane& state = lanes_[lane];
  if (state.idle_since_ns == 0) {
    return;
  }
  constexpr int64_t kShortGapNs = 50'000;
  const int64_t within = hold_ns > 0 && hold_ns != kUnlimitedNs ? hold_ns : kShortGapNs;
  const bool is_short = clock_->Now().value - state.idle_since_ns <= within;
  state.short_gaps = static_cast<uint8_t>(state.short_gaps << 1 | (is_short ? 1 : 0));
  state.idle_since_ns = 0;
}

bool LeaseClient::LikelyBackSoon(const Lane& state) const { return std::popcount(state.short_gaps) >= 5; }

void LeaseClient::GiveBack(uint32_t lane, uint64_t id) {
  own().lanes[lane].lease_done.store(id, std::memory_order_seq_cst);
  const uint64_t packed = grant().lanes[lane].successor.load(std::memory_order_seq_cst);
  const Successor next = UnpackSuccessor(packed);
  if (packed != 0 && next.lease_low == (id & kLeaseLowMask)) {
    BoardSlot& slot = board().slots[next.slot];
    slot.token[next.lane].store(next.token, std::memory_order_release);
    slot.bell.fetch_add(1, std::memory_order_seq_cst);
    os::FutexWake(slot.bell);
  }
  lanes_[lane].waiting = lanes_[lane].want;
  lanes_[lane].given_back_ns = clock_->Now().value;
  RingKeeper();
}

// When the lane would give its lease back by the clock: at the end of a hold, or just before its last command
// ends, so that the successor's first command reaches the device as ours leaves it.
int64_t LeaseClient::LaneDeadline(uint32_t lane) const {
  const Lane& state = lanes_[lane];
  const GrantLane& granted = grant().lanes[lane];
  const uint64_t word = granted.lease.load(std::memory_order_acquire);
  if (!Holds(lane, word)) {
    return kUnlimitedNs;
  }
  if (state.running == 0) {
    const int64_t hold = granted.hold_ns.load(std::memory_order_relaxed);
    return state.want || state.idle_since_ns == 0 || hold == kUnlimitedNs ? kUnlimitedNs
                                                                          : state.idle_since_ns + hold;
  }
  const int64_t lead = granted.pass_lead_ns.load(std::memory_order_relaxed);
  const bool last = LeaseRevoked(word) || state.used_ns + state.in_flight_ns >=
                                              granted.until_used_ns.load(std::memory_order_relaxed);
  if (lead <= 0 || !last || state.head_start_ns == 0 || state.error_ns > kTrustedErrorNs ||
      granted.successor.load(std::memory_order_relaxed) == 0) {
    return kUnlimitedNs;
  }
  const int64_t end = std::max(state.last_end_ns, state.head_start_ns) + state.in_flight_ns;
  // Past the predicted end nobody knows any more when the command ends.
  return clock_->Now().value < end ? end - lead : kUnlimitedNs;
}

Nanos LeaseClient::Deadline() const {
  const std::lock_guard lock(mutex_);
  int64_t earliest = kUnlimitedNs;
  for (uint32_t lane = 0; lane < lane_count_; ++lane) {
    earliest = std::min(earliest, LaneDeadline(lane));
  }
  return {earliest};
}

void LeaseClient::OnDeadline() {
  const std::lock_guard lock(mutex_);
  const int64_t now = clock_->Now().value;
  for (uint32_t lane = 0; lane < lane_count_; ++lane) {
    if (LaneDeadline(lane) <= now) {
      GiveBack(lane, LeaseId(grant().lanes[lane].lease.load(std::memory_order_acquire)));
    }
  }
}

void LeaseClient::RingKeeper() const { os::RingEventCounter(doorbell_); }

Status LeaseClient::Charge(uint32_t lane, int64_t bytes) {
  OwnLane& mine = own().lanes[lane];
  if (bytes <= 0) {
    mine.released_bytes.fetch_add(static_cast<uint64_t>(-bytes), std::memory_order_release);
    return {};
  }
  const std::lock_guard lock(charge_mutex_);
  const GrantLane& granted = grant().lanes[lane];
  const uint32_t sequence = mine.charge_sequence.load(std::memory_order_relaxed) + 1;
  mine.charge_bytes.store(static_cast<uint64_t>(bytes), std::memory_order_relaxed);
  mine.charge_sequence.store(sequence, std::memory_order_release);
  RingKeeper();
  const Nanos give_up = clock_->Now() + kChargeTimeout;
  for (;;) {
    const uint32_t bell = grant().bell.load(std::memory_order_acquire);
    if (granted.charge_sequence.load(std::memory_order_acquire) == sequence) {
      break;
    }
    const Nanos left = give_up - clock_->Now();
    if (left.value <= 0) {
      return Unavailable("the keeper of the device does not answer");
    }
    os::FutexWait(grant().bell, bell, left.value);
  }
  const Code code = static_cast<Code>(granted.charge_code.load(std::memory_order_relaxed));
  if (code == Code::kOk) {
    return {};
  }
  return Status(code, fmt::format("{} of device memory do not fit: {} of the vXPU's quota are left",
                                  FormatBytes({static_cast<uint64_t>(bytes)}), FormatBytes(Available(lane))));
}

Bytes LeaseClient::Available(uint32_t lane) const {
  return {grant().lanes[lane].available_bytes.load(std::memory_order_relaxed)};
}

}  // namespace flexai::share
