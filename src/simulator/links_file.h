// Reads the links between network domains, and to which domain each node belongs, as CSV.
// docs/formats/links.md describes both.
//
// Errors are kInvalidArgument and name file, line, and what was expected; nothing is loaded by halves. Thread
// safety: none needed, nothing is kept.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "placement/cluster.h"
#include "placement/links.h"

namespace flexai::simulator {

inline constexpr double kMostLatencyUs = 1e9;

// A file of nodes may have a column `domain`; nodes without a name there are in the domain "default".
// `nodes` are those of the file in its order, and get their domains. `*_name` stand in error messages.
Result<placement::Links> ParseLinks(std::string_view links, std::string_view links_name,
                                    std::string_view node_file, std::string_view node_file_name,
                                    std::vector<placement::NodeSpec>* nodes);
Result<placement::Links> ReadLinks(const std::string& links_path, const std::string& node_file_path,
                                   std::vector<placement::NodeSpec>* nodes);

}  // namespace flexai::simulator
