// Who may hold, and who holds, how many bytes and how much guaranteed compute of one device.
//
// Two numbers per vXPU: `quota`, what it may hold, and `resident`, what it holds now. Quotas and the
// overheads of sessions are reserved when a vXPU is created or a session starts, so that a charge within the
// quota never fails for want of device memory; residents can therefore never sum above the device.
//
// Pure state, no I/O. Thread safety: one thread.
#pragma once

#include <map>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "share/vxpu_spec.h"

namespace flexai::share {

struct LedgerOptions {
  Bytes device;            // memory of the device
  Bytes reserve;           // of it, never given to anybody
  Bytes session_overhead;  // what an executor's context takes on the device
};

class Ledger {
 public:
  explicit Ledger(const LedgerOptions& options) : options_(options) {}

  // kResourceExhausted if the guaranteed shares would sum above the device, or quota and one session's
  // overhead do not fit; kAlreadyExists; kInvalidArgument.
  Status AddVxpu(const VxpuSpec& spec);
  // Changes share and quota of a vXPU, or nothing. A quota may not fall below what is resident.
  Status ResizeVxpu(VxpuId id, const ComputeShare& share, Bytes quota);
  // Its sessions must have been removed. False if there is none.
  bool RemoveVxpu(VxpuId id);

  // Admits a session to its vXPUs (all of this device); the overhead is reserved on the first. The first
  // session of a vXPU uses the overhead that was reserved with it.
  Status AddSession(SessionId session, const std::vector<VxpuId>& vxpus);
  // Gives back whatever the session still holds. False if there is none.
  bool RemoveSession(SessionId session);

  // `session` takes `bytes` more on `vxpu`: kResourceExhausted over the quota.
  Status Charge(SessionId session, VxpuId vxpu, Bytes bytes);
  // Gives back at most what the session holds on `vxpu`.
  void Release(SessionId session, VxpuId vxpu, Bytes bytes);

  Bytes Resident(VxpuId vxpu) const;  // by charges, without overheads
  Bytes Resident(SessionId session, VxpuId vxpu) const;
  Bytes Available(VxpuId vxpu) const;  // quota - resident
  Bytes DeviceResident() const;        // charges and overheads of everybody
  Bytes Unreserved() const;            // what new quotas and sessions can still take
  Permille Requested() const;          // sum of guaranteed shares
  const LedgerOptions& options() const { return options_; }

 private:
  struct Vxpu {
    Permille request;
    Bytes quota;
    Bytes resident;
    uint32_t sessions = 0;  // whose overhead is on this vXPU
  };
  struct Session {
    std::map<VxpuId, Bytes> held;
    VxpuId overhead_on = 0;
  };

  uint64_t ReservedFor(const Vxpu& vxpu) const;
  uint64_t Reserved() const;
  uint64_t Capacity() const;

  LedgerOptions options_;
  std::map<VxpuId, Vxpu> vxpus_;
  std::map<SessionId, Session> sessions_;
};

}  // namespace flexai::share
