// Starting, watching and ending other processes.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/unique_fd.h"

namespace flexai::os {

struct SpawnOptions {
  std::string program;                   // path of the executable
  std::vector<std::string> arguments;    // without argv[0], which is `program`
  std::vector<std::string> environment;  // "NAME=value"; used as it is
  std::vector<std::pair<int, int>> fds;  // {ours, number in the child}; all others are closed on exec
  bool new_session = false;              // setsid: the child outlives our terminal and process group
  bool die_with_parent = false;          // SIGKILL when the thread that spawned it ends
  // Runs in the child between fork and exec (other threads are gone: only async-signal-safe calls). A
  // non-zero return ends the child and fails the spawn with that errno.
  std::function<int()> before_exec;
};

// A child process; reaped by Wait or by whoever polls the pidfd. Move-only.
struct Process {
  pid_t pid = -1;
  UniqueFd pidfd;
};

// Starts a program. Fails (with the errno of the child's exec or set-up) before it returns: a Process that is
// returned is running the program.
Result<Process> Spawn(const SpawnOptions& options);

// Makes `fd` this process's standard output.
Status ReplaceStandardOutput(const UniqueFd& fd);

// A pidfd for a process that need not be our child.
Result<UniqueFd> OpenPidfd(pid_t pid);

// Signals the process behind a pidfd; success too if it is already gone.
Status SignalProcess(const UniqueFd& pidfd, int signal);

// True once the process behind a pidfd has ended.
bool HasEnded(const UniqueFd& pidfd);

// Waits up to `timeout` for the end of the process; false when the time ran out. Does not reap.
bool WaitForEnd(const UniqueFd& pidfd, Nanos timeout);

struct ExitState {
  bool signaled = false;
  int value = 0;  // exit status or signal number
};

// Reaps a child that has ended (blocks until it has).
Result<ExitState> Reap(const Process& process);

// Starts `options`, collects its standard output (at most `most` bytes) and waits for its end.
// kDeadlineExceeded (and the child killed) when `timeout` passes first.
struct Output {
  ExitState exit;
  std::string out;
};
Result<Output> RunAndCapture(SpawnOptions options, Nanos timeout, size_t most = 1 << 20);

// The file that a shell would run for `name`: `name` itself if it holds a slash, else the first executable
// file of that name in the folders of `path` (a PATH variable). kNotFound, or kPermissionDenied if it cannot
// be executed.
Result<std::string> FindExecutable(const std::string& name, const std::string& path);

// The caller's environment as "NAME=value" strings, with `changes` applied ("NAME=value" sets, "NAME"
// unsets).
std::vector<std::string> Environment(const std::vector<std::string>& changes = {});

}  // namespace flexai::os
