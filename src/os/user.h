// What this process is, who runs it, and the names of users.
#pragma once

#include <sys/types.h>

#include <string>

namespace flexai::os {

pid_t ProcessId();
uid_t EffectiveUser();
// Whether standard output is a terminal.
bool OutputIsTerminal();
// The login name, or the number as text if there is none.
std::string UserName(uid_t uid);

// Lets this process open as many files as its hard limit permits.
void RaiseOpenFileLimit();

}  // namespace flexai::os
