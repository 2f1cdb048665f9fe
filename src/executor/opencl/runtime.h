// What every part of an OpenCL session needs: the driver, the channel, the graph, the arena and the vXPUs.
// Made once per session, before its first frame, and alive until its end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "device/opencl/icd.h"
#include "executor/graph/graph.h"
#include "share/lease.h"
#include "wire/codec.h"
#include "wire/server_channel.h"

namespace flexai::executor::opencl {

using Api = cl_icd_dispatch;

struct Runtime;

// A vXPU of the session: a share of one device of the platform.
struct Vxpu {
  Runtime* runtime = nullptr;
  uint32_t lane = 0;  // its index, and its lane in the graph
  uint64_t id = 0;
  cl_device_id device = nullptr;
  Bytes quota;
  LaneLease access;
};

struct Runtime {
  device::opencl::Platform platform;
  const Api* api = nullptr;
  wire::ServerChannel* channel = nullptr;
  Graph* graph = nullptr;
  std::span<std::byte> arena;
  bool arena_at_base = false;     // mapped where the application has it, so that pointers mean the same
  std::vector<Vxpu> vxpus;        // vXPU i is device object kFirstDevice + i
  uint64_t awaited_releases = 0;  // objects let go whose slot waits for their end

  // The bytes of an arena range, or null if it is not inside the arena.
  std::byte* ArenaRange(const wire::Region& region) const {
    if (region.length > arena.size() || region.offset > arena.size() - region.length) {
      return nullptr;
    }
    return arena.data() + region.offset;
  }
  // Where a payload's bytes lie: in the frame's private copy or in the arena. Null data if out of range.
  // Arena bytes may change at any time: copy before checking them.
  std::span<const std::byte> Find(const wire::Payload& payload) const {
    if (payload.region.length == 0) {
      return payload.inline_bytes;
    }
    const std::byte* data = ArenaRange(payload.region);
    return {data, data != nullptr ? static_cast<size_t>(payload.region.length) : 0};
  }
};

inline constexpr uint64_t kPlatformId = 1;
inline constexpr uint64_t kFirstDevice = 0x100;

}  // namespace flexai::executor::opencl
