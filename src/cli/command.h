// What every command of `flexai` is given, and how it prints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "node/runtime_paths.h"

namespace flexai::cli {

struct Context {
  node::Environment environment;
  std::string version;
  bool json = false;      // -o json
  bool terminal = false;  // `out` is one
  std::ostream& out;
  std::ostream& err;
};

inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
// Of `run`, as of other programs that run programs: these tell our failures from the command's.
inline constexpr int kExitRunFailed = 125;
inline constexpr int kExitNotExecutable = 126;
inline constexpr int kExitNotFound = 127;

// Prints "flexai: <sentence>" and returns `exit`; success prints nothing and returns 0.
int Report(const Context& context, const Status& status, int exit = kExitFailure);

// Columns padded to their widest cell, two spaces apart. The first row is the heading. Control characters in
// cells (names come from tenants) are escaped.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

void PrintJson(const Context& context, const nlohmann::json& value);

}  // namespace flexai::cli
