// The keeper's side of the lease pages (lease_page.h): all pages of one device, read and written for the
// arbiter.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "os/memory.h"
#include "os/unique_fd.h"
#include "share/lease_client.h"
#include "share/lease_page.h"
#include "share/lease_port.h"
#include "share/vxpu_spec.h"

namespace flexai::share {

constexpr ClientId ClientOf(uint32_t slot, uint32_t lane) { return slot * kMaxLanes + lane; }
constexpr uint32_t SlotOf(ClientId client) { return client / kMaxLanes; }
constexpr uint32_t LaneOf(ClientId client) { return client % kMaxLanes; }

// Thread safety: one thread.
class LeaseTable final : public LeasePort {
 public:
  // Called from within the arbiter; must not call back into it.
  struct Hooks {
    std::function<void(uint32_t slot, bool frozen)> freeze;
    std::function<void(uint32_t slot, const std::string& reason)> condemn;
  };

  static Result<std::unique_ptr<LeaseTable>> Create(Hooks hooks);

  // What a lane shows its executor.
  struct LaneTerms {
    VxpuId vxpu = 0;
    ComputeShare share;
    Bytes quota;
  };
  // Makes the pages of a new executor and returns its slot. kResourceExhausted if all slots are taken.
  Result<uint32_t> Open(const std::vector<LaneTerms>& lanes);
  // The executor must have ended.
  void Close(uint32_t slot);
  // Duplicates for the executor, in the order in which they are sent.
  Result<LeaseFds> Fds(uint32_t slot) const;
  // The eventfd that the executor rings; stays the table's.
  int Doorbell(uint32_t slot) const;
  void SetTerms(ClientId client, const LaneTerms& terms);

  // A charge that the executor asks for and that was not answered yet.
  std::optional<Bytes> PendingCharge(ClientId client) const;
  void AnswerCharge(ClientId client, Code code, Bytes available);
  // What the executor gave back since the last call.
  Bytes TakeReleased(ClientId client);
  void ShowAvailable(ClientId client, Bytes available);

  LaneView Read(ClientId client) override;
  void Issue(ClientId client, const Grant& grant) override;
  void Adjust(ClientId client, const Grant& grant) override;
  void Ring(ClientId client) override;
  void Revoke(ClientId client, uint64_t lease) override;
  void SetSuccessor(ClientId holder, uint64_t lease, ClientId next, uint32_t token) override;
  void Freeze(ClientId client, bool frozen) override;
  void Condemn(ClientId client, const std::string& reason) override;

 private:
  struct Seat {
    os::UniqueFd own_fd, grant_fd, doorbell;
    os::Mapping own, grant;
    std::array<uint64_t, kMaxLanes> released{};  // taken so far
  };

  explicit LeaseTable(Hooks hooks) : hooks_(std::move(hooks)) {}
  static Result<Seat> MakeSeat();
  const OwnLane& own(ClientId client) const;
  GrantLane& grant(ClientId client);
  const GrantLane& grant(ClientId client) const;
  void WriteTerms(GrantLane& lane, const Grant& grant);

  Hooks hooks_;
  os::UniqueFd board_fd_;
  os::Mapping board_;
  std::array<std::unique_ptr<Seat>, kMaxSlots> seats_;
  uint32_t next_slot_ = 0;
};

}  // namespace flexai::share
