// What this process is, who runs it, and the names of users.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace flexai::os {

pid_t ProcessId();
uid_t EffectiveUser();
// Whether standard output, or standard error, is a terminal.
bool OutputIsTerminal();
bool ErrorIsTerminal();
// The login name, or the number as text if there is none.
std::string UserName(uid_t uid);

// Whether this user namespace has the user (a container may lack most).
bool UserIsMapped(uid_t uid);
// Groups that own accelerators' device nodes in /dev (render, video): a driver run by another user needs
// them.
std::vector<gid_t> GroupsOfDeviceNodes();

// Lets this process open as many files as its hard limit permits.
void RaiseOpenFileLimit();

}  // namespace flexai::os
