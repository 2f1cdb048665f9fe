#include "tree.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

namespace flexai::repocheck {
namespace {

constexpr size_t kMaxFileBytes = 1 << 20;

std::vector<std::string> TrackedFiles(const std::filesystem::path& root) {
  std::vector<std::string> files;
  const std::string command = "git -C '" + root.string() + "' ls-files -z 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return files;
  std::string output;
  std::array<char, 4096> chunk;
  while (size_t count = fread(chunk.data(), 1, chunk.size(), pipe)) output.append(chunk.data(), count);
  pclose(pipe);
  for (std::string_view file : Split(output, '\0')) {
    if (!file.empty()) files.emplace_back(file);
  }
  return files;
}

std::vector<std::string> AllFiles(const std::filesystem::path& root) {
  std::vector<std::string> files;
  for (auto entry = std::filesystem::recursive_directory_iterator(root); entry != end(entry); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory() && (name == "build" || name[0] == '.')) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      files.push_back(std::filesystem::relative(entry->path(), root).generic_string());
    }
  }
  return files;
}

}  // namespace

Tree ReadTree(const std::filesystem::path& root) {
  std::vector<std::string> files = TrackedFiles(root);
  if (files.empty()) files = AllFiles(root);
  Tree tree;
  for (const std::string& file : files) {
    std::error_code error;
    const auto size = std::filesystem::file_size(root / file, error);
    if (error || size > kMaxFileBytes) continue;
    std::ifstream stream(root / file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(stream), {}};
    if (text.find('\0') == std::string::npos) tree.emplace(file, std::move(text));
  }
  return tree;
}

bool IsTest(std::string_view path) {
  return path.ends_with("_test.cc") || path.find("/scripted_") != std::string_view::npos ||
         path.find("/fake_") != std::string_view::npos;
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines = Split(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

}  // namespace flexai::repocheck
