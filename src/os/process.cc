#include "os/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "os/error.h"

extern char** environ;

namespace flexai::os {
namespace {

#ifndef P_PIDFD
constexpr int kPPidfd = 3;
#else
constexpr int kPPidfd = P_PIDFD;
#endif

// Moves the wanted descriptors out of the range of target numbers first, so that no dup2 overwrites one that
// is still needed.
int PlaceFds(const std::vector<std::pair<int, int>>& fds, int* moved) {
  int floor = 3;
  for (const auto& entry : fds) {
    floor = std::max(floor, entry.second + 1);
  }
  for (size_t i = 0; i < fds.size(); ++i) {
    moved[i] = fcntl(fds[i].first, F_DUPFD_CLOEXEC, floor);
    if (moved[i] < 0) {
      return errno;
    }
  }
  for (size_t i = 0; i < fds.size(); ++i) {
    if (dup2(moved[i], fds[i].second) < 0) {
      return errno;
    }
  }
  return 0;
}

// In the child. Returns only on failure, with an errno.
int Become(const SpawnOptions& options, char* const* argv, char* const* envp, int* moved, pid_t parent) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD}) {
    signal(number, SIG_DFL);
  }
  if (options.new_session && setsid() < 0) {
    return errno;
  }
  if (options.die_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {  // it died before the line above
      _exit(127);
    }
  }
  if (const int error = PlaceFds(options.fds, moved); error != 0) {
    return error;
  }
  if (options.before_exec) {
    if (const int error = options.before_exec(); error != 0) {
      return error;
    }
  }
  execve(argv[0], argv, envp);
  return errno;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (std::string& text : strings) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<Process> Spawn(const SpawnOptions& options) {
  std::vector<std::string> arguments = options.arguments;
  arguments.insert(arguments.begin(), options.program);
  std::vector<std::string> environment = options.environment;
  const std::vector<char*> argv = Pointers(arguments);
  const std::vector<char*> envp = Pointers(environment);
  std::vector<int> moved(options.fds.size() + 1, -1);

  int report[2];  // closed by a successful exec; otherwise it carries the errno
  if (pipe2(report, O_CLOEXEC) != 0) {
    return ErrnoStatus("can't make a pipe");
  }
  UniqueFd report_read(report[0]);
  UniqueFd report_write(report[1]);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) {
    return ErrnoStatus(fmt::format("can't start {}", options.program));
  }
  if (pid == 0) {
    // Keep the report pipe clear of the target numbers.
    const int safe = fcntl(report_write.get(), F_DUPFD_CLOEXEC, 256);
    const int error = Become(options, argv.data(), envp.data(), moved.data(), parent);
    [[maybe_unused]] const ssize_t written = write(safe >= 0 ? safe : report[1], &error, sizeof(error));
    _exit(127);
  }
  report_write.Reset();
  int error = 0;
  ssize_t got = -1;
  do {
    got = read(report_read.get(), &error, sizeof(error));
  } while (got < 0 && errno == EINTR);
  if (got == sizeof(error)) {
    waitpid(pid, nullptr, 0);
    return ErrnoStatus(fmt::format("can't start {}", options.program), error);
  }
  Process process;
  process.pid = pid;
  FLEXAI_ASSIGN_OR_RETURN(process.pidfd, OpenPidfd(pid));
  return process;
}

Status ReplaceStandardOutput(const UniqueFd& fd) {
  if (::dup2(fd.get(), STDOUT_FILENO) < 0) {
    return ErrnoStatus("cannot replace standard output");
  }
  return {};
}

Result<UniqueFd> OpenPidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd.valid()) {
    return ErrnoStatus(fmt::format("can't watch process {}", pid));
  }
  fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  return fd;
}

Status SignalProcess(const UniqueFd& pidfd, int signal) {
  if (syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    return ErrnoStatus("can't signal a process");
  }
  return {};
}

bool HasEnded(const UniqueFd& pidfd) { return WaitForEnd(pidfd, {0}); }

bool WaitForEnd(const UniqueFd& pidfd, Nanos timeout) {
  pollfd entry{pidfd.get(), POLLIN, 0};
  const int64_t ms = timeout.value < 0 ? -1 : (timeout.value + 999999) / 1000000;
  int ready = -1;
  do {
    ready = poll(&entry, 1, static_cast<int>(ms));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

Result<ExitState> Reap(const Process& process) {
  siginfo_t info{};
  int result = -1;
  do {
    result = waitid(static_cast<idtype_t>(kPPidfd), static_cast<id_t>(process.pidfd.get()), &info, WEXITED);
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    return ErrnoStatus(fmt::format("can't reap process {}", process.pid));
  }
  return ExitState{info.si_code != CLD_EXITED, info.si_status};
}

Result<Output> RunAndCapture(SpawnOptions options, Nanos timeout, size_t most) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return ErrnoStatus("can't make a pipe");
  }
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  options.fds.emplace_back(writer.get(), 1);
  FLEXAI_ASSIGN_OR_RETURN(const Process process, Spawn(options));
  writer.Reset();
  Output output;
  timespec start{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  const auto left_ms = [&]() -> int {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t spent_ms = (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
    return timeout.value < 0 ? -1
                             : static_cast<int>(std::max<int64_t>(0, timeout.value / 1000000 - spent_ms));
  };
  const auto too_late = [&] {
    static_cast<void>(SignalProcess(process.pidfd, SIGKILL));
    static_cast<void>(Reap(process));
    return DeadlineExceeded(fmt::format("{} did not end in time", options.program));
  };
  for (;;) {
    pollfd entry{reader.get(), POLLIN, 0};
    const int ready = poll(&entry, 1, left_ms());
    if (ready == 0) {
      return too_late();
    }
    char buffer[4096];
    const ssize_t got = ready > 0 ? read(reader.get(), buffer, sizeof(buffer)) : -1;
    if (got == 0) {
      break;
    }
    if (got > 0) {
      output.out.append(buffer, std::min(static_cast<size_t>(got), most - output.out.size()));
    }
  }
  pollfd end{process.pidfd.get(), POLLIN, 0};  // it may have closed its output and live on
  int ended = 0;
  do {
    ended = poll(&end, 1, left_ms());
  } while (ended < 0 && errno == EINTR);
  if (ended == 0) {
    return too_late();
  }
  FLEXAI_ASSIGN_OR_RETURN(output.exit, Reap(process));
  return output;
}

Result<std::string> FindExecutable(const std::string& name, const std::string& path) {
  const auto runnable = [](const std::string& file) {
    struct stat info {};
    return stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(file.c_str(), X_OK) == 0;
  };
  if (name.find('/') != std::string::npos) {
    if (runnable(name)) {
      return name;
    }
    return access(name.c_str(), F_OK) == 0 ? PermissionDenied(fmt::format("{} is not executable", name))
                                           : NotFound(fmt::format("there is no file {}", name));
  }
  for (size_t begin = 0; begin <= path.size() && !name.empty();) {
    const size_t end = std::min(path.find(':', begin), path.size());
    const std::string folder = path.substr(begin, end - begin);
    if (const std::string file = (folder.empty() ? "." : folder) + "/" + name; runnable(file)) {
      return file;
    }
    begin = end + 1;
  }
  return NotFound(fmt::format("there is no program '{}' in PATH", name));
}

std::vector<std::string> Environment(const std::vector<std::string>& changes) {
  std::vector<std::string> result;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const auto changed = [&](const std::string& change) { return name_of(change) == name_of(*entry); };
    if (std::none_of(changes.begin(), changes.end(), changed)) {
      result.emplace_back(*entry);
    }
  }
  for (const std::string& change : changes) {
    if (change.find('=') != std::string::npos) {
      result.push_back(change);
    }
  }
  return result;
}

}  // namespace flexai::os
