// The attach conversation between a shim and flexaid: one AF_UNIX SOCK_SEQPACKET connection, fixed-size
// records, file descriptors by SCM_RIGHTS. docs/formats/attach.md describes it.
//
//   shim -> flexaid   AttachRequest{kList}                       on how many devices are my vXPUs?
//   flexaid -> shim   AttachReply{session_count}
//   shim -> flexaid   AttachRequest{kOpen, index}  + fd stdout   one session per device
//   flexaid -> shim   AttachReply{session, geometry, arena_base, platform} + fds channel, arena, pidfd
//
// An application sees platforms, not sessions: those with the same `platform` are one to it.
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
  uint32_t index;             // kOpen: of the session, below AttachReply::session_count
  uint32_t vxpu_count;        // of `vxpus`, taken from FLEXAI_VXPUS
  uint64_t vxpus[kMaxVxpusPerSession];
  char command[64];  // basename of the program, NUL-terminated, for people to read
};
static_assert(sizeof(AttachRequest) == 32 + 8 * kMaxVxpusPerSession + 64);

struct AttachReply {
  uint32_t magic;
  uint16_t major, minor;
  int32_t code;            // flexai::Code as a number; 0 is success
  uint32_t session_count;  // kList: one for each device that the vXPUs lie on
  uint64_t session;
  uint64_t arena_base;  // where to map the arena
  uint64_t arena_bytes;
  uint32_t ring_bytes, reply_slots, status_slots;
  uint32_t vxpu_count;  // of this session
  char message[192];    // on failure: one sentence, NUL-terminated
  // Since 1.1, in answers to kOpen; before, `message` went on here.
  uint32_t platform;   // the least index of a session on the same platform of the vendor
  uint32_t vxpu_mask;  // bit i: AttachRequest::vxpus[i] is of this session, its devices come in that order
};
static_assert(sizeof(AttachReply) == 56 + 192 + 8);
static_assert(kMaxVxpusPerSession <= 32, "AttachReply::vxpu_mask");

}  // namespace flexai::wire
