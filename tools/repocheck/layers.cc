#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <regex>
#include <set>

#include "checks.h"

namespace flexai::repocheck {
namespace {

// ARCHITECTURE.md, "Layers". A row may use the rows before it; the folders of a row don't know each other.
const std::vector<std::vector<std::string_view>> kLayers = {
    {"base"},
    {"os"},
    {"telemetry", "wire", "share", "kube"},
    {"api", "device", "placement"},
    {"shim", "executor", "keeper"},
    {"node"},
    {"hi_scheduler", "simulator"},
    {"cli"},
    {"apps"},
};

std::optional<size_t> Rank(std::string_view folder) {
  for (size_t i = 0; i < kLayers.size(); ++i) {
    if (std::find(kLayers[i].begin(), kLayers[i].end(), folder) != kLayers[i].end()) return i;
  }
  return std::nullopt;
}

// The module of a path below src/: "src/api/opencl/x.h" -> "api".
std::string_view Module(std::string_view path) { return Split(path, '/')[1]; }

std::optional<std::string> Fault(std::string_view from, std::string_view to) {
  if (from == to) return std::nullopt;
  const auto from_rank = Rank(from), to_rank = Rank(to);
  if (!to_rank) return "'" + std::string(to) + "' is no layer of src/ (ARCHITECTURE.md)";
  if (*to_rank < *from_rank) return std::nullopt;
  return std::string(from) + " must not use " + std::string(to) +
         (*to_rank == *from_rank ? ": siblings of one layer" : ": a layer above it");
}

struct Include {
  std::string target;
  int line;
};

std::vector<Include> Includes(std::string_view text) {
  std::vector<Include> includes;
  int number = 0;
  for (std::string_view line : Lines(text)) {
    ++number;
    constexpr std::string_view kStart = "#include \"";
    if (!line.starts_with(kStart)) continue;
    line.remove_prefix(kStart.size());
    includes.push_back({std::string(line.substr(0, line.find('"'))), number});
  }
  return includes;
}

void CheckIncludes(const Tree& tree, Findings& findings) {
  for (const auto& [path, text] : tree) {
    if (!path.starts_with("src/") || !(path.ends_with(".h") || path.ends_with(".cc"))) continue;
    const std::string_view module = Module(path);
    if (!Rank(module)) {
      findings.push_back({path, 0, "'" + std::string(module) + "' is no layer of src/ (ARCHITECTURE.md)"});
      continue;
    }
    if (IsTest(path)) continue;
    for (const Include& include : Includes(text)) {
      if (include.target.find('/') == std::string::npos) {
        findings.push_back({path, include.line, "include \"" + include.target + "\" by its path from src/"});
      } else if (auto fault = Fault(module, Split(include.target, '/')[0])) {
        findings.push_back({path, include.line, *fault});
      }
    }
  }
}

// Depth-first over the includes of headers; each cycle is told once, at the header that closes it.
void CheckCycles(const Tree& tree, Findings& findings) {
  std::set<std::string> done, open;
  std::function<void(const std::string&)> visit = [&](const std::string& path) {
    const auto file = tree.find(path);
    if (file == tree.end() || done.contains(path)) return;
    open.insert(path);
    for (const Include& include : Includes(file->second)) {
      const std::string target = "src/" + include.target;
      if (open.contains(target)) {
        findings.push_back({path, include.line, "include cycle: " + target + " includes this file again"});
      } else {
        visit(target);
      }
    }
    open.erase(path);
    done.insert(path);
  };
  for (const auto& [path, text] : tree) {
    if (path.starts_with("src/") && path.ends_with(".h")) visit(path);
  }
}

// Each flexai_<name> library and the folder that declares it; then each link from a folder to such a library.
void CheckLinkedModules(const Tree& tree, Findings& findings) {
  const std::regex declaration(R"((flexai_module|add_library)\s*\(\s*([A-Za-z0-9_-]+))");
  const std::regex command(R"((flexai_module|flexai_test|target_link_libraries)\s*\(([^)]*)\))");
  const std::regex library(R"(\bflexai_[a-z0-9_]+\b)");
  std::map<std::string, std::string> folder_of;
  auto each_file = [&](const auto& action) {
    for (const auto& [path, text] : tree) {
      if (path.starts_with("src/") && (path.ends_with("CMakeLists.txt") || path.ends_with(".cmake")))
        action(path, text);
    }
  };
  each_file([&](const std::string& path, const std::string& text) {
    for (std::sregex_iterator it(text.begin(), text.end(), declaration), end; it != end; ++it) {
      const std::string name = (*it)[2];
      folder_of[(*it)[1] == "flexai_module" ? "flexai_" + name : name] = Module(path);
    }
  });
  each_file([&](const std::string& path, const std::string& text) {
    for (std::sregex_iterator it(text.begin(), text.end(), command), end; it != end; ++it) {
      const std::string arguments = (*it)[2];
      const int line = 1 + static_cast<int>(std::count(text.begin(), text.begin() + it->position(), '\n'));
      // Tests, and libraries that only tests use, may link more than their module.
      if ((*it)[1] == "flexai_test" || arguments.find("_test") != std::string::npos) continue;
      for (std::sregex_iterator lib(arguments.begin(), arguments.end(), library); lib != end; ++lib) {
        const auto owner = folder_of.find(lib->str());
        if (owner == folder_of.end()) continue;
        if (auto fault = Fault(Module(path), owner->second)) findings.push_back({path, line, *fault});
      }
    }
  });
}

}  // namespace

Findings CheckLayers(const Tree& tree) {
  Findings findings;
  CheckIncludes(tree, findings);
  CheckCycles(tree, findings);
  CheckLinkedModules(tree, findings);
  return findings;
}

}  // namespace flexai::repocheck
