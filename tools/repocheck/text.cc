#include <algorithm>
#include <array>
#include <regex>

#include "checks.h"

namespace flexai::repocheck {
namespace {

// The style's own aims are 400 and 60 lines; these guards leave room for a table or a switch over every call.
constexpr size_t kMaxLineColumns = 110;
constexpr size_t kMaxFileLines = 500;
constexpr size_t kMaxTestFileLines = 600;
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

// Whether a declaration that starts with this line is no function: its braces hold members or values.
bool DeclaresOther(std::string_view line) {
  for (std::string_view word :
       {"namespace", "class", "struct", "enum", "union", "extern", "template", "using"}) {
    if (line.starts_with(word)) return true;
  }
  return false;
}

// A free function or one defined outside its class, as clang-format leaves it: it starts in the first column,
// its parameter list ends in `{` on that line or a later one, and `}` in the first column closes it.
void CheckFunctions(const std::string& path, std::string_view text, Findings& findings) {
  const std::vector<std::string_view> lines = Lines(text);
  bool candidate = false, open = false;
  size_t start = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    if (open) {
      if (!line.starts_with("}")) continue;
      open = false;
      if (i - start > kMaxFunctionLines) {
        findings.push_back({path, static_cast<int>(start + 1),
                            "function of " + std::to_string(i - start) + " lines; at most " +
                                std::to_string(kMaxFunctionLines)});
      }
      continue;
    }
    if (!line.empty() && line[0] != ' ') {
      candidate = line[0] != '#' && line[0] != '}' && line[0] != '/' && !DeclaresOther(line) &&
                  line.find('(') != std::string_view::npos && line.find("= {") == std::string_view::npos;
      start = i;
    }
    if (candidate && line.ends_with("{")) open = true;
    if (line.ends_with(";") || line.ends_with("}")) candidate = false;
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
    const size_t most = IsTest(path) ? kMaxTestFileLines : kMaxFileLines;
    if (lines.size() > most) {
      findings.push_back(
          {path, 0, "file of " + std::to_string(lines.size()) + " lines; at most " + std::to_string(most)});
    }
    bool raw = false;  // inside a raw string, which can't be broken
    for (size_t i = 0; i < lines.size(); ++i) {
      const bool starts_raw = lines[i].find("R\"") != std::string_view::npos;
      if (!raw && !starts_raw && Columns(lines[i]) > kMaxLineColumns) {
        findings.push_back({path, static_cast<int>(i + 1),
                            "line of " + std::to_string(Columns(lines[i])) + " columns; at most " +
                                std::to_string(kMaxLineColumns)});
      }
      if (starts_raw) raw = true;
      if (raw && lines[i].find(")") != std::string_view::npos &&
          lines[i].find("\"", lines[i].rfind(")")) != std::string_view::npos) {
        raw = false;
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
  const std::array<std::string, 3> machine_paths = {std::string("/wo") + "rk/", std::string("../sha") + "red",
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
