#include "cli/sim_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "os/user.h"
#include "placement/policy.h"

namespace flexai::cli {
namespace {

constexpr uint64_t kMostSeeds = 10'000;

}  // namespace

Result<std::pair<uint64_t, uint64_t>> ParseSeeds(const std::string& text) {
  uint64_t first = 0;
  uint64_t last = 0;
  const char* const end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, first);
  bool good = error == std::errc();
  last = first;
  if (good && dash != end) {
    const auto [rest, last_error] = std::from_chars(dash + 1, end, last);
    good = *dash == '-' && last_error == std::errc() && rest == end;
  }
  if (!good || last < first || last - first >= kMostSeeds) {
    return InvalidArgument(fmt::format("--seeds: '{}' is no range of at most {} seeds: use for example 42-51",
                                       text, kMostSeeds));
  }
  return std::pair(first, last);
}

Result<std::vector<std::string>> ParsePolicies(const std::string& text, std::span<const std::string> known) {
  std::vector<std::string> names;
  for (size_t start = 0; start <= text.size();) {
    const size_t comma = std::min(text.find(',', start), text.size());
    names.push_back(text.substr(start, comma - start));
    start = comma + 1;
    if (std::find(known.begin(), known.end(), names.back()) == known.end()) {
      return placement::UnknownPolicy(names.back(), known).WithContext("--policies");
    }
  }
  return names;
}

Progress::Progress(const Context& context) : context_(context), shown_(os::ErrorIsTerminal()) {}

Progress::~Progress() {
  if (shown_) {
    context_.err << "\r\033[K" << std::flush;
  }
}

void Progress::Show(size_t done, size_t runs) {
  if (shown_) {
    context_.err << fmt::format("\r{} of {} runs", done, runs) << std::flush;
  }
}

}  // namespace flexai::cli
