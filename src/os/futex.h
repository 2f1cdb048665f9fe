// Sleeping on a word of shared memory. Header-only and libc-only, because shims use it.
//
// The words are shared between processes (never FUTEX_PRIVATE). A wait may return early at any time: callers
// loop on their condition. Timeouts are relative nanoseconds; a negative one waits for ever.
#pragma once

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

namespace flexai::os {

// Sleeps while `word` is `expected`. Returns false if the time ran out.
inline bool FutexWait(const std::atomic<uint32_t>& word, uint32_t expected, int64_t timeout_ns = -1) {
  timespec relative{};
  timespec* limit = nullptr;
  if (timeout_ns >= 0) {
    relative.tv_sec = static_cast<time_t>(timeout_ns / 1000000000);
    relative.tv_nsec = static_cast<long>(timeout_ns % 1000000000);
    limit = &relative;
  }
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT, expected, limit, nullptr, 0);
  return !(result == -1 && errno == ETIMEDOUT);
}

// Wakes up to `count` sleepers.
inline void FutexWake(const std::atomic<uint32_t>& word, int count = 0x7fffffff) {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

struct FutexCondition {
  const std::atomic<uint32_t>* word;
  uint32_t expected;
};

// Sleeps while every word has its expected value; at most 8 conditions. Kernels before 5.16 lack futex_waitv:
// there it sleeps on the first word for at most 200 us. Returns false if the time ran out.
inline bool FutexWaitAny(const FutexCondition* conditions, unsigned count, int64_t timeout_ns = -1) {
  struct Waiter {  // struct futex_waitv of linux/futex.h, absent from older headers
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
  };
  constexpr uint32_t kFutex32 = 2;
  constexpr long kFutexWaitv = 449;
  constexpr unsigned kMost = 8;
  Waiter waiters[kMost];
  const unsigned used = count < kMost ? count : kMost;
  for (unsigned i = 0; i < used; ++i) {
    waiters[i] = {conditions[i].expected, reinterpret_cast<uint64_t>(conditions[i].word), kFutex32, 0};
  }
  timespec deadline{};
  if (timeout_ns >= 0) {
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    const int64_t at = deadline.tv_nsec + timeout_ns;
    deadline.tv_sec += static_cast<time_t>(at / 1000000000);
    deadline.tv_nsec = static_cast<long>(at % 1000000000);
  }
  const long result =
      syscall(kFutexWaitv, waiters, used, 0, timeout_ns >= 0 ? &deadline : nullptr, CLOCK_MONOTONIC);
  if (result == -1 && errno == ENOSYS) {
    constexpr int64_t kPollNs = 200 * 1000;
    FutexWait(*conditions[0].word, conditions[0].expected,
              timeout_ns >= 0 && timeout_ns < kPollNs ? timeout_ns : kPollNs);
    return true;
  }
  return !(result == -1 && errno == ETIMEDOUT);
}

}  // namespace flexai::os
