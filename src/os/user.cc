#include "os/user.h"

#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

namespace flexai::os {

pid_t ProcessId() { return getpid(); }

bool OutputIsTerminal() { return isatty(STDOUT_FILENO) == 1; }

uid_t EffectiveUser() { return geteuid(); }

std::string UserName(uid_t uid) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return std::to_string(uid);
  }
  return entry.pw_name;
}

void RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace flexai::os
