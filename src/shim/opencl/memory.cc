#include "shim/opencl/memory.h"

#include <bit>

namespace flexai::shim {

namespace {

constexpr cl_mem_flags kDeviceAccess = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
constexpr cl_mem_flags kHostAccess = CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
constexpr cl_mem_flags kHostPointer = CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR;
constexpr cl_mem_flags kKnown = kDeviceAccess | kHostAccess | kHostPointer | CL_MEM_KERNEL_READ_AND_WRITE;

bool SeveralOf(cl_mem_flags flags, cl_mem_flags group) { return std::popcount(flags & group) > 1; }

}  // namespace

cl_int CheckMemoryFlags(cl_mem_flags flags, const void* host_ptr) {
  if ((flags & ~kKnown) != 0 || SeveralOf(flags, kDeviceAccess) || SeveralOf(flags, kHostAccess) ||
      ((flags & CL_MEM_USE_HOST_PTR) != 0 && (flags & (CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0)) {
    return CL_INVALID_VALUE;
  }
  const bool takes_pointer = (flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0;
  return takes_pointer == (host_ptr != nullptr) ? CL_SUCCESS : CL_INVALID_HOST_PTR;
}

cl_int InheritFlags(const Memory* parent, cl_mem_flags flags, cl_mem_flags* inherited) {
  if ((flags & ~kKnown) != 0 || (flags & kHostPointer) != 0) {
    return CL_INVALID_VALUE;
  }
  const cl_mem_flags from = parent->flags;
  const bool device_clash =
      ((from & CL_MEM_WRITE_ONLY) != 0 && (flags & (CL_MEM_READ_WRITE | CL_MEM_READ_ONLY)) != 0) ||
      ((from & CL_MEM_READ_ONLY) != 0 && (flags & (CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY)) != 0);
  const bool host_clash = ((from & CL_MEM_HOST_WRITE_ONLY) != 0 && (flags & CL_MEM_HOST_READ_ONLY) != 0) ||
                          ((from & CL_MEM_HOST_READ_ONLY) != 0 && (flags & CL_MEM_HOST_WRITE_ONLY) != 0) ||
                          ((from & CL_MEM_HOST_NO_ACCESS) != 0 &&
                           (flags & (CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_WRITE_ONLY)) != 0);
  if (device_clash || host_clash) {
    return CL_INVALID_VALUE;
  }
  if ((flags & kDeviceAccess) == 0) {
    flags |= from & kDeviceAccess;
  }
  if ((flags & kHostAccess) == 0) {
    flags |= from & kHostAccess;
  }
  *inherited = flags | (from & kHostPointer);
  return CL_SUCCESS;
}

cl_int CheckMemoryProperties(const cl_mem_properties* properties) {
  return properties == nullptr || properties[0] == 0 ? CL_SUCCESS : CL_INVALID_PROPERTY;
}

ArenaRange AllocateArena(Session* session, uint64_t bytes, uint64_t alignment) {
  // What was just released is worth waiting a moment for, because its pages exist.
  constexpr uint64_t kWorthWaiting = 256 << 10;
  if (bytes >= kWorthWaiting && session->deferred().HasReleases()) {
    session->Ping();
    session->deferred().SettleReleases();
  }
  ArenaRange range = session->arena().Allocate(bytes, alignment);
  while (!range && !session->lost()) {
    session->deferred().Settle();
    const bool more = session->deferred().WaitForRelease();
    range = session->arena().Allocate(bytes, alignment);
    if (!more) {
      break;
    }
  }
  return range;
}

void DestroyMemory(Memory* memory) {
  Session* session = memory->session;
  session->live_handles().Remove(memory);
  // Memory of its own, here or in the executor, is free only when the executor let it go.
  const bool waits = memory->parent == nullptr || !memory->callbacks.empty() || !memory->maps.empty();
  memory->release_slot = waits && !session->lost() ? session->slots().Allocate(CL_QUEUED) : wire::kNoSlot;
  session->SendRelease(memory->id, memory->release_slot);
  Object* parent = memory->parent;
  Object* context = memory->context;
  memory->kind = Kind::kDead;
  if (memory->release_slot == wire::kNoSlot) {
    // Nothing to wait for; or nobody to wait for, and then the range goes with the session.
    FinishMemory(memory);
  } else if (memory->callbacks.empty()) {
    session->deferred().AddRelease(memory);
  } else {
    auto* watch = New<Watch>();
    if (watch != nullptr) {
      watch->slot = memory->release_slot;
      watch->object = memory;
      watch->fire = [](Watch* fired, cl_int) { FinishMemory(static_cast<Memory*>(fired->object)); };
    }
    if (watch == nullptr || !session->notifier().Add(watch)) {
      Delete(watch);
      session->deferred().AddRelease(memory);
    }
  }
  if (parent != nullptr) {
    Drop(parent);
  }
  Drop(context);
}

void FinishMemory(Memory* memory) {
  // Last registered, first called.
  for (size_t i = memory->callbacks.size(); i > 0; --i) {
    memory->callbacks[i - 1].function(memory, memory->callbacks[i - 1].user_data);
  }
  Session* session = memory->session;
  if (memory->release_slot != wire::kNoSlot && !session->lost()) {
    for (MappedRegion& map : memory->maps) {
      session->arena().Free(&map.staging);
    }
    session->arena().Free(&memory->storage);
    if (session->arena().NeedsTrim()) {
      session->notifier().TrimLater();
    }
    session->slots().Free(memory->release_slot, true, 0);
  }
  Delete(memory);
}

}  // namespace flexai::shim
