#include "simulator/csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

namespace flexai::simulator {
namespace {

std::vector<std::string_view> SplitFields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (size_t comma = line.find(','); comma != std::string_view::npos; comma = line.find(',')) {
    fields.push_back(line.substr(0, comma));
    line.remove_prefix(comma + 1);
  }
  fields.push_back(line);
  return fields;
}

}  // namespace

Result<int64_t> CsvRow::Number(size_t column, int64_t most) const {
  const std::string_view text = fields_[column];
  int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most) {
    return InvalidArgument(fmt::format("{}: {} is '{}', expected a whole number from 0 to {}", place_,
                                       heading_[column], text, most));
  }
  return value;
}

Result<CsvTable> CsvTable::Parse(std::string_view text, std::string_view name) {
  CsvTable table;
  table.name_ = name;
  for (int line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.ends_with('\r')) {
      content.remove_suffix(1);
    }
    if (content.empty()) {
      continue;
    }
    std::vector<std::string_view> fields = SplitFields(content);
    if (table.heading_.empty()) {
      table.heading_ = std::move(fields);
      continue;
    }
    if (fields.size() != table.heading_.size()) {
      return InvalidArgument(fmt::format("{}:{}: {} fields, expected {} as in the heading", name, line,
                                         fields.size(), table.heading_.size()));
    }
    table.rows_.push_back({line, std::move(fields)});
  }
  if (table.rows_.empty()) {
    return InvalidArgument(fmt::format("{}: there are no lines after the heading", name));
  }
  return table;
}

Result<size_t> CsvTable::Column(std::string_view name) const {
  const auto found = std::find(heading_.begin(), heading_.end(), name);
  if (found == heading_.end()) {
    return InvalidArgument(
        fmt::format("{}:1: there is no column {}, only {}", name_, name, fmt::join(heading_, ", ")));
  }
  return static_cast<size_t>(found - heading_.begin());
}

bool CsvTable::Has(std::string_view name) const {
  return std::find(heading_.begin(), heading_.end(), name) != heading_.end();
}

CsvRow CsvTable::row(size_t index) const {
  return {fmt::format("{}:{}", name_, rows_[index].line), rows_[index].fields, heading_};
}

}  // namespace flexai::simulator
