#include "node/admission.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <optional>

namespace flexai::node {
namespace {

constexpr uint64_t kQuotaStep = 1 << 20;  // default quotas are whole MiB

Bytes DefaultMemory(const DeviceRoom& room, Permille wanted) {
  const uint64_t memory = room.memory.value;
  const uint64_t part =
      memory / 1000 * wanted.value + memory % 1000 * wanted.value / 1000;  // never overflows
  return {std::min(part, room.free_memory.value) / kQuotaStep * kQuotaStep};
}

std::string RoomText(const DeviceRoom& room) {
  return fmt::format("{} has {} of its compute and {} of memory free", room.id,
                     FormatPermille(room.free_share), FormatBytes(room.free_memory));
}

// Why `room` cannot take a quota of `memory` at all.
Status CheckCapacity(const DeviceRoom& room, Bytes memory) {
  if (memory > room.memory) {
    return InvalidArgument(fmt::format("a quota of {} is more than device {} can give: it has {} for vXPUs",
                                       FormatBytes(memory), room.id, FormatBytes(room.memory)));
  }
  return {};
}

Status CheckLimit(Permille request, Permille limit) {
  if (limit < request) {
    return InvalidArgument(fmt::format("the limit of {} is below the guaranteed share of {}: raise --limit",
                                       FormatPermille(limit), FormatPermille(request)));
  }
  return {};
}

// Why `room` does not take the request, or nothing if it does.
Status Fits(const DeviceRoom& room, Permille wanted, const std::optional<Bytes>& memory) {
  if (memory) {
    FLEXAI_RETURN_IF_ERROR(CheckCapacity(room, *memory));
  }
  if (room.vxpus >= share::kMaxVxpusPerDevice) {
    return ResourceExhausted(fmt::format(
        "device {} has {} vXPUs, the most there can be: stop one ('flexai ps')", room.id, room.vxpus));
  }
  if (wanted > room.free_share) {
    return ResourceExhausted(
        fmt::format("a share of {} is more than is free: {}", FormatPermille(wanted), RoomText(room)));
  }
  if (memory ? *memory > room.free_memory : DefaultMemory(room, wanted).value == 0) {
    return ResourceExhausted(fmt::format("{} of memory is more than is free: {}",
                                         memory ? FormatBytes(*memory) : std::string("a part"),
                                         RoomText(room)));
  }
  return {};
}

}  // namespace

Result<Allotment> Admit(std::span<const DeviceRoom> rooms, const VxpuRequest& request,
                        Permille default_share) {
  assert(!rooms.empty());
  Allotment allotment;
  allotment.request = request.request.value_or(default_share);
  allotment.limit = request.limit.value_or(kWholeDevice);
  allotment.priority = request.priority.value_or(Priority::kNormal);
  if (allotment.request.value == 0) {
    return InvalidArgument("a share of 0 % guarantees nothing: ask for 0.1% or more");
  }
  FLEXAI_RETURN_IF_ERROR(CheckLimit(allotment.request, allotment.limit));

  const DeviceRoom* best = nullptr;
  Status refusal;
  bool only_never = true;
  std::string all;
  for (const DeviceRoom& room : rooms) {
    const Status fits = Fits(room, allotment.request, request.memory);
    if (fits.ok() && (best == nullptr || room.free_share > best->free_share)) {
      best = &room;
    }
    if (!fits.ok()) {
      refusal = fits;
      only_never = only_never && fits.code() == Code::kInvalidArgument;
      all += fmt::format("{}{}", all.empty() ? "" : "; ", RoomText(room));
    }
  }
  if (best == nullptr) {
    if (rooms.size() == 1) {
      return refusal;
    }
    return Status(only_never ? Code::kInvalidArgument : Code::kResourceExhausted,
                  fmt::format("no device has {} of its compute{} free: {}", FormatPermille(allotment.request),
                              request.memory ? " and " + FormatBytes(*request.memory) : std::string(), all));
  }
  allotment.device = best->id;
  allotment.memory = request.memory.value_or(DefaultMemory(*best, allotment.request));
  return allotment;
}

Status AdmitChange(const DeviceRoom& room, const Vxpu& vxpu, const VxpuChange& change) {
  const Permille request = change.request.value_or(vxpu.request);
  FLEXAI_RETURN_IF_ERROR(CheckLimit(request, change.limit.value_or(vxpu.limit)));
  if (request.value > vxpu.request.value + room.free_share.value) {
    return ResourceExhausted(fmt::format("a share of {} is more than vXPU {} can have: beside its {}, {}",
                                         FormatPermille(request), vxpu.id, FormatPermille(vxpu.request),
                                         RoomText(room)));
  }
  const Bytes memory = change.memory.value_or(vxpu.memory);
  FLEXAI_RETURN_IF_ERROR(CheckCapacity(room, memory));
  if (memory.value > vxpu.memory.value + room.free_memory.value) {
    return ResourceExhausted(fmt::format("{} of memory is more than vXPU {} can have: beside its {}, {}",
                                         FormatBytes(memory), vxpu.id, FormatBytes(vxpu.memory),
                                         RoomText(room)));
  }
  if (memory < vxpu.resident) {
    return FailedPrecondition(
        fmt::format("vXPU {} uses {} now, so its quota cannot become {}: free memory in the "
                    "program first",
                    vxpu.id, FormatBytes(vxpu.resident), FormatBytes(memory)));
  }
  return {};
}

}  // namespace flexai::node
