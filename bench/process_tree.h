// CPU time of a process with all its descendants, from /proc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace flexai::bench {

// `root` and everything below it by parent process, now.
std::vector<pid_t> Descendants(pid_t root);

// Nanoseconds on a CPU of all threads that the process has now; 0 if it is gone.
int64_t CpuNs(pid_t process);

}  // namespace flexai::bench
