// Shared virtual memory: ranges of the arena, which both processes map at the same address.
#pragma once

#include "shim/opencl/memory.h"

namespace flexai::shim {

// Gives an allocation back once the executor has let go of it. No-op if `pointer` is none.
void FreeSvm(Session* session, void* pointer);

}  // namespace flexai::shim
