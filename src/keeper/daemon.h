// A keeper's process from its lock to its orderly end.
#pragma once

#include "base/status.h"
#include "keeper/options.h"

namespace flexai::keeper {

// Serves until it is told to shut down, gets SIGTERM, or has had neither vXPUs nor a connection for a minute.
// kAlreadyExists if the device has a keeper.
Status RunKeeper(const Options& options);

}  // namespace flexai::keeper
