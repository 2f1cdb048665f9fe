#include "os/system_call_filter.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "os/error.h"

namespace flexai::os {
namespace {

using Context = std::remove_pointer_t<scmp_filter_ctx>;

// Never needed by a device driver in user space.
constexpr int kRefused[] = {
    // Other processes.
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(kcmp),
    SCMP_SYS(tkill),
    SCMP_SYS(rt_sigqueueinfo),
    SCMP_SYS(process_madvise),
    SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages),
    // Other namespaces and the file tree.
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsconfig),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    SCMP_SYS(quotactl),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    // The kernel and the machine.
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(syslog),
    SCMP_SYS(acct),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(vhangup),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    SCMP_SYS(lookup_dcookie),
    SCMP_SYS(nfsservctl),
    SCMP_SYS(fanotify_init),
    // Talking to the outside.
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
};

Status Refuse(Context* filter, int call, int error) {
  const int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<uint32_t>(error)), call, 0);
  // A call that this architecture does not have needs no rule.
  return result == 0 || result == -EDOM || result == -EFAULT
             ? Status()
             : ErrnoStatus("can't build the system call filter", -result);
}

template <typename... Conditions>
Status RefuseIf(Context* filter, int error, int call, Conditions... conditions) {
  const int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<uint32_t>(error)), call,
                                      sizeof...(conditions), conditions...);
  return result == 0 ? Status() : ErrnoStatus("can't build the system call filter", -result);
}

Status AddConditions(Context* filter) {
  // Sockets of this machine only: no internet, no raw packets. SCMP_A* are macros that build a condition.
  FLEXAI_RETURN_IF_ERROR(RefuseIf(filter, EAFNOSUPPORT, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_NE, AF_UNIX)));
  // New namespaces by clone; clone3 passes its flags in memory, so libc is sent back to clone.
  constexpr uint64_t kNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
                                   CLONE_NEWUTS | CLONE_NEWCGROUP;
  for (uint64_t bit = 1; bit <= kNamespaces; bit <<= 1) {
    if ((kNamespaces & bit) != 0) {
      FLEXAI_RETURN_IF_ERROR(RefuseIf(filter, EPERM, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit)));
    }
  }
  FLEXAI_RETURN_IF_ERROR(Refuse(filter, SCMP_SYS(clone3), ENOSYS));
  // io_uring would carry out calls that this filter never sees.
  for (const int call : {SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register)}) {
    FLEXAI_RETURN_IF_ERROR(Refuse(filter, call, ENOSYS));
  }
  // Signals to itself only (abort and raise).
  const auto self = static_cast<uint64_t>(getpid());
  FLEXAI_RETURN_IF_ERROR(RefuseIf(filter, EPERM, SCMP_SYS(kill), SCMP_A0(SCMP_CMP_NE, self)));
  FLEXAI_RETURN_IF_ERROR(RefuseIf(filter, EPERM, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_NE, self)));
  FLEXAI_RETURN_IF_ERROR(RefuseIf(filter, EPERM, SCMP_SYS(prlimit64), SCMP_A0(SCMP_CMP_NE, 0)));
  // Its standard output is the application's terminal: no typing into it.
  FLEXAI_RETURN_IF_ERROR(
      RefuseIf(filter, EPERM, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI)));
  return RefuseIf(filter, EPERM, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCLINUX));
}

}  // namespace

Status InstallSystemCallFilter() {
  const std::unique_ptr<Context, decltype(&seccomp_release)> filter(seccomp_init(SCMP_ACT_ALLOW),
                                                                    &seccomp_release);
  if (filter == nullptr) {
    return Internal("can't make a system call filter");
  }
  seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  for (const int call : kRefused) {
    FLEXAI_RETURN_IF_ERROR(Refuse(filter.get(), call, EPERM));
  }
  FLEXAI_RETURN_IF_ERROR(AddConditions(filter.get()));
  if (const int result = seccomp_load(filter.get()); result != 0) {
    return ErrnoStatus("can't install the system call filter", -result);
  }
  return {};
}

}  // namespace flexai::os
