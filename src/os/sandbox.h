// Confines the calling process for good: it is about to run code of a tenant.
//
// What is done, in this order, each part as far as the kernel and our rights permit: no new privileges; no
// core dumps; a network namespace of its own with nothing in it; writing to files only beneath the given
// folders (Landlock); another user without any capability; not readable by debuggers of the same user; and a
// system call filter (seccomp) that permits what a driver and a linker started by it need, and refuses what
// reaches other processes, the network, the kernel's configuration or another namespace.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace flexai::os {

struct SandboxOptions {
  std::optional<uid_t> uid;           // become this user (needs root); without: stay who we are
  gid_t gid = 0;                      // with uid
  std::vector<gid_t> groups;          // with uid: supplementary groups, those of device nodes
  std::vector<std::string> writable;  // folders beneath which files may be made and written
  bool die_with_parent = true;        // SIGKILL when the parent ends
};

// Call while the process has one thread. Succeeds if at least no-new-privileges, the user change and the
// system call filter hold; what else could not be done is returned, one sentence each.
Result<std::vector<std::string>> EnterSandbox(const SandboxOptions& options);

}  // namespace flexai::os
