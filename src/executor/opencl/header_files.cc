#include "executor/opencl/header_files.h"

#include <fmt/format.h>

#include <filesystem>

#include "os/files.h"

namespace flexai::executor::opencl {
namespace {

bool IsPlainAbsolute(std::string_view path) {
  const std::filesystem::path parts(path);
  if (!parts.is_absolute() || !parts.has_filename() || path.find('\0') != std::string_view::npos) {
    return false;
  }
  for (const std::filesystem::path& part : parts) {
    if (part == "." || part == "..") {
      return false;
    }
  }
  return true;
}

uint64_t Hash(uint64_t hash, std::string_view text) {  // FNV-1a, with the length to keep texts apart
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  }
  return (hash ^ text.size()) * 0x100000001b3ull;
}

}  // namespace

Status HeaderFiles::Add(std::string_view path, std::string_view content) {
  if (!IsPlainAbsolute(path)) {
    return InvalidArgument(fmt::format("'{}' is no absolute path of a header", path));
  }
  const auto known = files_.find(path);
  const size_t replaced = known == files_.end() ? 0 : known->second.size();
  if (bytes_ - replaced + content.size() > kMostBytes || files_.size() >= kMostFiles) {
    return ResourceExhausted(
        fmt::format("a program has more than {} headers or {} bytes of them", kMostFiles, kMostBytes));
  }
  bytes_ += content.size() - replaced;
  files_.insert_or_assign(std::string(path), std::string(content));
  return {};
}

std::string HeaderFiles::Folder() const {
  uint64_t first = 0xcbf29ce484222325ull;
  uint64_t second = 0x84222325cbf29ce4ull;
  for (const auto& [path, content] : files_) {
    first = Hash(Hash(first, path), content);
    second = Hash(Hash(second, content), path);
  }
  std::error_code error;
  const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
  return fmt::format("{}/flexai-headers-{:016x}{:016x}", error ? "/tmp" : temporary.string(), first, second);
}

Status HeaderFiles::Place() const {
  const std::string folder = Folder();
  FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(folder, 0700));
  for (const auto& [path, content] : files_) {
    const std::filesystem::path target = folder + path;
    std::error_code error;
    if (std::filesystem::file_size(target, error) == content.size() && !error) {
      continue;  // the folder is ours and named by its contents
    }
    FLEXAI_RETURN_IF_ERROR(os::MakeFolders(target.parent_path().string(), 0700));
    FLEXAI_RETURN_IF_ERROR(os::WriteFile(target.string(), content, 0600));
  }
  return {};
}

std::string Replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string result;
  for (size_t at = 0;;) {
    const size_t found = what.empty() ? std::string_view::npos : text.find(what, at);
    result += text.substr(at, found - at);
    if (found == std::string_view::npos) {
      return result;
    }
    result += by;
    at = found + what.size();
  }
}

}  // namespace flexai::executor::opencl
