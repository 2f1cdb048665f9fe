// Options of clBuildProgram and clCompileProgram as the executor, which has another working folder, must get them.
#pragma once

#include "shim/opencl/host_memory.h"

namespace flexai::shim {

// Copies `options` with every relative folder of -I made absolute from `folder`; without a terminating NUL.
// `*changed` tells whether there was one. False without memory.
bool ResolveIncludes(const char* options, const char* folder, Array<char>* resolved, bool* changed);

// The working folder of this process; false if it has none that can be named.
bool WorkingFolder(Array<char>* folder);

}  // namespace flexai::shim
