// What the commands of `flexai sim` read and show alike.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cli/command.h"

namespace flexai::cli {

// "42", or "42-51": the first and the last.
Result<std::pair<uint64_t, uint64_t>> ParseSeeds(const std::string& text);

// "fgd,hi"; kInvalidArgument for one that is none of `known`.
Result<std::vector<std::string>> ParsePolicies(const std::string& text, std::span<const std::string> known);

// Keeps one line of progress on a terminal, until its end.
class Progress {
 public:
  explicit Progress(const Context& context);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void Show(size_t done, size_t runs);

 private:
  const Context& context_;
  const bool shown_;
};

}  // namespace flexai::cli
