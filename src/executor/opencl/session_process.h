// A process as the executor of one session: `flexai-executor --session` (share/executor_start.h).
#pragma once

#include <string>

namespace flexai::executor::opencl {

// Enters the sandbox (JSON of share::EncodeSandbox; empty: none), loads the machine's platforms, says that it
// is ready on the control socket, waits for a session and serves it to its end. Returns the exit status. The
// start message may carry the channel, the arena and standard output alone: then no keeper limits the session
// (tests). With one more descriptor, a sealed memfd with a SessionImage, the session begins as it was
// suspended; told
// {"op":"suspend"}, it answers {"suspended":true} with such a memfd once it is at rest, and ends.
int RunSessionProcess(const std::string& sandbox);

}  // namespace flexai::executor::opencl
