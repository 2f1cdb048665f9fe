// Where the processes of one flexai meet: the runtime folder with its sockets, the machine-wide locks, the
// configuration file, and the programs beside the one that runs.
//
// Everything is derived from an Environment that the caller fills, so that it can be tested.
// Thread safety: values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"

namespace flexai::node {

struct Environment {
  uint32_t uid = 0;
  // The value of an environment variable; empty if unset.
  std::function<std::string(const char* name)> variable;
};

// Of this process.
Environment ProcessEnvironment();

struct RuntimePaths {
  std::string directory;

  std::string attach_socket() const { return directory + "/attach.sock"; }
  std::string api_socket() const { return directory + "/api.sock"; }
  std::string daemon_lock() const { return directory + "/flexaid.lock"; }
  std::string id_file() const { return directory + "/ids"; }
  std::string log_directory() const { return directory + "/logs"; }
  std::string daemon_log() const { return log_directory() + "/flexaid.log"; }
  std::string keeper_socket(std::string_view device) const {
    return directory + "/keeper-" + std::string(device) + ".sock";
  }
};

// Of the system's daemon, which serves everybody.
inline constexpr std::string_view kSystemRuntimeDirectory = "/run/flexai";

// FLEXAI_RUNTIME_DIR, else /run/flexai as root, else $XDG_RUNTIME_DIR/flexai, else /tmp/flexai-UID. Fails if
// the path is relative or too long to hold a socket.
Result<RuntimePaths> ResolveRuntimePaths(const Environment& environment);

// The folder of the locks that admit one keeper per device on the machine: FLEXAI_LOCK_DIR, else /run/lock
// where it exists, else /tmp.
std::string ResolveLockDirectory(const Environment& environment);
std::string KeeperLockPath(std::string_view lock_directory, std::string_view device);

// The configuration file that is read when none is named: FLEXAI_CONFIG, else /etc/flexai/flexaid.conf as
// root, else flexai/flexaid.conf in $XDG_CONFIG_HOME or ~/.config. `must_exist` if FLEXAI_CONFIG named it.
struct ConfigPath {
  std::string path;
  bool must_exist = false;
};
ConfigPath ResolveConfigPath(const Environment& environment);

// Our programs and the shim: beside this program (a build tree), else in ../libexec/flexai and ../lib/flexai
// of an installation. Fails naming the file and the folders tried.
Result<std::string> FindProgram(std::string_view name);
Result<std::string> FindShim();

}  // namespace flexai::node
