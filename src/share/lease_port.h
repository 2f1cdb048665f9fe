// What the arbiter needs of the lease pages. LeaseTable writes real pages; tests may stand in for it.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"

namespace flexai::share {

using ClientId = uint32_t;  // one lane of one executor

// One reading of an OwnLane: an executor's claims, not yet bounded.
struct LaneView {
  bool want = false;
  uint32_t running = 0;
  uint64_t lease_taken = 0;
  uint64_t lease_done = 0;
  uint64_t used_ns = 0;
  uint64_t finished = 0;
  int64_t first_start_ns = 0;
  bool head_unknown = false;
  int64_t head_entered_ns = 0;
  int64_t head_start_ns = 0;
  int64_t last_end_ns = 0;
  int64_t in_flight_ns = 0;
};

// The terms of a lease, as written to a GrantLane.
struct Grant {
  uint64_t lease = 0;
  int64_t until_used_ns = 0;
  int64_t in_flight_limit_ns = 0;
  int64_t hold_ns = 0;
  int64_t pass_lead_ns = 0;
  uint32_t pass_token = 0;  // not 0: in force only once it is passed with this token

  bool operator==(const Grant&) const = default;
};

class LeasePort {
 public:
  virtual ~LeasePort() = default;

  virtual LaneView Read(ClientId client) = 0;
  // Writes a new lease and rings, so that a sleeping executor sees it. A pending one does not ring.
  virtual void Issue(ClientId client, const Grant& grant) = 0;
  // Changes the terms of the lease that the client has; with `in_force`, a pending one is no longer pending.
  virtual void Adjust(ClientId client, const Grant& grant) = 0;
  virtual void Ring(ClientId client) = 0;
  // Marks `lease` revoked. The caller reads the client again afterwards: idle then means taken back.
  virtual void Revoke(ClientId client, uint64_t lease) = 0;
  // To whom the holder passes `lease`; token 0: to nobody. The caller reads the holder again afterwards.
  virtual void SetSuccessor(ClientId holder, uint64_t lease, ClientId next, uint32_t token) = 0;
  // Stops or continues the client's executor in the middle of a command.
  virtual void Freeze(ClientId client, bool frozen) = 0;
  // The client's session must be ended: `reason` is one sentence. Returns at once; RemoveClient follows
  // later.
  virtual void Condemn(ClientId client, const std::string& reason) = 0;
};

}  // namespace flexai::share
