// Comma-separated values with a heading and without quotes, as traces use them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace flexai::simulator {

// One line's fields; views into the text that was parsed.
class CsvRow {
 public:
  CsvRow(std::string place, std::vector<std::string_view> fields,
         const std::vector<std::string_view>& heading)
      : place_(std::move(place)), fields_(std::move(fields)), heading_(heading) {}

  // "file:line", for messages.
  const std::string& place() const { return place_; }
  std::string_view Text(size_t column) const { return fields_[column]; }
  // A whole number from 0 to `most`.
  Result<int64_t> Number(size_t column, int64_t most) const;

 private:
  std::string place_;
  std::vector<std::string_view> fields_;
  const std::vector<std::string_view>& heading_;
};

class CsvTable {
 public:
  // `text` must outlive the table; `name` is the file's, for messages. Every line must have as many fields as
  // the heading, and there must be one.
  static Result<CsvTable> Parse(std::string_view text, std::string_view name);

  Result<size_t> Column(std::string_view name) const;  // kInvalidArgument if there is none
  bool Has(std::string_view name) const;
  size_t size() const { return rows_.size(); }
  CsvRow row(size_t index) const;

 private:
  struct Row {
    int line = 0;
    std::vector<std::string_view> fields;
  };
  std::string name_;
  std::vector<std::string_view> heading_;
  std::vector<Row> rows_;
};

}  // namespace flexai::simulator
