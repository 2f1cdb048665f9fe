// The attach conversation between a shim and flexaid: one AF_UNIX SOCK_SEQPACKET connection, fixed-size
// records, file descriptors by SCM_RIGHTS. docs/formats/attach.md describes it.
//
//   shim -> flexaid   AttachRequest{kList}                          which platforms may I use?
//   flexaid -> shim   AttachReply{platform_count}
//   shim -> flexaid   AttachRequest{kOpen, platform}  + fd stdout   one session per platform
//   flexaid -> shim   AttachReply{session, geometry, arena_base} + fds channel, arena, executor pidfd
//
// flexaid knows the caller by SO_PEERCRED and hands its pidfd to the keeper. The connection may be closed
// after the last reply; a session's life hangs on pidfds, not on the socket. In cluster mode, where a claim
// and not a uid authorises, the socket itself names the claim.
//
// Included by shims: plain data only.
#pragma once

#include <cstdint>

#include "wire/layout.h"

namespace flexai::wire {

inline constexpr uint32_t kAttachMagic = 0x31415846;  // "FXA1"
inline constexpr uint32_t kMaxVxpusPerSession = 16;

enum class AttachOp : uint32_t { kList = 1, kOpen = 2 };
enum class AttachApi : uint32_t { kOpenCl = 1, kCuda = 2, kAscend = 3 };

struct AttachRequest {
  uint32_t magic;
  uint16_t major, minor;
  AttachOp op;
  AttachApi api;
  uint64_t description_hash;  // of the call descriptions this shim was generated from
  uint32_t platform;          // kOpen: index below AttachReply::platform_count
  uint32_t vxpu_count;        // of `vxpus`, taken from FLEXAI_VXPUS
  uint64_t vxpus[kMaxVxpusPerSession];
  char command[64];  // basename of the program, NUL-terminated, for people to read
};
static_assert(sizeof(AttachRequest) == 32 + 8 * kMaxVxpusPerSession + 64);

struct AttachReply {
  uint32_t magic;
  uint16_t major, minor;
  int32_t code;  // flexai::Code as a number; 0 is success
  uint32_t platform_count;
  uint64_t session;
  uint64_t arena_base;  // where to map the arena
  uint64_t arena_bytes;
  uint32_t ring_bytes, reply_slots, status_slots;
  uint32_t vxpu_count;  // of this platform
  char message[200];    // on failure: one sentence, NUL-terminated
};
static_assert(sizeof(AttachReply) == 56 + 200);

}  // namespace flexai::wire
