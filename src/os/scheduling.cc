#include "os/scheduling.h"

#include <linux/sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "os/error.h"

namespace flexai::os {
namespace {

// sched_attr of sched_setattr(2). The kernel's header for it can't be included beside the C library's.
struct Attributes {
  uint32_t size = sizeof(Attributes);
  uint32_t policy = 0;  // SCHED_NORMAL
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime_ns = 0;  // of SCHED_NORMAL: the slice
  uint64_t deadline_ns = 0;
  uint64_t period_ns = 0;
};
static_assert(sizeof(Attributes) == 48);

}  // namespace

int Niceness() { return getpriority(PRIO_PROCESS, 0); }

void SetNiceness(int value) { setpriority(PRIO_PROCESS, 0, value); }

Nanos TimeSlice() {
  Attributes attributes;
  const long got = syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0);
  return {got == 0 ? static_cast<int64_t>(attributes.runtime_ns) : 0};
}

Status SetTimeSlice(Nanos slice) {
  Attributes attributes;
  attributes.flags = SCHED_FLAG_RESET_ON_FORK;
  attributes.nice = Niceness();
  attributes.runtime_ns = static_cast<uint64_t>(slice.value);
  if (syscall(SYS_sched_setattr, 0, &attributes, 0) != 0) {
    return ErrnoStatus("can't set the time slice of a thread");
  }
  return {};
}

}  // namespace flexai::os
