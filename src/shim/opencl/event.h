// Making events.
#pragma once

#include "shim/opencl/objects.h"

namespace flexai::shim {

// The event of a command of `queue` that is about to be sent, with one reference. Null without memory or
// slots.
Event* MakeCommandEvent(Queue* queue, cl_command_type type);

}  // namespace flexai::shim
