#include "node/session_logs.h"

#include <fmt/core.h>

#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

#include "os/files.h"

namespace flexai::node {
namespace {

constexpr std::string_view kPrefix = "session-";
constexpr std::string_view kSuffix = ".log";

// The session whose log has this name (docs/formats/keeper.md), if it is one.
std::optional<uint64_t> SessionOf(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) {
    return std::nullopt;
  }
  uint64_t id = 0;
  const char* end = name.data() + name.size() - kSuffix.size();
  const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, id);
  return error == std::errc() && rest == end ? std::optional(id) : std::nullopt;
}

}  // namespace

void SessionLogs::Adopt(const std::set<uint64_t>& live) {
  const Result<std::vector<std::string>> names = os::ListFolder(folder_);
  std::set<uint64_t> left;  // by number, as which they began
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>{}) {
    if (const std::optional<uint64_t> id = SessionOf(name); id && !live.contains(*id)) {
      left.insert(*id);
    }
  }
  for (const uint64_t id : left) {
    Ended(id);
  }
}

void SessionLogs::Ended(uint64_t session) {
  ended_.push_back(session);
  if (ended_.size() > kept_) {
    std::error_code ignored;  // one that can't be deleted now is met again by the next flexaid
    std::filesystem::remove(fmt::format("{}/{}{}{}", folder_, kPrefix, ended_.front(), kSuffix), ignored);
    ended_.pop_front();
  }
}

}  // namespace flexai::node
