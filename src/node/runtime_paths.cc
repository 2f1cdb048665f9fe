#include "node/runtime_paths.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <vector>

#include "os/files.h"
#include "os/user.h"

namespace flexai::node {
namespace {

// sockaddr_un holds 107 characters; the longest name in the folder is "/keeper-<device>.sock" with 48 for the
// device.
constexpr size_t kMaxDirectoryLength = 107 - 62;

Result<std::string> FindBesideUs(std::string_view name, const std::vector<std::string>& folders) {
  FLEXAI_ASSIGN_OR_RETURN(const std::filesystem::path here, os::ProgramFolder());
  std::error_code error;
  std::vector<std::string> tried;
  for (const std::string& folder : folders) {
    const std::filesystem::path candidate = (here / folder / std::string(name)).lexically_normal();
    if (std::filesystem::exists(candidate, error)) {
      return candidate.string();
    }
    tried.push_back(candidate.string());
  }
  return NotFound(fmt::format("'{}' is not installed: looked for {}", name, fmt::join(tried, ", ")));
}

}  // namespace

Environment ProcessEnvironment() {
  return {os::EffectiveUser(), [](const char* name) {
            const char* value = std::getenv(name);
            return std::string(value == nullptr ? "" : value);
          }};
}

Result<RuntimePaths> ResolveRuntimePaths(const Environment& environment) {
  RuntimePaths paths;
  if (paths.directory = environment.variable("FLEXAI_RUNTIME_DIR"); !paths.directory.empty()) {
    if (paths.directory.front() != '/') {
      return InvalidArgument(
          fmt::format("FLEXAI_RUNTIME_DIR is '{}': give a path that begins with /", paths.directory));
    }
  } else if (environment.uid == 0) {
    paths.directory = kSystemRuntimeDirectory;
  } else if (const std::string xdg = environment.variable("XDG_RUNTIME_DIR"); !xdg.empty() && xdg[0] == '/') {
    paths.directory = xdg + "/flexai";
  } else {
    paths.directory = fmt::format("/tmp/flexai-{}", environment.uid);
  }
  if (paths.directory.size() > kMaxDirectoryLength) {
    return InvalidArgument(
        fmt::format("the runtime folder '{}' is longer than the {} characters a socket's path leaves:"
                    " set FLEXAI_RUNTIME_DIR to a shorter one",
                    paths.directory, kMaxDirectoryLength));
  }
  return paths;
}

std::string ResolveLockDirectory(const Environment& environment) {
  if (std::string named = environment.variable("FLEXAI_LOCK_DIR"); !named.empty()) {
    return named;
  }
  std::error_code error;
  return std::filesystem::is_directory("/run/lock", error) ? "/run/lock" : "/tmp";
}

std::string KeeperLockPath(std::string_view lock_directory, std::string_view device) {
  return fmt::format("{}/flexai-keeper-{}.lock", lock_directory, device);
}

ConfigPath ResolveConfigPath(const Environment& environment) {
  if (std::string named = environment.variable("FLEXAI_CONFIG"); !named.empty()) {
    return {std::move(named), true};
  }
  if (environment.uid == 0) {
    return {"/etc/flexai/flexaid.conf", false};
  }
  std::string base = environment.variable("XDG_CONFIG_HOME");
  if (base.empty()) {
    base = environment.variable("HOME") + "/.config";
  }
  return {base + "/flexai/flexaid.conf", false};
}

Result<std::string> FindProgram(std::string_view name) {
  return FindBesideUs(name, {".", "../libexec/flexai", "../bin", "../sbin"});
}

Result<std::string> FindShim() { return FindBesideUs("libflexai-opencl.so", {".", "../lib/flexai"}); }

}  // namespace flexai::node
