// flexai run: a command on vXPUs of its own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "cli/command.h"
#include "node/vxpu.h"

namespace flexai::cli {

// The options as typed; empty texts were not given.
struct RunOptions {
  std::string share, limit, memory, priority, device, name;
  std::vector<std::string> vxpus;  // of --vxpu: "share=30%,memory=2Gi,..."
  bool keep_native = false;
  std::vector<std::string> command;
};

// The vXPUs that the options ask for: one for each --vxpu, whose missing fields come from the other options,
// or one from those alone. kInvalidArgument naming the option.
Result<std::vector<node::VxpuRequest>> ParseRunOptions(const RunOptions& options);

// Makes the vXPUs, runs the command with signals passed on, removes the vXPUs. Returns the command's exit
// status (128
// + signal if one ended it), or kExitRunFailed, kExitNotExecutable or kExitNotFound with a sentence on `err`.
int Run(const Context& context, const RunOptions& options);

}  // namespace flexai::cli
