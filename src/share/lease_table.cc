#include "share/lease_table.h"

#include <fmt/format.h>

#include "os/event_counter.h"
#include "os/futex.h"

namespace flexai::share {
namespace {

using Access = os::Mapping::Access;

}  // namespace

Result<std::unique_ptr<LeaseTable>> LeaseTable::Create(Hooks hooks) {
  std::unique_ptr<LeaseTable> table(new LeaseTable(std::move(hooks)));
  FLEXAI_ASSIGN_OR_RETURN(table->board_fd_, os::CreateSealedMemfd("flexai-board", sizeof(BoardPage)));
  FLEXAI_ASSIGN_OR_RETURN(table->board_,
                          os::Mapping::Map(table->board_fd_, sizeof(BoardPage), Access::kReadWrite));
  return table;
}

Result<LeaseTable::Seat> LeaseTable::MakeSeat() {
  Seat seat;
  FLEXAI_ASSIGN_OR_RETURN(seat.own_fd, os::CreateSealedMemfd("flexai-own", sizeof(OwnPage)));
  FLEXAI_ASSIGN_OR_RETURN(seat.grant_fd, os::CreateSealedMemfd("flexai-grant", sizeof(GrantPage)));
  FLEXAI_ASSIGN_OR_RETURN(seat.own, os::Mapping::Map(seat.own_fd, sizeof(OwnPage), Access::kReadOnly));
  FLEXAI_ASSIGN_OR_RETURN(seat.grant, os::Mapping::Map(seat.grant_fd, sizeof(GrantPage), Access::kReadWrite));
  FLEXAI_RETURN_IF_ERROR(os::SealFutureWrites(seat.grant_fd));
  FLEXAI_ASSIGN_OR_RETURN(seat.doorbell, os::CreateEventCounter());
  return seat;
}

Result<uint32_t> LeaseTable::Open(const std::vector<LaneTerms>& lanes) {
  if (lanes.empty() || lanes.size() > kMaxLanes) {
    return InvalidArgument(
        fmt::format("a session has {} vXPUs of the device, 1 to {} are allowed", lanes.size(), kMaxLanes));
  }
  uint32_t slot = next_slot_;
  for (uint32_t tried = 0; seats_[slot] != nullptr; ++tried, slot = (slot + 1) % kMaxSlots) {
    if (tried == kMaxSlots) {
      return ResourceExhausted(fmt::format("the device has {} sessions, which is the most", kMaxSlots));
    }
  }
  FLEXAI_ASSIGN_OR_RETURN(Seat seat, MakeSeat());
  GrantPage& page = *reinterpret_cast<GrantPage*>(seat.grant.data());
  page.magic = kLeasePageMagic;
  page.version = kLeasePageVersion;
  page.lane_count = static_cast<uint32_t>(lanes.size());
  page.slot = slot;
  seats_[slot] = std::make_unique<Seat>(std::move(seat));
  next_slot_ = (slot + 1) % kMaxSlots;
  for (uint32_t lane = 0; lane < lanes.size(); ++lane) {
    SetTerms(ClientOf(slot, lane), lanes[lane]);
    ShowAvailable(ClientOf(slot, lane), lanes[lane].quota);
  }
  return slot;
}

void LeaseTable::Close(uint32_t slot) { seats_.at(slot).reset(); }

Result<LeaseFds> LeaseTable::Fds(uint32_t slot) const {
  const Seat& seat = *seats_.at(slot);
  LeaseFds fds;
  FLEXAI_ASSIGN_OR_RETURN(fds.own_page, os::DuplicateFd(seat.own_fd));
  FLEXAI_ASSIGN_OR_RETURN(fds.grant_page, os::DuplicateFd(seat.grant_fd));
  FLEXAI_ASSIGN_OR_RETURN(fds.board_page, os::DuplicateFd(board_fd_));
  FLEXAI_ASSIGN_OR_RETURN(fds.doorbell, os::DuplicateFd(seat.doorbell));
  return fds;
}

int LeaseTable::Doorbell(uint32_t slot) const { return seats_.at(slot)->doorbell.get(); }

const OwnLane& LeaseTable::own(ClientId client) const {
  return reinterpret_cast<const OwnPage*>(seats_.at(SlotOf(client))->own.data())->lanes[LaneOf(client)];
}

GrantLane& LeaseTable::grant(ClientId client) {
  return reinterpret_cast<GrantPage*>(seats_.at(SlotOf(client))->grant.data())->lanes[LaneOf(client)];
}

const GrantLane& LeaseTable::grant(ClientId client) const {
  return reinterpret_cast<const GrantPage*>(seats_.at(SlotOf(client))->grant.data())->lanes[LaneOf(client)];
}

void LeaseTable::SetTerms(ClientId client, const LaneTerms& terms) {
  GrantLane& lane = grant(client);
  lane.vxpu = terms.vxpu;
  lane.quota_bytes = terms.quota.value;
  lane.request_permille = terms.share.request.value;
  lane.limit_permille = terms.share.limit.value;
  lane.priority = static_cast<uint32_t>(terms.share.priority);
}

std::optional<Bytes> LeaseTable::PendingCharge(ClientId client) const {
  const OwnLane& lane = own(client);
  if (lane.charge_sequence.load(std::memory_order_acquire) ==
      grant(client).charge_sequence.load(std::memory_order_relaxed)) {
    return std::nullopt;
  }
  return Bytes{lane.charge_bytes.load(std::memory_order_relaxed)};
}

void LeaseTable::AnswerCharge(ClientId client, Code code, Bytes available) {
  GrantLane& lane = grant(client);
  lane.charge_code.store(static_cast<int32_t>(code), std::memory_order_relaxed);
  lane.available_bytes.store(available.value, std::memory_order_relaxed);
  lane.charge_sequence.store(own(client).charge_sequence.load(std::memory_order_relaxed),
                             std::memory_order_release);
  Ring(client);
}

Bytes LeaseTable::TakeReleased(ClientId client) {
  uint64_t& taken = seats_.at(SlotOf(client))->released[LaneOf(client)];
  const uint64_t total = own(client).released_bytes.load(std::memory_order_acquire);
  return {total - std::exchange(taken, total)};
}

void LeaseTable::ShowAvailable(ClientId client, Bytes available) {
  grant(client).available_bytes.store(available.value, std::memory_order_relaxed);
}

LaneView LeaseTable::Read(ClientId client) {
  const OwnLane& lane = own(client);
  LaneView view;
  // The words of the revocation handshake are read first and in the order of all such accesses.
  view.running = lane.running.load(std::memory_order_seq_cst);
  view.lease_done = lane.lease_done.load(std::memory_order_seq_cst);
  view.want = lane.want.load(std::memory_order_seq_cst) != 0;
  view.lease_taken = lane.lease_taken.load(std::memory_order_acquire);
  view.finished = lane.finished.load(std::memory_order_acquire);
  view.used_ns = lane.used_ns.load(std::memory_order_relaxed);
  view.first_start_ns = lane.first_start_ns.load(std::memory_order_relaxed);
  view.head_unknown = lane.head_unknown.load(std::memory_order_relaxed) != 0;
  view.head_entered_ns = lane.head_entered_ns.load(std::memory_order_relaxed);
  view.head_start_ns = lane.head_start_ns.load(std::memory_order_relaxed);
  view.last_end_ns = lane.last_end_ns.load(std::memory_order_relaxed);
  view.in_flight_ns = lane.in_flight_ns.load(std::memory_order_relaxed);
  return view;
}

void LeaseTable::WriteTerms(GrantLane& lane, const Grant& terms) {
  lane.until_used_ns.store(terms.until_used_ns, std::memory_order_relaxed);
  lane.in_flight_limit_ns.store(terms.in_flight_limit_ns, std::memory_order_relaxed);
  lane.hold_ns.store(terms.hold_ns, std::memory_order_relaxed);
  lane.pass_lead_ns.store(terms.pass_lead_ns, std::memory_order_relaxed);
  lane.pass_token.store(terms.pass_token, std::memory_order_release);
}

void LeaseTable::Issue(ClientId client, const Grant& terms) {
  GrantLane& lane = grant(client);
  WriteTerms(lane, terms);
  lane.successor.store(0, std::memory_order_relaxed);
  lane.lease.store(PackLease(terms.lease, false), std::memory_order_seq_cst);
  if (terms.pass_token == 0) {
    Ring(client);
  }
}

void LeaseTable::Adjust(ClientId client, const Grant& terms) { WriteTerms(grant(client), terms); }

void LeaseTable::Ring(ClientId client) {
  auto& bell = reinterpret_cast<GrantPage*>(seats_.at(SlotOf(client))->grant.data())->bell;
  bell.fetch_add(1, std::memory_order_seq_cst);
  os::FutexWake(bell);
}

void LeaseTable::Revoke(ClientId client, uint64_t lease) {
  grant(client).lease.store(PackLease(lease, true), std::memory_order_seq_cst);
}

void LeaseTable::SetSuccessor(ClientId holder, uint64_t lease, ClientId next, uint32_t token) {
  const Successor successor{token, static_cast<uint32_t>(lease & kLeaseLowMask), LaneOf(next), SlotOf(next)};
  grant(holder).successor.store(token == 0 ? 0 : PackSuccessor(successor), std::memory_order_seq_cst);
}

void LeaseTable::Freeze(ClientId client, bool frozen) { hooks_.freeze(SlotOf(client), frozen); }

void LeaseTable::Condemn(ClientId client, const std::string& reason) {
  hooks_.condemn(SlotOf(client), reason);
}

}  // namespace flexai::share
