// Speaks HTTP to flexaid over its unix socket; errors come back as the Status the daemon had.
//
// Thread safety: one thread per object.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/units.h"
#include "node/runtime_paths.h"
#include "os/unique_fd.h"

namespace flexai::cli {

// What is said before the reason why nothing can be made in the runtime folder.
inline constexpr std::string_view kRuntimeFolderUnusable =
    "the runtime folder cannot be used (make room in it, or name another with FLEXAI_RUNTIME_DIR)";

class ApiClient {
 public:
  // Connects to the daemon that serves `paths`. kNotFound or kUnavailable if none does, kPermissionDenied if
  // it is not for us.
  static Result<ApiClient> Connect(const node::RuntimePaths& paths);

  // One request; the connection is kept for the next. `target` is a path with an optional query. Fails with
  // the daemon's own status, or kUnavailable if it went away.
  Result<nlohmann::json> Json(std::string_view method, std::string_view target,
                              const nlohmann::json* body = nullptr);
  Result<std::string> Text(std::string_view method, std::string_view target, const std::string& body = "");

  // A pidfd of the daemon.
  Result<os::UniqueFd> OpenDaemon() const;
  // Of the daemon; the attach socket is there too.
  const node::RuntimePaths& paths() const { return paths_; }

 private:
  ApiClient(node::RuntimePaths paths, os::UniqueFd socket)
      : paths_(std::move(paths)), socket_(std::move(socket)) {}

  node::RuntimePaths paths_;
  os::UniqueFd socket_;
};

// The daemon this user talks to: that of FLEXAI_RUNTIME_DIR if set, else the system's, else the user's own.
// If none runs but keepers do (somebody killed it), starts an embedded one, which adopts them. kUnavailable
// if there is none, kPermissionDenied if the one of the user's folder serves others only.
Result<ApiClient> FindDaemon(const node::Environment& environment);

// FindDaemon, or else starts an embedded flexaid in the user's own runtime folder and waits until it serves.
// It outlives us and ends by itself when nothing is left to serve.
Result<ApiClient> FindOrStartDaemon(const node::Environment& environment);

// Whether keepers of `paths` seem to run: their sockets are there.
bool KeepersRemain(const node::RuntimePaths& paths);

}  // namespace flexai::cli
