#include "os/user.h"

#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <sstream>
#include <vector>

#include "os/files.h"

namespace flexai::os {

pid_t ProcessId() { return getpid(); }

bool OutputIsTerminal() { return isatty(STDOUT_FILENO) == 1; }
bool ErrorIsTerminal() { return isatty(STDERR_FILENO) == 1; }

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

bool UserIsMapped(uid_t uid) {
  const Result<std::string> map = ReadFile("/proc/self/uid_map");
  std::istringstream lines(map.ok() ? *map : "");
  uint64_t inside = 0, outside = 0, count = 0;
  while (lines >> inside >> outside >> count) {
    if (uid >= inside && uid - inside < count) {
      return true;
    }
  }
  return false;
}

std::vector<gid_t> GroupsOfDeviceNodes() {
  std::set<gid_t> groups;
  const auto add = [&groups](const std::string& path) {
    struct stat info {};
    if (stat(path.c_str(), &info) == 0 && S_ISCHR(info.st_mode) && info.st_gid != 0) {
      groups.insert(info.st_gid);
    }
  };
  const Result<std::vector<std::string>> cards = ListFolder("/dev/dri");
  for (const std::string& name : cards.ok() ? *cards : std::vector<std::string>{}) {
    add("/dev/dri/" + name);
  }
  for (const char* path : {"/dev/kfd", "/dev/nvidiactl", "/dev/nvidia0", "/dev/davinci_manager"}) {
    add(path);
  }
  return {groups.begin(), groups.end()};
}

void RaiseOpenFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace flexai::os
