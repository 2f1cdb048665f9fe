// flexai resize, stop and logs: what owners and root may do to live virtual units; and version.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/command.h"
#include "node/vxpu.h"

namespace flexai::cli {

// Ids are texts as typed; empty texts of options were not given.
struct ResizeOptions {
  std::string id, share, limit, memory, priority;
};
int Resize(const Context& context, const ResizeOptions& options);

struct StopOptions {
  std::vector<std::string> ids;
  bool sessions = false;
  bool all = false;
};
int Stop(const Context& context, const StopOptions& options);

struct LogsOptions {
  std::string id;
  bool session = false;
  bool follow = false;
};
int ShowLogs(const Context& context, const LogsOptions& options);

int ShowVersion(const Context& context);

// One id as typed. kInvalidArgument naming `what` it should be of.
Result<uint64_t> ParseId(const std::string& text, std::string_view what);

// The change that the options ask for; kInvalidArgument naming the option, or if there is none.
Result<node::VxpuChange> ParseResizeOptions(const ResizeOptions& options);

}  // namespace flexai::cli
