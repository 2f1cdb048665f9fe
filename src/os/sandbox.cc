#include "os/sandbox.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "os/error.h"
#include "os/system_call_filter.h"
#include "os/unique_fd.h"

namespace flexai::os {
namespace {

// Rights that change the file system. Reading stays with the user's own rights: drivers read from everywhere.
// REFER is moving a file from one folder to another (compilers make a result in one and move it to its
// place), which Landlock otherwise refuses; kernels before 5.19 don't know it, and then there is no Landlock
// here.
constexpr uint64_t kWriteRights =
    LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;

Status AllowBeneath(int ruleset, const std::string& path, uint64_t rights) {
  const UniqueFd folder(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!folder.valid()) {
    return ErrnoStatus(fmt::format("can't open {}", path));
  }
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = folder.get();
  if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return ErrnoStatus(fmt::format("can't permit writing beneath {}", path));
  }
  return {};
}

Status RestrictWriting(const SandboxOptions& options) {
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = kWriteRights;
  const UniqueFd ruleset(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0)));
  if (!ruleset.valid()) {
    return ErrnoStatus("this kernel has no Landlock, or one that is too old");
  }
  for (const std::string& folder : options.writable) {
    FLEXAI_RETURN_IF_ERROR(AllowBeneath(ruleset.get(), folder, kWriteRights));
  }
  // Device nodes are written by drivers; making new ones is not permitted there.
  for (const char* folder : {"/dev", "/proc", "/sys"}) {
    FLEXAI_RETURN_IF_ERROR(AllowBeneath(ruleset.get(), folder, LANDLOCK_ACCESS_FS_WRITE_FILE));
  }
  if (syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) {
    return ErrnoStatus("can't restrict writing");
  }
  return {};
}

Status DropCapabilities() {
  // Up to the last that this kernel knows, which may be newer than our headers.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) {
      return ErrnoStatus("can't drop a capability");
    }
  }
  return {};
}

Status ClearCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (syscall(SYS_capset, &header, none) != 0) {
    return ErrnoStatus("can't give up capabilities");
  }
  return {};
}

Status ChangeUser(const SandboxOptions& options) {
  if (setgroups(options.groups.size(), options.groups.data()) != 0) {
    return ErrnoStatus("can't set supplementary groups");
  }
  if (setresgid(options.gid, options.gid, options.gid) != 0) {
    return ErrnoStatus(fmt::format("can't become group {}", options.gid));
  }
  if (setresuid(*options.uid, *options.uid, *options.uid) != 0) {
    return ErrnoStatus(fmt::format("can't become user {}", *options.uid));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> EnterSandbox(const SandboxOptions& options) {
  std::vector<std::string> missing;
  const pid_t parent = getppid();
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return ErrnoStatus("can't give up new privileges");
  }
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  if (unshare(CLONE_NEWNET) != 0) {
    missing.push_back(fmt::format("{}; the system call filter still refuses internet sockets",
                                  ErrnoStatus("no network namespace of its own").message()));
  }
  if (const Status status = RestrictWriting(options); !status.ok()) {
    missing.push_back(fmt::format("writing is limited by the user's rights only: {}", status.message()));
  }
  if (options.uid) {
    FLEXAI_RETURN_IF_ERROR(DropCapabilities());
    FLEXAI_RETURN_IF_ERROR(ChangeUser(options));
  }
  FLEXAI_RETURN_IF_ERROR(ClearCapabilities());
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (options.die_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // forgotten by the kernel when the user changed
    if (getppid() != parent) {
      return Unavailable("the parent ended");
    }
  }
  FLEXAI_RETURN_IF_ERROR(InstallSystemCallFilter());
  return missing;
}

}  // namespace flexai::os
