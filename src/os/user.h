// Who runs this process, and the names of users.
#pragma once

#include <sys/types.h>

#include <string>

namespace flexai::os {

uid_t EffectiveUser();
// The login name, or the number as text if there is none.
std::string UserName(uid_t uid);

// Lets this process open as many files as its hard limit permits.
void RaiseOpenFileLimit();

}  // namespace flexai::os
