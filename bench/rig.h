// The two ways the same program is run in one measurement: on the native ICD, and on a vXPU of a private
// flexaid. Both get the same cores: one for the device's worker thread, one for everything else.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "line_client.h"

namespace flexai::bench {

struct Vxpu {
  int share_permille = 1000;
  int limit_permille = 1000;
  std::string priority = "normal";
  std::string memory = "2Gi";
};

// Which CPU carries the device and which the host side. PoCL pins its worker i to CPU i (POCL_AFFINITY=1), so
// the device core can only be CPU 0; where that or a second CPU is missing, nothing is pinned.
struct Cores {
  bool pinned = false;
  int device = -1;
  int host = -1;
};
Cores ChooseCores();

struct Folders {
  std::string build;    // where the programs lie
  std::string output;   // build/bench: results
  std::string logs;     // standard error of every program started
  std::string runtime;  // sockets and locks of the private flexaid; short, because of socket paths
};

class Rig {
 public:
  // Makes the folders (logs/SUITE and runtime afresh). Does not start anything.
  static Result<std::unique_ptr<Rig>> Make(const std::string& build_folder, const std::string& output_folder,
                                           const std::string& suite);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  // Starts flexaid with the environment and cores of the native side and waits until it takes sessions.
  Status StartDaemon();
  bool daemon_runs() const { return daemon_.pid > 0; }

  // How to start `program` (a name in the build folder, or a path) natively and on a new vXPU that lives as
  // long as it.
  Launch Native(const std::string& program, const std::vector<std::string>& arguments) const;
  Launch OnVxpu(const Vxpu& vxpu, const std::string& program,
                const std::vector<std::string>& arguments) const;

  const Cores& cores() const { return cores_; }
  const Folders& folders() const { return folders_; }

 private:
  Rig() = default;
  Launch Base(const std::string& program, const char* log) const;

  Cores cores_;
  Folders folders_;
  os::Process daemon_;
};

}  // namespace flexai::bench
