#include "os/cgroup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <sstream>
#include <utility>

#include "os/error.h"
#include "os/files.h"

namespace flexai::os {
namespace {

// Control files want one plain write, not a new file renamed over them.
Status WriteControl(const std::string& path, const std::string& text) {
  const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid() || write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return ErrnoStatus(fmt::format("can't write {}", path));
  }
  return {};
}

struct Hierarchies {
  std::string unified, memory, freezer;  // mount points; empty: none
};

Hierarchies FindHierarchies() {
  Hierarchies found;
  std::istringstream mounts(ReadFile("/proc/self/mounts").ok() ? *ReadFile("/proc/self/mounts") : "");
  std::string line;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    std::string device, path, type, options;
    fields >> device >> path >> type >> options;
    const auto has = [&options](const char* name) {
      return ("," + options + ",").find(std::string(",") + name + ",") != std::string::npos;
    };
    if (type == "cgroup2" && found.unified.empty()) {
      found.unified = path;
    } else if (type == "cgroup") {
      found.memory = has("memory") ? path : found.memory;
      found.freezer = has("freezer") ? path : found.freezer;
    }
  }
  return found;
}

// Our own group in the hierarchy whose line in /proc/self/cgroup names `controller` ("" for version 2).
std::string OwnGroup(const std::string& controller) {
  const Result<std::string> text = ReadFile("/proc/self/cgroup");
  std::istringstream lines(text.ok() ? *text : "");
  std::string line;
  while (std::getline(lines, line)) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) {
      continue;
    }
    const std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controller.empty() ? names == ",," : names.find("," + controller + ",") != std::string::npos) {
      const std::string path = line.substr(second + 1);
      return path == "/" ? "" : path;
    }
  }
  return "";
}

// The folder in which groups are made: top level for root, since a service's own group has processes in it
// and could not hand controllers down; else ours, in case it was delegated.
std::string Parent(const std::string& mount, const std::string& controller) {
  return geteuid() == 0 ? mount + "/flexai" : mount + OwnGroup(controller);
}

Status MakeGroup(const std::string& parent, const std::string& group) {
  for (const std::string& path : {parent, group}) {
    if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
      return ErrnoStatus(fmt::format("can't make control group {}", path));
    }
  }
  return {};
}

void KillGroup(const std::string& folder) {
  if (!WriteControl(folder + "/cgroup.kill", "1").ok()) {
    const Result<std::string> members = ReadFile(folder + "/cgroup.procs");
    std::istringstream pids(members.ok() ? *members : "");
    for (pid_t pid = 0; pids >> pid;) {
      kill(pid, SIGKILL);
    }
    // In a version 1 freezer even SIGKILL waits for this.
    static_cast<void>(WriteControl(folder + "/freezer.state", "THAWED"));
  }
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

Result<Cgroup> Cgroup::Create(const std::string& kind, uint64_t number) {
  Cgroup group;
  const std::string name = fmt::format("{}-{}-{}", kind, getpid(), number);
  const Hierarchies mounted = FindHierarchies();
  if (!mounted.unified.empty()) {
    const std::string parent = Parent(mounted.unified, "");
    const std::string path = parent + "/" + name;
    if (const Status made = MakeGroup(parent, path); made.ok()) {
      static_cast<void>(WriteControl(mounted.unified + "/cgroup.subtree_control", "+memory"));
      static_cast<void>(WriteControl(parent + "/cgroup.subtree_control", "+memory"));
      group.freezer_ = Exists(path + "/cgroup.freeze") ? path : "";
      group.unified_freezer_ = true;
      group.memory_ = Exists(path + "/memory.max") ? path : "";
      group.unified_memory_ = true;
      if (group.freezer_.empty() && group.memory_.empty()) {
        rmdir(path.c_str());
      }
    } else {
      group.missing_.push_back(made.message());
    }
  }
  const auto legacy = [&](const std::string& mount, const char* controller, std::string* folder,
                          bool* unified) {
    if (!folder->empty() || mount.empty()) {
      return;
    }
    const std::string parent = Parent(mount, controller);
    if (const Status made = MakeGroup(parent, parent + "/" + name); made.ok()) {
      *folder = parent + "/" + name;
      *unified = false;
    } else {
      group.missing_.push_back(made.message());
    }
  };
  legacy(mounted.memory, "memory", &group.memory_, &group.unified_memory_);
  legacy(mounted.freezer, "freezer", &group.freezer_, &group.unified_freezer_);
  if (!group.can_limit_memory()) {
    group.missing_.push_back("no memory limit by a control group");
  }
  if (!group.can_freeze()) {
    group.missing_.push_back("no freezing by a control group");
  }
  if (!group.can_freeze() && !group.can_limit_memory()) {
    return Unavailable(group.missing_.front());
  }
  return group;
}

void Cgroup::RemoveAbandoned(const std::string& name) {
  const Hierarchies mounted = FindHierarchies();
  for (const std::string& parent : {mounted.unified.empty() ? "" : Parent(mounted.unified, ""),
                                    mounted.memory.empty() ? "" : Parent(mounted.memory, "memory"),
                                    mounted.freezer.empty() ? "" : Parent(mounted.freezer, "freezer")}) {
    const Result<std::vector<std::string>> groups = ListFolder(parent);
    for (const std::string& group : groups.ok() && !parent.empty() ? *groups : std::vector<std::string>{}) {
      pid_t maker = 0;
      if (group.starts_with(name + "-") && std::sscanf(group.c_str() + name.size() + 1, "%d-", &maker) == 1 &&
          (maker == getpid() || (kill(maker, 0) != 0 && errno == ESRCH))) {
        KillGroup(parent + "/" + group);
        rmdir((parent + "/" + group).c_str());
      }
    }
  }
}

Cgroup& Cgroup::operator=(Cgroup&& other) noexcept {
  if (this != &other) {
    Remove();
    memory_ = std::exchange(other.memory_, "");
    freezer_ = std::exchange(other.freezer_, "");
    unified_memory_ = other.unified_memory_;
    unified_freezer_ = other.unified_freezer_;
    missing_ = std::move(other.missing_);
  }
  return *this;
}

Cgroup::~Cgroup() { Remove(); }

void Cgroup::Remove() {
  for (const std::string& folder : {memory_, freezer_}) {
    if (!folder.empty()) {
      rmdir(folder.c_str());
    }
  }
}

Status Cgroup::Add(pid_t pid) {
  const std::string text = std::to_string(pid);
  if (!freezer_.empty()) {
    FLEXAI_RETURN_IF_ERROR(WriteControl(freezer_ + "/cgroup.procs", text));
  }
  if (!memory_.empty() && memory_ != freezer_) {
    FLEXAI_RETURN_IF_ERROR(WriteControl(memory_ + "/cgroup.procs", text));
  }
  return {};
}

Status Cgroup::LimitMemory(Bytes bytes) {
  if (memory_.empty()) {
    return Unavailable("this control group has no memory controller");
  }
  return WriteControl(memory_ + (unified_memory_ ? "/memory.max" : "/memory.limit_in_bytes"),
                      std::to_string(bytes.value));
}

Status Cgroup::Freeze(bool frozen) {
  if (freezer_.empty()) {
    return Unavailable("this control group has no freezer");
  }
  return unified_freezer_ ? WriteControl(freezer_ + "/cgroup.freeze", frozen ? "1" : "0")
                          : WriteControl(freezer_ + "/freezer.state", frozen ? "FROZEN" : "THAWED");
}

void Cgroup::KillAll() {
  if (const std::string& folder = freezer_.empty() ? memory_ : freezer_; !folder.empty()) {
    KillGroup(folder);
  }
}

}  // namespace flexai::os
