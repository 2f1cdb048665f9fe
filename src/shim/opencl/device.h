// Devices as the shim keeps them.
#pragma once

#include "api/opencl/session_info.h"
#include "shim/opencl/objects.h"

namespace flexai::shim {

// A device of the session's description, with the values that checks need; `known` (may be null) is its
// handle in the process this one was forked from. Null without memory.
Device* MakeRootDevice(Session* session, const opencl::DeviceInfo& info, Device* known);

}  // namespace flexai::shim
