#include "process_tree.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

#include "os/files.h"

namespace flexai::bench {
namespace {

// The fourth field of /proc/PID/stat; the second, a name in parentheses, may hold anything.
pid_t ParentOf(const std::string& process) {
  const auto stat = os::ReadFile("/proc/" + process + "/stat");
  if (!stat.ok() || stat->rfind(')') == std::string::npos) {
    return 0;
  }
  std::istringstream fields(stat->substr(stat->rfind(')') + 1));
  char state;
  pid_t parent = 0;
  fields >> state >> parent;
  return parent;
}

}  // namespace

std::vector<pid_t> Descendants(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  const auto names = os::ListFolder("/proc");
  if (names.ok()) {
    for (const std::string& name : *names) {
      if (const pid_t process = std::atoi(name.c_str()); process > 0) {
        children.emplace(ParentOf(name), process);
      }
    }
  }
  std::vector<pid_t> found{root};
  for (size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) {
      found.push_back(child->second);
    }
  }
  return found;
}

int64_t CpuNs(pid_t process) {
  int64_t total = 0;
  const std::string folder = fmt::format("/proc/{}/task", process);
  const auto threads = os::ListFolder(folder);
  if (threads.ok()) {
    for (const std::string& thread : *threads) {
      const auto text = os::ReadFile(folder + "/" + thread + "/schedstat");
      total += text.ok() ? std::atoll(text->c_str()) : 0;
    }
  }
  return total;
}

}  // namespace flexai::bench
