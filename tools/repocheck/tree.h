// The files of a repository as text, and what a check reports about them.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace flexai::repocheck {

// One broken rule. `line` is 1-based, 0 for the file as a whole.
struct Finding {
  std::string path;
  int line = 0;
  std::string message;
};
using Findings = std::vector<Finding>;

// Path (relative to the root, with slashes) to contents.
using Tree = std::map<std::string, std::string>;

// Every text file that git tracks below `root`; without git, every one outside build folders. Binary files
// and files above 1 MiB are left out.
Tree ReadTree(const std::filesystem::path& root);

// Whether a source file serves tests only: x_test.cc, fake_x.cc, scripted_x.cc.
bool IsTest(std::string_view path);

std::vector<std::string_view> Lines(std::string_view text);
// "a/b/c.h" -> {"a", "b", "c.h"}
std::vector<std::string_view> Split(std::string_view text, char separator);

}  // namespace flexai::repocheck
