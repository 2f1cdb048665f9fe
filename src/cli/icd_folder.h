// The folder that OCL_ICD_VENDORS points a child to: our shim in place of the native OpenCL implementations.
#pragma once

#include <string>

#include "base/status.h"
#include "node/runtime_paths.h"

namespace flexai::cli {

// Makes a folder under `paths` with flexai.icd, which names `shim`, and (with `keep_native`) copies of the
// .icd files of `native_folder`. One folder for each shim and setting is kept and used again: programs may
// read it at any time, also after `flexai run` was killed.
Result<std::string> MakeIcdFolder(const node::RuntimePaths& paths, const std::string& shim, bool keep_native,
                                  const std::string& native_folder);

// Where a loader looks for native ICDs: OCL_ICD_VENDORS if it is a folder, else /etc/OpenCL/vendors.
std::string NativeIcdFolder(const node::Environment& environment);

}  // namespace flexai::cli
