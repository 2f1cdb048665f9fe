// A control group of our own for one process and its children: a memory limit, freezing, ending all at once.
//
// Version 2 and version 1 are both served, each controller as far as it is there and writable for us. What is
// not permitted is not an error of the group: `missing` says what it can't do.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/unique_fd.h"

namespace flexai::os {

// Sole owner; removes the group when it goes (its processes must have ended by then, or soon). Move-only.
class Cgroup {
 public:
  Cgroup() = default;
  Cgroup(Cgroup&& other) noexcept { *this = std::move(other); }
  Cgroup& operator=(Cgroup&& other) noexcept;
  ~Cgroup();

  // Makes `flexai/<name>-<our pid>-<number>` beneath the root for root, beneath our own group otherwise.
  // `name` has no slash, `number` is unique in this process. kUnavailable if no part of it is permitted.
  static Result<Cgroup> Create(const std::string& name, uint64_t number);

  // Ends what is left in the groups of `name` whose makers were killed, and removes them.
  static void RemoveAbandoned(const std::string& name);

  Status Add(pid_t pid);
  bool can_freeze() const { return !freezer_.empty(); }
  bool can_limit_memory() const { return !memory_.empty(); }
  Status LimitMemory(Bytes bytes);
  // Stops or continues every process of the group; returns before all have stopped.
  Status Freeze(bool frozen);
  // Kills every process of the group, frozen or not.
  void KillAll();
  const std::vector<std::string>& missing() const { return missing_; }

 private:
  void Remove();

  // Folders of this group in each hierarchy; empty: not there. In version 2 they are the same one.
  std::string memory_, freezer_;
  bool unified_memory_ = false, unified_freezer_ = false;
  std::vector<std::string> missing_;
};

}  // namespace flexai::os
