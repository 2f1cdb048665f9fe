// repocheck ROOT [GENERATED]: holds the repository at ROOT to its rules; GENERATED is the folder of generated
// files of a build. Prints each broken rule as path:line: message and ends with 1 if there is one.
#include <fmt/core.h>

#include "checks.h"

int main(int argc, char** argv) {
  using namespace flexai::repocheck;  // NOLINT(google-build-using-namespace)
  if (argc < 2) {
    fmt::print(stderr, "usage: repocheck ROOT [GENERATED]\n");
    return 2;
  }
  const Tree tree = ReadTree(argv[1]);
  if (tree.empty()) {
    fmt::print(stderr, "repocheck: no files below {}\n", argv[1]);
    return 2;
  }
  Findings findings;
  for (auto check : {CheckLayers, CheckNames, CheckLengths, CheckWords, CheckLinks, CheckLicence}) {
    for (Finding& finding : check(tree)) findings.push_back(std::move(finding));
  }
  if (argc > 2) {
    for (Finding& finding : CheckGenerated(tree, ReadTree(argv[2]))) findings.push_back(std::move(finding));
  }
  for (const Finding& finding : findings)
    fmt::print("{}:{}: {}\n", finding.path, finding.line, finding.message);
  fmt::print("{} files, {} findings\n", tree.size(), findings.size());
  return findings.empty() ? 0 : 1;
}
