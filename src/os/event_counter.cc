#include "os/event_counter.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

#include "os/error.h"

namespace flexai::os {

Result<UniqueFd> CreateEventCounter() {
  UniqueFd counter(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!counter.valid()) {
    return ErrnoStatus("can't make an event counter");
  }
  return counter;
}

void RingEventCounter(const UniqueFd& counter) {
  const uint64_t one = 1;
  // Refused only when the counter is full, and then its reader has been rung.
  [[maybe_unused]] const ssize_t written = write(counter.get(), &one, sizeof(one));
}

bool DrainEventCounter(int counter) {
  uint64_t rings = 0;
  return read(counter, &rings, sizeof(rings)) == sizeof(rings);
}

Result<UniqueFd> DuplicateFd(const UniqueFd& fd) {
  UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
  if (!copy.valid()) {
    return ErrnoStatus("can't duplicate a file descriptor");
  }
  return copy;
}

}  // namespace flexai::os
