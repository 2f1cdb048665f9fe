// An eventfd as a bell: any number of rings are one wake-up. For an event loop, or a process that polls.
#pragma once

#include "base/status.h"
#include "os/unique_fd.h"

namespace flexai::os {

// Non-blocking and CLOEXEC; passed to the ringing process as a file descriptor.
Result<UniqueFd> CreateEventCounter();
void RingEventCounter(const UniqueFd& counter);
// True if it was rung since the last time; readable again only after the next ring.
bool DrainEventCounter(int counter);

Result<UniqueFd> DuplicateFd(const UniqueFd& fd);

}  // namespace flexai::os
