#include <algorithm>
#include <cctype>
#include <filesystem>
#include <regex>
#include <set>
#include <sstream>

#include "checks.h"

namespace flexai::repocheck {
namespace {

// The anchor that Markdown viewers make of a heading: lower case, spaces to hyphens, other punctuation
// dropped.
std::string Anchor(std::string_view heading) {
  std::string anchor;
  for (char c : heading) {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_') {
      anchor += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (c == ' ') {
      anchor += '-';
    }
  }
  return anchor;
}

std::set<std::string> Anchors(std::string_view text) {
  std::set<std::string> anchors;
  bool fenced = false;
  for (std::string_view line : Lines(text)) {
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced || !line.starts_with("#")) continue;
    const size_t start = line.find_first_not_of("# ");
    if (start != std::string_view::npos) anchors.insert(Anchor(line.substr(start)));
  }
  return anchors;
}

bool FolderExists(const Tree& tree, const std::string& folder) {
  const auto at = tree.lower_bound(folder + "/");
  return at != tree.end() && at->first.starts_with(folder + "/");
}

void CheckLink(const Tree& tree, const std::string& path, int line, const std::string& link,
               Findings& findings) {
  if (link.find("://") != std::string::npos || link.starts_with("mailto:")) return;
  const size_t hash = link.find('#');
  std::string target = path;
  if (hash != 0) {
    const auto folder = std::filesystem::path(path).parent_path();
    target = (folder / link.substr(0, hash)).lexically_normal().generic_string();
    if (target.ends_with('/')) target.pop_back();
  }
  const auto file = tree.find(target);
  if (file == tree.end() && !FolderExists(tree, target)) {
    findings.push_back({path, line, "link leads nowhere: " + link});
  } else if (hash != std::string::npos && file != tree.end() && target.ends_with(".md") &&
             !Anchors(file->second).contains(link.substr(hash + 1))) {
    findings.push_back({path, line, "link to a heading that is not there: " + link});
  }
}

}  // namespace

Findings CheckLinks(const Tree& tree) {
  Findings findings;
  const std::regex link(R"(\]\(([^)\s]+)\))");
  for (const auto& [path, text] : tree) {
    if (!path.ends_with(".md")) continue;
    int number = 0;
    bool fenced = false;
    for (std::string_view line : Lines(text)) {
      ++number;
      if (line.starts_with("```")) fenced = !fenced;
      if (fenced) continue;
      const std::string copy(line);
      for (std::sregex_iterator it(copy.begin(), copy.end(), link), end; it != end; ++it) {
        CheckLink(tree, path, number, (*it)[1], findings);
      }
    }
  }
  return findings;
}

Findings CheckLicence(const Tree& tree) {
  const auto file = tree.find("LICENSE");
  if (file != tree.end() && file->second.find("Apache License") != std::string::npos &&
      file->second.find("Version 2.0") != std::string::npos) {
    return {};
  }
  return {{"LICENSE", 0, "the text of the Apache License, version 2.0, is missing"}};
}

Findings CheckGenerated(const Tree& tree, const Tree& generated) {
  Findings findings;
  const std::string document = "docs/formats/opencl-calls.md",
                    released = "docs/formats/opencl-calls.released";
  auto text = [](const Tree& files, const std::string& path) {
    const auto file = files.find(path);
    return file == files.end() ? std::string() : file->second;
  };
  if (text(tree, document) != text(generated, "api/opencl/calls.md")) {
    findings.push_back({document, 0,
                        "is not what the build generates from src/api/opencl/opencl.api: copy "
                        "generated/api/opencl/calls.md of the build over it"});
  }
  std::set<std::string> now;
  const std::string ids = text(generated, "api/opencl/ids.txt");
  for (std::string_view line : Lines(ids)) now.emplace(line);
  const std::string before = text(tree, released);
  if (before.empty()) findings.push_back({released, 0, "the list of released call ids is missing"});
  int number = 0;
  for (std::string_view line : Lines(before)) {
    ++number;
    if (!line.starts_with("#") && !now.contains(std::string(line))) {
      findings.push_back(
          {released, number, "released call id is gone or means another call now: " + std::string(line)});
    }
  }
  return findings;
}

}  // namespace flexai::repocheck
