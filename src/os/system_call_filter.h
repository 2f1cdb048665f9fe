// The seccomp filter of an executor: everything a driver needs, nothing that reaches beyond the process.
#pragma once

#include "base/status.h"

namespace flexai::os {

// For the calling process and its children, for good. Needs no-new-privileges to be set.
// Refused calls fail with EPERM (ENOSYS where a C library falls back on an older call).
Status InstallSystemCallFilter();

}  // namespace flexai::os
