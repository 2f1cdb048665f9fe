// errno as a Status, converted at the one edge to the kernel.
#pragma once

#include <string_view>

#include "base/status.h"

namespace flexai::os {

// `what` followed by the text of errno; the code is the canonical one for that errno.
Status ErrnoStatus(std::string_view what);
Status ErrnoStatus(std::string_view what, int error);

}  // namespace flexai::os
