// What the keeper's test tells a fake executor, and what that reports, over the session's arena.
#pragma once

#include <atomic>
#include <cstdint>

namespace flexai::keeper_test {

enum class Mode : uint32_t {
  kIdle = 0,
  kRun = 1,   // commands of command_ns, one after another
  kHang = 2,  // one command that never ends, spinning
  kCrash = 3,
  kLie = 4,   // writes impossible values to its lease page
  kStay = 5,  // takes the device and never gives it back, without a command of its own
};

struct Orders {
  std::atomic<uint32_t> mode;  // futex word
  std::atomic<int64_t> command_ns;
  std::atomic<int64_t> charge_bytes;  // > 0 asks for memory, < 0 gives back; taken when not 0
  std::atomic<int32_t> charge_code;   // flexai::Code of the last charge, -1 before
  std::atomic<uint64_t> finished;     // commands
  std::atomic<uint32_t> started;      // the session began
};

inline constexpr uint64_t kArenaBytes = 64 << 10;

}  // namespace flexai::keeper_test
