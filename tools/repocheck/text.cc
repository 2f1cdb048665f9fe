#include <algorithm>
#include <array>
#include <regex>

#include "checks.h"

namespace flexai::repocheck {
namespace {

// The style's own aims are 400 and 60 lines; these guards leave room for a table or a switch over every call.
constexpr size_t kMaxLineColumns = 110;
constexpr size_t kMaxFileLines = 500;
constexpr size_t kMaxFunctionLines = 80;

// What text is written for people or compilers here. Recorded data and expected outputs are not.
bool IsSource(std::string_view path) {
  return path.ends_with(".cc") || path.ends_with(".h") || path.ends_with(".c");
}

bool IsProse(std::string_view path) {
  return path.ends_with(".md") || path.ends_with(".api") || path.ends_with(".sh") ||
         path.ends_with(".cmake") || path.ends_with("CMakeLists.txt") || path.ends_with("Makefile") ||
         path.ends_with(".py");
}

// Columns as a reader sees them: one for each code point of UTF-8.
size_t Columns(std::string_view line) {
  return static_cast<size_t>(std::count_if(
      line.begin(), line.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// A function of Google style as clang-format leaves it: it opens on a line that ends in `{` after a parameter
// list and closes with a `}` in the same column.
void CheckFunctions(const std::string& path, std::string_view text, Findings& findings) {
  const std::vector<std::string_view> lines = Lines(text);
  size_t opened = 0;
  bool open = false;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (!open) {
      const bool declares = line.starts_with("namespace") || line.starts_with("class") ||
                            line.starts_with("struct") || line.starts_with("enum") ||
                            line.starts_with("extern") || line.starts_with("union");
      const bool body =
          line.ends_with("{") && (line.find(')') != std::string_view::npos) && !line.starts_with("#");
      if (body && !declares && line.find("= {") == std::string_view::npos) open = true, opened = i;
      continue;
    }
    if (!line.starts_with("}")) continue;
    open = false;
    if (i - opened > kMaxFunctionLines) {
      findings.push_back({path, static_cast<int>(opened + 1),
                          "function of " + std::to_string(i - opened) + " lines; at most " +
                              std::to_string(kMaxFunctionLines)});
    }
  }
}

bool IsForbiddenName(std::string_view word) {
  constexpr std::array<std::string_view, 8> kForbidden = {"util",   "utils",   "helper",   "helpers",
                                                          "common", "manager", "managers", "misc"};
  return std::find(kForbidden.begin(), kForbidden.end(), word) != kForbidden.end();
}

}  // namespace

Findings CheckNames(const Tree& tree) {
  Findings findings;
  const std::regex type(R"(\b(class|struct) [A-Za-z]*(Manager|Helper|Helpers|Util|Utils|Misc)\b)");
  for (const auto& [path, text] : tree) {
    for (std::string_view part : Split(path, '/')) {
      for (std::string_view piece : Split(part.substr(0, part.find('.')), '_')) {
        for (std::string_view word : Split(piece, '-')) {
          if (IsForbiddenName(word))
            findings.push_back({path, 0, "'" + std::string(word) + "' names nothing"});
        }
      }
    }
    if (!IsSource(path)) continue;
    int number = 0;
    for (std::string_view line : Lines(text)) {
      ++number;
      if (line.find("class ") == std::string_view::npos && line.find("struct ") == std::string_view::npos)
        continue;
      if (std::regex_search(line.begin(), line.end(), type))
        findings.push_back({path, number, "the type's name says nothing"});
    }
  }
  return findings;
}

Findings CheckLengths(const Tree& tree) {
  Findings findings;
  for (const auto& [path, text] : tree) {
    if (!IsSource(path)) continue;
    const std::vector<std::string_view> lines = Lines(text);
    if (lines.size() > kMaxFileLines) {
      findings.push_back(
          {path, 0,
           "file of " + std::to_string(lines.size()) + " lines; at most " + std::to_string(kMaxFileLines)});
    }
    for (size_t i = 0; i < lines.size(); ++i) {
      if (Columns(lines[i]) > kMaxLineColumns) {
        findings.push_back({path, static_cast<int>(i + 1),
                            "line of " + std::to_string(Columns(lines[i])) + " columns; at most " +
                                std::to_string(kMaxLineColumns)});
      }
    }
    // A conformance program is one straight line of calls, and reads best so.
    if (!path.starts_with("tests/conformance/")) CheckFunctions(path, text, findings);
  }
  return findings;
}

Findings CheckWords(const Tree& tree) {
  Findings findings;
  // Written in pieces, so that this file doesn't break its own rule.
  const std::array<std::string, 5> machine_paths = {std::string("/wo") + "rk/", std::string("../sha") + "red",
                                                    std::string("/home") + "/", std::string("/ro") + "ot/",
                                                    std::string("C:") + "\\"};
  const std::string to_do = std::string("TO") + "DO", fix_me = std::string("FIX") + "ME";
  for (const auto& [path, text] : tree) {
    if (!IsSource(path) && !IsProse(path)) continue;
    int number = 0;
    for (std::string_view line : Lines(text)) {
      ++number;
      for (const std::string& word : machine_paths) {
        if (line.find(word) != std::string_view::npos)
          findings.push_back({path, number, "path of one machine: " + word});
      }
      if (line.find(fix_me) != std::string_view::npos)
        findings.push_back({path, number, "mark without an owner"});
      // A mark for later names the document that owns it: (docs/....md).
      const size_t at = line.find(to_do);
      if (at == std::string_view::npos) continue;
      const std::string_view rest = line.substr(at + to_do.size());
      const size_t close = rest.find(')');
      if (!rest.starts_with("(") || close == std::string_view::npos ||
          !tree.contains(std::string(rest.substr(1, close - 1)))) {
        findings.push_back({path, number, "mark without an owner file in parentheses"});
      }
    }
  }
  return findings;
}

}  // namespace flexai::repocheck
