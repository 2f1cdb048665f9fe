// flexai doctor: what is missing on this machine, and how to mend it.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace flexai::cli {

enum class Finding : uint8_t { kGood, kWarning, kMissing };

struct Check {
  std::string name;
  Finding finding = Finding::kGood;
  std::string detail;  // what was found
  std::string remedy;  // what to do; empty if good
};

// Runs every check. Vendors' libraries are loaded in a child process only.
std::vector<Check> Examine(const Context& context);

// Prints the checks; the exit status is 0 if nothing is missing.
int Doctor(const Context& context);

}  // namespace flexai::cli
