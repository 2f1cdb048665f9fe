// Which device takes a new vXPU, and how large it becomes: the pure decision, without keeper or clock. The
// keeper checks again, since it alone knows the account of this instant; what is refused here is refused with
// figures.
//
// Thread safety: functions of values.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/status.h"
#include "base/units.h"
#include "node/vxpu.h"

namespace flexai::node {

// What a device has to give.
struct DeviceRoom {
  std::string id;
  Permille free_share;  // of kWholeDevice, not promised to a vXPU
  Bytes memory;         // that quotas may sum to
  Bytes free_memory;    // of it
  uint32_t vxpus = 0;
};

struct Allotment {
  std::string device;
  Permille request, limit;
  Priority priority = Priority::kNormal;
  Bytes memory;
};

// Chooses the device with the most free share among `rooms` (never empty) that fits, the first of equals, and
// fills in defaults: `default_share`, limit 1000, normal priority, and as quota the same part of the device's
// memory as of its compute, or what is left of the memory if that is less. kInvalidArgument: can never fit.
// kResourceExhausted: does not fit now; the sentence says what is free.
Result<Allotment> Admit(std::span<const DeviceRoom> rooms, const VxpuRequest& request,
                        Permille default_share);

// Whether `vxpu` may become what `change` asks, on a device with `room` left beside it.
Status AdmitChange(const DeviceRoom& room, const Vxpu& vxpu, const VxpuChange& change);

}  // namespace flexai::node
