#include "simulator/links_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "os/files.h"
#include "simulator/csv.h"

namespace flexai::simulator {
namespace {

constexpr std::string_view kColumns[] = {"from", "to", "mbit", "latency_us"};
constexpr std::string_view kDefault = "default";

// The domain of each node, by number, and the names of the domains, in the order in which they come up.
struct Domains {
  std::vector<std::string> names;
  std::vector<int32_t> of_node;
};

Result<Domains> ParseDomains(std::string_view text, std::string_view name, size_t nodes) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  if (table.size() != nodes) {
    return InvalidArgument(fmt::format("{}: has {} nodes, expected {}", name, table.size(), nodes));
  }
  const std::optional<size_t> column = table.OptionalColumn("domain");
  Domains domains;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    const std::string_view domain = row.Text(column).empty() ? kDefault : row.Text(column);
    const auto found = std::find(domains.names.begin(), domains.names.end(), domain);
    domains.of_node.push_back(static_cast<int32_t>(found - domains.names.begin()));
    if (found == domains.names.end()) {
      if (domains.names.size() == static_cast<size_t>(placement::kMostDomains)) {
        return InvalidArgument(
            fmt::format("{}: more than {} network domains", row.place(), placement::kMostDomains));
      }
      domains.names.emplace_back(domain);
    }
  }
  return domains;
}

}  // namespace

Result<placement::Links> ParseLinks(std::string_view links, std::string_view links_name,
                                    std::string_view node_file, std::string_view node_file_name,
                                    std::vector<placement::NodeSpec>* nodes) {
  FLEXAI_ASSIGN_OR_RETURN(Domains domains, ParseDomains(node_file, node_file_name, nodes->size()));
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(links, links_name));
  FLEXAI_RETURN_IF_ERROR(table.AllowOnly(kColumns));
  size_t columns[std::size(kColumns)] = {};
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    FLEXAI_ASSIGN_OR_RETURN(columns[i], table.Column(kColumns[i]));
  }
  std::vector<placement::LinkSpec> specs;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    placement::LinkSpec spec;
    for (const auto& [column, end] : {std::pair(columns[0], &spec.from), std::pair(columns[1], &spec.to)}) {
      const auto found = std::find(domains.names.begin(), domains.names.end(), row.Text(column));
      if (found == domains.names.end()) {
        return InvalidArgument(fmt::format("{}: no node is in a domain '{}', expected one that {} names",
                                           row.place(), row.Text(column), node_file_name));
      }
      *end = static_cast<int32_t>(found - domains.names.begin());
    }
    FLEXAI_ASSIGN_OR_RETURN(const int64_t mbit, row.Number(columns[2], placement::kMostMbit));
    FLEXAI_ASSIGN_OR_RETURN(const double latency_us, row.Decimal(columns[3], kMostLatencyUs));
    spec.mbit = static_cast<int32_t>(mbit);
    spec.latency = Nanos{std::llround(latency_us * 1e3)};
    const bool known = std::any_of(specs.begin(), specs.end(), [&spec](const placement::LinkSpec& other) {
      return std::minmax(other.from, other.to) == std::minmax(spec.from, spec.to);
    });
    if (known) {
      return InvalidArgument(
          fmt::format("{}: '{}' and '{}' have a link already, expected one for both directions", row.place(),
                      row.Text(columns[0]), row.Text(columns[1])));
    }
    specs.push_back(spec);
  }
  FLEXAI_ASSIGN_OR_RETURN(placement::Links made, placement::Links::Make(std::move(domains.names), specs));
  for (size_t i = 0; i < nodes->size(); ++i) {
    (*nodes)[i].domain = domains.of_node[i];
  }
  return made;
}

Result<placement::Links> ReadLinks(const std::string& links_path, const std::string& node_file_path,
                                   std::vector<placement::NodeSpec>* nodes) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string links, os::ReadFile(links_path));
  FLEXAI_ASSIGN_OR_RETURN(const std::string node_file, os::ReadFile(node_file_path));
  return ParseLinks(links, links_path, node_file, node_file_path, nodes);
}

}  // namespace flexai::simulator
