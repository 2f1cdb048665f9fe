// The thread that calls the application's callbacks and gives unused memory back. It is made with the first
// need, has every signal blocked, sleeps on the channel's notify word and never ends.
//
// Callbacks run one at a time, without any lock of ours, so that they may call OpenCL. With a lost session
// every watch fires once with CL_OUT_OF_RESOURCES. Thread safety: every method may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>

#include "shim/opencl/object.h"
#include "wire/client_channel.h"

namespace flexai::shim {

// Something that fires once. Made with New, taken over by the notifier, deleted after `fire`.
struct Watch {
  Watch* next = nullptr;
  uint32_t slot = wire::kNoSlot;   // kNoSlot: fires at once
  cl_int threshold = CL_COMPLETE;  // fires when the slot's status is at most this
  // `status`: CL_COMPLETE .. CL_SUBMITTED as asked for, or an error.
  void (*fire)(Watch* watch, cl_int status) = nullptr;
  // For `fire`: an object (held by the watch's maker), the application's function and its argument.
  Object* object = nullptr;
  void (*function)() = nullptr;
  void* user_data = nullptr;
};

class Notifier {
 public:
  constexpr Notifier() = default;

  void Init(Session* session) { session_ = session; }
  // False if there is no memory or no thread can be made; the watch is then still the caller's.
  bool Add(Watch* watch);
  // Trims the arena in a while, unless it was used again by then.
  void TrimLater();
  // Looks at all watches soon: something they wait for was changed by the shim itself.
  void Poke();

 private:
  static constexpr int64_t kTrimAfterNs = 500'000'000;

  static void* Run(void* self);
  void Loop();
  int64_t SleepLimit();
  void TrimIfDue();
  Watch* TakeDue(bool lost);
  bool StartThread();

  Session* session_ = nullptr;
  wire::FutexMutex mutex_;
  bool started_ = false;
  std::atomic<bool> trim_wanted_{false};
  uint64_t trim_at_ns_ = 0;  // of the thread: 0 is not set
  Watch* first_ = nullptr;
  Watch** end_ = &first_;
};

}  // namespace flexai::shim
