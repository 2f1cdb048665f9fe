#include "share/ledger.h"

#include <fmt/format.h>

#include <algorithm>

namespace flexai::share {

uint64_t Ledger::Capacity() const {
  return options_.device.value - std::min(options_.device.value, options_.reserve.value);
}

uint64_t Ledger::ReservedFor(const Vxpu& vxpu) const {
  return vxpu.quota.value + options_.session_overhead.value * std::max(1u, vxpu.sessions);
}

uint64_t Ledger::Reserved() const {
  uint64_t sum = 0;
  for (const auto& [id, vxpu] : vxpus_) {
    sum += ReservedFor(vxpu);
  }
  return sum;
}

Bytes Ledger::Unreserved() const { return {Capacity() - std::min(Capacity(), Reserved())}; }

Permille Ledger::Requested() const {
  Permille sum{0};
  for (const auto& [id, vxpu] : vxpus_) {
    sum.value += vxpu.request.value;
  }
  return sum;
}

Status Ledger::AddVxpu(const VxpuSpec& spec) {
  FLEXAI_RETURN_IF_ERROR(Validate(spec));
  if (vxpus_.contains(spec.id)) {
    return AlreadyExists(fmt::format("there is already a vXPU {}", spec.id));
  }
  if (vxpus_.size() >= kMaxVxpusPerDevice) {
    return ResourceExhausted(fmt::format("the device has {} vXPUs, which is the most", vxpus_.size()));
  }
  const uint32_t free_share = kWholeDevice.value - Requested().value;
  if (spec.share.request.value > free_share) {
    return ResourceExhausted(fmt::format("a share of {} was asked for, but only {} of the device are free",
                                         FormatPermille(spec.share.request), FormatPermille({free_share})));
  }
  // Written so that no sum of untrusted sizes can overflow.
  const uint64_t room = Unreserved().value;
  const uint64_t overhead = options_.session_overhead.value;
  if (room < overhead || spec.memory.value > room - overhead) {
    return ResourceExhausted(fmt::format("{} of memory were asked for, but only {} of the device are free",
                                         FormatBytes(spec.memory),
                                         FormatBytes({room - std::min(room, overhead)})));
  }
  vxpus_.emplace(spec.id, Vxpu{spec.share.request, spec.memory, {}, 0});
  return {};
}

Status Ledger::ResizeVxpu(VxpuId id, const ComputeShare& share, Bytes quota) {
  FLEXAI_RETURN_IF_ERROR(Validate(share));
  const auto found = vxpus_.find(id);
  if (found == vxpus_.end()) {
    return NotFound(fmt::format("there is no vXPU {}", id));
  }
  Vxpu& vxpu = found->second;
  const uint32_t free_share = kWholeDevice.value - Requested().value + vxpu.request.value;
  if (share.request.value > free_share) {
    return ResourceExhausted(fmt::format("a share of {} was asked for, but only {} of the device are free",
                                         FormatPermille(share.request), FormatPermille({free_share})));
  }
  if (quota.value == 0) {
    return InvalidArgument("a memory quota of 0 B can hold nothing");
  }
  if (quota < vxpu.resident) {
    return FailedPrecondition(fmt::format("a quota of {} is below the {} that the vXPU's sessions hold now",
                                          FormatBytes(quota), FormatBytes(vxpu.resident)));
  }
  if (quota > vxpu.quota && quota.value - vxpu.quota.value > Unreserved().value) {
    return ResourceExhausted(fmt::format("{} more memory were asked for, but only {} of the device are free",
                                         FormatBytes({quota.value - vxpu.quota.value}),
                                         FormatBytes(Unreserved())));
  }
  vxpu.request = share.request;
  vxpu.quota = quota;
  return {};
}

bool Ledger::RemoveVxpu(VxpuId id) { return vxpus_.erase(id) > 0; }

Status Ledger::AddSession(SessionId session, const std::vector<VxpuId>& vxpus) {
  if (vxpus.empty()) {
    return InvalidArgument("a session needs at least one vXPU");
  }
  if (sessions_.contains(session)) {
    return AlreadyExists(fmt::format("there is already a session {}", session));
  }
  for (const VxpuId id : vxpus) {
    if (!vxpus_.contains(id)) {
      return NotFound(fmt::format("there is no vXPU {}", id));
    }
  }
  Vxpu& first = vxpus_.at(vxpus.front());
  if (first.sessions > 0 && Unreserved() < options_.session_overhead) {
    return ResourceExhausted(fmt::format("one more session takes {} of device memory, but only {} are free",
                                         FormatBytes(options_.session_overhead), FormatBytes(Unreserved())));
  }
  ++first.sessions;
  Session& entry = sessions_[session];
  entry.overhead_on = vxpus.front();
  for (const VxpuId id : vxpus) {
    entry.held[id] = {};
  }
  return {};
}

bool Ledger::RemoveSession(SessionId session) {
  const auto found = sessions_.find(session);
  if (found == sessions_.end()) {
    return false;
  }
  for (const auto& [id, bytes] : found->second.held) {
    if (const auto vxpu = vxpus_.find(id); vxpu != vxpus_.end()) {
      vxpu->second.resident.value -= bytes.value;
    }
  }
  if (const auto vxpu = vxpus_.find(found->second.overhead_on); vxpu != vxpus_.end()) {
    --vxpu->second.sessions;
  }
  sessions_.erase(found);
  return true;
}

Status Ledger::Charge(SessionId session, VxpuId vxpu, Bytes bytes) {
  const auto owner = sessions_.find(session);
  const auto unit = vxpus_.find(vxpu);
  if (owner == sessions_.end() || unit == vxpus_.end() || !owner->second.held.contains(vxpu)) {
    return NotFound(fmt::format("session {} has no vXPU {}", session, vxpu));
  }
  const Bytes available = Available(vxpu);
  if (bytes > available) {
    return ResourceExhausted(
        fmt::format("{} more do not fit in the memory quota of vXPU {}, of which {} are left",
                    FormatBytes(bytes), vxpu, FormatBytes(available)));
  }
  unit->second.resident.value += bytes.value;
  owner->second.held[vxpu].value += bytes.value;
  return {};
}

void Ledger::Release(SessionId session, VxpuId vxpu, Bytes bytes) {
  const auto owner = sessions_.find(session);
  const auto unit = vxpus_.find(vxpu);
  if (owner == sessions_.end() || unit == vxpus_.end() || !owner->second.held.contains(vxpu)) {
    return;
  }
  Bytes& held = owner->second.held[vxpu];
  const uint64_t given = std::min(bytes.value, held.value);
  held.value -= given;
  unit->second.resident.value -= given;
}

Bytes Ledger::Resident(VxpuId vxpu) const {
  const auto found = vxpus_.find(vxpu);
  return found == vxpus_.end() ? Bytes{} : found->second.resident;
}

Bytes Ledger::Resident(SessionId session, VxpuId vxpu) const {
  const auto owner = sessions_.find(session);
  if (owner == sessions_.end()) {
    return {};
  }
  const auto held = owner->second.held.find(vxpu);
  return held == owner->second.held.end() ? Bytes{} : held->second;
}

Bytes Ledger::Available(VxpuId vxpu) const {
  const auto found = vxpus_.find(vxpu);
  return found == vxpus_.end() ? Bytes{} : Bytes{found->second.quota.value - found->second.resident.value};
}

Bytes Ledger::DeviceResident() const {
  uint64_t sum = 0;
  for (const auto& [id, vxpu] : vxpus_) {
    sum += vxpu.resident.value + options_.session_overhead.value * vxpu.sessions;
  }
  return {sum};
}

}  // namespace flexai::share
