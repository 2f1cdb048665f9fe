#include "simulator/published.h"

#include <fmt/format.h>

#include "os/files.h"
#include "simulator/csv.h"

namespace flexai::simulator {
namespace {

// As the publication names them, and as we do.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    {"Random", "random"}, {"DotProd", "dot-product"}, {"BestFit", "best-fit"}, {"FGD", "fgd"}};

std::string TraceName(std::string_view pods_path) {
  constexpr std::string_view kBefore = "pod_list_";
  std::string_view name = pods_path.substr(pods_path.rfind('/') + 1);
  if (const size_t at = name.find(kBefore); at != std::string_view::npos) {
    name.remove_prefix(at + kBefore.size());
  }
  return std::string(name.substr(0, name.find('.')));
}

}  // namespace

Result<std::map<std::string, PublishedRow>> ReadPublished(const std::string& path,
                                                          const std::string& pods_path) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(path));
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, path));
  FLEXAI_ASSIGN_OR_RETURN(const size_t trace, table.Column("trace"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t policy, table.Column("policy"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t at_100, table.Column("alloc_pct_at_100"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t at_130, table.Column("alloc_pct_at_130"));
  const std::string wanted = TraceName(pods_path);
  std::map<std::string, PublishedRow> rows;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    for (const auto& [theirs, ours] : kNames) {
      if (row.Text(trace) == wanted && row.Text(policy) == theirs) {
        PublishedRow& published = rows[std::string(ours)];
        FLEXAI_ASSIGN_OR_RETURN(published.at_100, row.Decimal(at_100, 100));
        FLEXAI_ASSIGN_OR_RETURN(published.at_130, row.Decimal(at_130, 100));
      }
    }
  }
  if (rows.empty()) {
    return InvalidArgument(
        fmt::format("{}: there is no row of trace '{}', which is that of {}", path, wanted, pods_path));
  }
  return rows;
}

}  // namespace flexai::simulator
