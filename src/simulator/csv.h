// Comma-separated values with a heading and without quotes, as traces use them.
//
// Errors are kInvalidArgument and name file, line, and what was expected. Thread safety: immutable values.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "base/units.h"

namespace flexai::simulator {

class CsvTable;

inline constexpr std::string_view kNoYes[] = {"no", "yes"};

// One line's fields. A column that is null stands for empty fields. `otherwise` is what an empty field counts
// as; without it, a field that is empty is refused like any other text that is no number.
class CsvRow {
 public:
  // `table` must outlive the row.
  CsvRow(const CsvTable& table, size_t index) : table_(table), index_(index) {}

  // "file:line", for messages.
  std::string place() const;
  std::string_view Text(std::optional<size_t> column) const;
  // A text that is neither empty nor in `taken`, which it joins.
  Result<std::string_view> Name(size_t column, std::unordered_set<std::string_view>* taken) const;
  // A whole number from 0 to `most`.
  Result<int64_t> Number(std::optional<size_t> column, int64_t most,
                         std::optional<int64_t> otherwise = {}) const;
  // A number from 0 to `most`, perhaps with a fraction or an exponent.
  Result<double> Decimal(std::optional<size_t> column, double most,
                         std::optional<double> otherwise = {}) const;
  // Seconds from 0 to `most`, with at most nine digits after the point, exactly.
  Result<Nanos> Time(std::optional<size_t> column, Nanos most, std::optional<Nanos> otherwise = {}) const;
  // The number of the field's word.
  Result<size_t> Word(std::optional<size_t> column, std::span<const std::string_view> words,
                      size_t otherwise) const;
  // The error that says what the field is and what was expected.
  Status Expected(std::optional<size_t> column, std::string_view what) const;

 private:
  const CsvTable& table_;
  size_t index_;
};

class CsvTable {
 public:
  // `text` must outlive the table; `name` is the file's, for messages. Lines end with LF or CR LF, empty ones
  // are passed over, and so is the mark that some editors put before UTF-8. Every other line must have as
  // many fields as the heading, and there must be one. Refuses quotes, control characters and columns that
  // are there twice.
  static Result<CsvTable> Parse(std::string_view text, std::string_view name);

  Result<size_t> Column(std::string_view name) const;  // refused if there is none
  std::optional<size_t> OptionalColumn(std::string_view name) const;
  // Refuses columns with other names.
  Status AllowOnly(std::span<const std::string_view> names) const;

  const std::vector<std::string_view>& heading() const { return heading_; }
  size_t size() const { return lines_.size(); }
  CsvRow row(size_t index) const { return {*this, index}; }

 private:
  friend class CsvRow;

  Status AddHeading(std::vector<std::string_view> fields, int line);

  std::string name_;
  int heading_line_ = 0;
  std::vector<std::string_view> heading_;
  std::vector<std::string_view> fields_;  // row by row
  std::vector<int> lines_;                // of the rows
};

// What stands between the separators: one more than there are of them.
std::vector<std::string_view> Split(std::string_view text, char separator);

// As CsvRow::Time reads it: "0.25", without zeros at the end.
std::string SecondsText(Nanos time);

}  // namespace flexai::simulator
