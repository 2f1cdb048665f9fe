#include "cli/icd_folder.h"

#include <fmt/core.h>

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "os/files.h"

namespace flexai::cli {
namespace {

constexpr std::string_view kDefaultFolder = "/etc/OpenCL/vendors";

// FNV-1a, 64 bit: only to give different shims different folders.
uint64_t Fingerprint(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  }
  return hash;
}

Status WriteIfDifferent(const std::string& path, const std::string& content) {
  const Result<std::string> present = os::ReadFile(path);
  return present.ok() && *present == content ? Status() : os::WriteFile(path, content, 0644);
}

}  // namespace

std::string NativeIcdFolder(const node::Environment& environment) {
  std::error_code error;
  const std::string set = environment.variable("OCL_ICD_VENDORS");
  return !set.empty() && std::filesystem::is_directory(set, error) ? set : std::string(kDefaultFolder);
}

Result<std::string> MakeIcdFolder(const node::RuntimePaths& paths, const std::string& shim, bool keep_native,
                                  const std::string& native_folder) {
  const std::string folder = fmt::format("{}/icd-{:016x}{}", paths.directory,
                                         Fingerprint(shim + native_folder), keep_native ? "-native" : "");
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(folder, 0755));
  FLEXAI_RETURN_IF_ERROR(WriteIfDifferent(folder + "/flexai.icd", shim + "\n"));
  if (!keep_native) {
    return folder;
  }
  // No such folder: the machine has no native implementation, and nothing to keep.
  const Result<std::vector<std::string>> names = os::ListFolder(native_folder);
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>{}) {
    if (name.ends_with(".icd") && name != "flexai.icd") {
      FLEXAI_ASSIGN_OR_RETURN(const std::string content, os::ReadFile(native_folder + "/" + name));
      FLEXAI_RETURN_IF_ERROR(WriteIfDifferent(folder + "/" + name, content));
    }
  }
  return folder;
}

}  // namespace flexai::cli
