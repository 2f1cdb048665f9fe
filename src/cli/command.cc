#include "cli/command.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "telemetry/log.h"

namespace flexai::cli {
namespace {

// Width in columns, near enough: UTF-8 continuation bytes take none.
size_t Width(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

int Report(const Context& context, const Status& status, int exit) {
  if (status.ok()) {
    return 0;
  }
  context.err << "flexai: " << telemetry::OneLine(status.message()) << "\n";
  return exit;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  std::vector<std::vector<std::string>> cells = rows;
  for (auto& row : cells) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = telemetry::OneLine(row[i]);
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string text;
  for (const auto& row : cells) {
    for (size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) {
        text.append(widths[i] - Width(row[i]) + 2, ' ');
      }
    }
    text += "\n";
  }
  return text;
}

void PrintJson(const Context& context, const nlohmann::json& value) {
  context.out << value.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

}  // namespace flexai::cli
