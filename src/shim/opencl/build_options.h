// Options of clBuildProgram and clCompileProgram as the executor, which has another working folder, must get
// them.
#pragma once

#include "shim/opencl/host_memory.h"

namespace flexai::shim {

class HeaderSet;

// What stands in options for the executor's folder of the program's headers (AddHeader in opencl.api).
inline constexpr char kHeadersFolder[] = "%flexai-headers%";

// Copies `options` with every relative folder of -I made absolute from `folder`; without a terminating NUL.
// `*changed` tells whether the copy differs. The folders are also added to `folders` (may be null). With
// `with_headers` each -I is preceded by one for the same folder beneath kHeadersFolder, and `folder` itself
// comes last, as if -I named it. False without memory.
bool ResolveIncludes(const char* options, const char* folder, bool with_headers, HeaderSet* folders,
                     Array<char>* resolved, bool* changed);

// The working folder of this process; false if it has none that can be named.
bool WorkingFolder(Array<char>* folder);

}  // namespace flexai::shim
