// How a keeper starts an executor and hands it a session (docs/formats/keeper.md).
//
// The keeper runs `flexai-executor --session --sandbox TEXT` with a SEQPACKET socket as fd kControlFd. The
// executor first enters the sandbox (os/sandbox.h), then loads its platform, sends ReadyMessage, and waits
// for one start message, which carries file descriptors in the order of StartFd. The end of the socket is the
// end of the keeper: the executor exits. JSON text; unknown fields are ignored.
//
// Thread safety: functions of values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/sandbox.h"
#include "share/vxpu_spec.h"

namespace flexai::share {

inline constexpr int kControlFd = 3;

enum StartFd : size_t {
  kFdChannel = 0,
  kFdArena,
  kFdStdout,   // the application's standard output, for printf in kernels
  kFdOwnPage,  // the next four make LeaseFds
  kFdGrantPage,
  kFdBoardPage,
  kFdDoorbell,
  kStartFdCount,
};

struct ExecutorStart {
  struct Vxpu {
    VxpuId id = 0;
    Bytes quota;
  };

  SessionId session = 0;
  uint32_t platform = 0;      // index of the platform, as `flexai-executor --probe` counts
  uint32_t device_index = 0;  // within the platform
  std::vector<Vxpu> vxpus;    // lane i of the lease pages is element i
  uint32_t ring_bytes = 0, reply_slots = 0, status_slots = 0;  // wire::Geometry
  uint64_t arena_bytes = 0;
  uint64_t arena_base = 0;  // where both processes map the arena
};

std::string EncodeStart(const ExecutorStart& start);
Result<ExecutorStart> DecodeStart(std::string_view text);

// What an executor sends once it can take a session, or why it never will.
std::string ReadyMessage();
std::string FailedMessage(std::string_view reason);
// Success if `text` says ready; the failure's sentence otherwise.
Status DecodeReady(std::string_view text);

std::string EncodeSandbox(const os::SandboxOptions& options);
Result<os::SandboxOptions> DecodeSandbox(std::string_view text);

}  // namespace flexai::share
