#include "simulator/csv.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace flexai::simulator {
namespace {

constexpr int64_t kSecond = Seconds(1).value;

// Control characters stand for a file that is damaged or no text; quotes for one that needs another reader.
Status CheckCharacters(std::string_view line, const std::string& place) {
  for (size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    if (byte == '"') {
      return InvalidArgument(
          fmt::format("{}: a quote at column {}, expected fields without quotes", place, i + 1));
    }
    if (byte < ' ' || byte == 0x7f) {
      return InvalidArgument(fmt::format("{}: byte {:#04x} at column {}, expected text", place, byte, i + 1));
    }
  }
  return {};
}

// All of `text` as a number; null if it is none, or not within 0 to `most`.
template <typename Number>
std::optional<Number> ParseWithin(std::string_view text, Number most) {
  Number value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && !text.starts_with('-') &&
                    value >= 0 && value <= most;  // in this form also false for "nan"
  return good ? std::optional(value) : std::nullopt;
}

std::optional<Nanos> ParseSeconds(std::string_view text, Nanos most) {
  constexpr size_t kDigits = 9;
  const size_t point = std::min(text.find('.'), text.size());
  const std::optional<int64_t> seconds = ParseWithin<int64_t>(text.substr(0, point), most.value / kSecond);
  if (!seconds) {
    return std::nullopt;
  }
  int64_t nanos = 0;
  if (point < text.size()) {
    std::string fraction(text.substr(point + 1));
    if (fraction.empty() || fraction.size() > kDigits) {
      return std::nullopt;
    }
    fraction.resize(kDigits, '0');
    const std::optional<int64_t> parsed = ParseWithin<int64_t>(fraction, kSecond - 1);
    if (!parsed) {
      return std::nullopt;
    }
    nanos = *parsed;
  }
  const Nanos time{*seconds * kSecond + nanos};
  return time <= most ? std::optional(time) : std::nullopt;
}

}  // namespace

std::string CsvRow::place() const { return fmt::format("{}:{}", table_.name_, table_.lines_[index_]); }

std::string_view CsvRow::Text(std::optional<size_t> column) const {
  return column ? table_.fields_[index_ * table_.heading_.size() + *column] : std::string_view();
}

Status CsvRow::Expected(std::optional<size_t> column, std::string_view what) const {
  return InvalidArgument(fmt::format("{}: {} is '{}', expected {}", place(),
                                     column ? table_.heading_[*column] : "an absent column", Text(column),
                                     what));
}

Result<std::string_view> CsvRow::Name(size_t column, std::unordered_set<std::string_view>* taken) const {
  const std::string_view name = Text(column);
  if (name.empty()) {
    return InvalidArgument(fmt::format("{}: the name is empty", place()));
  }
  if (!taken->insert(name).second) {
    return InvalidArgument(fmt::format("{}: the name '{}' is taken by a line before", place(), name));
  }
  return name;
}

Result<int64_t> CsvRow::Number(std::optional<size_t> column, int64_t most,
                               std::optional<int64_t> otherwise) const {
  const std::string_view text = Text(column);
  const std::optional<int64_t> value = text.empty() ? otherwise : ParseWithin<int64_t>(text, most);
  return value ? Result<int64_t>(*value) : Expected(column, fmt::format("a whole number from 0 to {}", most));
}

Result<double> CsvRow::Decimal(std::optional<size_t> column, double most,
                               std::optional<double> otherwise) const {
  const std::string_view text = Text(column);
  const std::optional<double> value = text.empty() ? otherwise : ParseWithin<double>(text, most);
  return value ? Result<double>(*value) : Expected(column, fmt::format("a number from 0 to {}", most));
}

Result<Nanos> CsvRow::Time(std::optional<size_t> column, Nanos most, std::optional<Nanos> otherwise) const {
  const std::string_view text = Text(column);
  const std::optional<Nanos> value = text.empty() ? otherwise : ParseSeconds(text, most);
  return value
             ? Result<Nanos>(*value)
             : Expected(column, fmt::format("seconds from 0 to {}, to the nanosecond", most.value / kSecond));
}

Result<size_t> CsvRow::Word(std::optional<size_t> column, std::span<const std::string_view> words,
                            size_t otherwise) const {
  const std::string_view text = Text(column);
  const auto found = std::find(words.begin(), words.end(), text);
  if (text.empty() || found != words.end()) {
    return text.empty() ? otherwise : static_cast<size_t>(found - words.begin());
  }
  return Expected(column, fmt::format("{}", fmt::join(words, ", ")));
}

Status CsvTable::AddHeading(std::vector<std::string_view> fields, int line) {
  heading_line_ = line;
  heading_ = std::move(fields);
  std::set<std::string_view> names;
  for (const std::string_view column : heading_) {
    if (!names.insert(column).second) {
      return InvalidArgument(fmt::format("{}:{}: the column '{}' is there twice", name_, line, column));
    }
  }
  return {};
}

Result<CsvTable> CsvTable::Parse(std::string_view text, std::string_view name) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
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
    FLEXAI_RETURN_IF_ERROR(CheckCharacters(content, fmt::format("{}:{}", name, line)));
    std::vector<std::string_view> fields = Split(content, ',');
    if (table.heading_.empty()) {
      FLEXAI_RETURN_IF_ERROR(table.AddHeading(std::move(fields), line));
      continue;
    }
    if (fields.size() != table.heading_.size()) {
      return InvalidArgument(fmt::format("{}:{}: {} fields, expected {} as in the heading", name, line,
                                         fields.size(), table.heading_.size()));
    }
    table.fields_.insert(table.fields_.end(), fields.begin(), fields.end());
    table.lines_.push_back(line);
  }
  if (table.heading_.empty()) {
    return InvalidArgument(fmt::format("{}: the file is empty, expected a heading", name));
  }
  if (table.lines_.empty()) {
    return InvalidArgument(fmt::format("{}: there are no lines after the heading", name));
  }
  return table;
}

std::optional<size_t> CsvTable::OptionalColumn(std::string_view name) const {
  const auto found = std::find(heading_.begin(), heading_.end(), name);
  return found == heading_.end() ? std::nullopt
                                 : std::optional(static_cast<size_t>(found - heading_.begin()));
}

Result<size_t> CsvTable::Column(std::string_view name) const {
  const std::optional<size_t> column = OptionalColumn(name);
  if (!column) {
    return InvalidArgument(fmt::format("{}:{}: there is no column {}, only {}", name_, heading_line_, name,
                                       fmt::join(heading_, ", ")));
  }
  return *column;
}

Status CsvTable::AllowOnly(std::span<const std::string_view> names) const {
  for (const std::string_view column : heading_) {
    if (std::find(names.begin(), names.end(), column) == names.end()) {
      return InvalidArgument(fmt::format("{}:{}: nobody knows the column '{}', expected some of {}", name_,
                                         heading_line_, column, fmt::join(names, ", ")));
    }
  }
  return {};
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  parts.push_back(text);
  return parts;
}

std::string SecondsText(Nanos time) {
  std::string text = fmt::format("{}", time.value / kSecond);
  if (time.value % kSecond != 0) {
    text += fmt::format(".{:09}", time.value % kSecond);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}

}  // namespace flexai::simulator
