#include "node/config.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace flexai::node {
namespace {

// One table of the file being read into a struct. Remembers the first fault; later calls then do nothing.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string_view path, std::string_view where)
      : table_(table), path_(path), where_(where) {}

  // Reads the string setting `key` by `parse` (text -> Result<T>) into `*to`.
  template <typename T, typename Parse>
  void Text(std::string_view key, Parse parse, T* to) {
    const toml::node* node = Take(key);
    if (node == nullptr) {
      return;
    }
    const auto* text = node->as_string();
    if (text == nullptr) {
      return Fail(*node, fmt::format("{} must be a text in quotes", Name(key)));
    }
    auto value = parse(text->get());
    if (!value.ok()) {
      return Fail(*node, fmt::format("{}: {}", Name(key), value.status().message()));
    }
    *to = *std::move(value);
  }

  void Number(std::string_view key, uint32_t low, uint32_t high, uint32_t* to) {
    const toml::node* node = Take(key);
    if (node == nullptr) {
      return;
    }
    const auto* number = node->as_integer();
    if (number == nullptr || number->get() < low || number->get() > high) {
      return Fail(*node, fmt::format("{} must be a whole number from {} to {}", Name(key), low, high));
    }
    *to = static_cast<uint32_t>(number->get());
  }

  void Bool(std::string_view key, bool* to) {
    const toml::node* node = Take(key);
    if (node == nullptr) {
      return;
    }
    const auto* flag = node->as_boolean();
    if (flag == nullptr) {
      return Fail(*node, fmt::format("{} must be true or false", Name(key)));
    }
    *to = flag->get();
  }

  // The sub-table `key`; null if it is absent.
  const toml::table* Table(std::string_view key) {
    const toml::node* node = Take(key);
    if (node == nullptr) {
      return nullptr;
    }
    if (node->as_table() == nullptr) {
      Fail(*node, fmt::format("{} must be a table: write [{}.NAME]", Name(key), key));
    }
    return node->as_table();
  }

  // The first fault, or a setting nobody asked for.
  Status Finish() {
    for (const auto& [key, node] : table_) {
      if (status_.ok() && std::find(known_.begin(), known_.end(), key.str()) == known_.end()) {
        FailAt(key.source().begin.line,
               fmt::format("'{}' is not a setting{}: the settings are {}", key.str(),
                           where_.empty() ? "" : fmt::format(" of [{}]", where_), fmt::join(known_, ", ")));
      }
    }
    return status_;
  }

 private:
  const toml::node* Take(std::string_view key) {
    known_.push_back(key);
    return status_.ok() ? table_.get(key) : nullptr;
  }
  std::string Name(std::string_view key) const {
    return where_.empty() ? std::string(key) : fmt::format("{} of [{}]", key, where_);
  }
  void Fail(const toml::node& node, std::string text) { FailAt(node.source().begin.line, std::move(text)); }
  void FailAt(uint32_t line, std::string text) {
    status_ = InvalidArgument(fmt::format("{}:{}: {}", path_, line, text));
  }

  const toml::table& table_;
  const std::string path_, where_;
  std::vector<std::string_view> known_;
  Status status_;
};

Result<Access> ParseAccess(std::string_view text) {
  if (text == "owner") {
    return Access::kOwner;
  }
  if (text == "everybody") {
    return Access::kEverybody;
  }
  return InvalidArgument(fmt::format("'{}' is not an access rule: use owner or everybody", text));
}

Result<ListenAddress> ParseListenAddress(std::string_view text) {
  const Status bad = InvalidArgument(
      fmt::format("'{}' is not a listen address: use ADDRESS:PORT, for example 127.0.0.1:9402", text));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return bad;
  }
  ListenAddress address;
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  address.host = host;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, address.port);
  if (error != std::errc() || rest != end || address.port == 0) {
    return bad;
  }
  return address;
}

Result<Permille> ParseShareAboveZero(std::string_view text) {
  FLEXAI_ASSIGN_OR_RETURN(const Permille share, ParsePermille(text));
  if (share.value == 0) {
    return InvalidArgument("a share must be above 0%");
  }
  return share;
}

Status ReadDevice(const toml::table& table, std::string_view path, const std::string& id, Config* config) {
  TableReader reader(table, path, "device." + id);
  DeviceConfig& device = config->devices[id];
  reader.Bool("enabled", &device.enabled);
  reader.Text("memory", ParseBytes, &device.memory);
  reader.Text("reserve", ParseBytes, &device.reserve);
  reader.Text("session_overhead", ParseBytes, &device.session_overhead);
  return reader.Finish();
}

}  // namespace

Result<Config> ParseConfig(std::string_view text, std::string_view path) {
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    return InvalidArgument(fmt::format("{}:{}: {}", path, parsed.error().source().begin.line,
                                       telemetry::OneLine(parsed.error().description())));
  }
  Config config;
  TableReader reader(parsed.table(), path, "");
  reader.Text("log_level", telemetry::ParseLogLevel, &config.log_level);
  reader.Text("access", ParseAccess, &config.access);
  reader.Text("http_listen", ParseListenAddress, &config.http_listen);
  reader.Number("max_sessions", 1, 65536, &config.max_sessions);
  reader.Number("max_vxpus_per_user", 1, 65536, &config.max_vxpus_per_user);
  reader.Text("default_share", ParseShareAboveZero, &config.default_share);
  reader.Text("max_command", ParseNanos, &config.max_command);
  reader.Text("idle_exit", ParseNanos, &config.idle_exit);
  const toml::table* devices = reader.Table("device");
  FLEXAI_RETURN_IF_ERROR(reader.Finish());
  if (devices != nullptr) {
    for (const auto& [id, node] : *devices) {
      if (!node.is_table()) {
        return InvalidArgument(fmt::format("{}:{}: '{}' of [device] must be a table: write [device.{}]", path,
                                           node.source().begin.line, id.str(), id.str()));
      }
      FLEXAI_RETURN_IF_ERROR(ReadDevice(*node.as_table(), path, std::string(id.str()), &config));
    }
  }
  return config;
}

Result<Config> LoadConfig(const std::string& path, bool must_exist) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    if (must_exist) {
      return NotFound(fmt::format("the configuration file '{}' does not exist", path));
    }
    return Config{};
  }
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) {
    return PermissionDenied(fmt::format("the configuration file '{}' cannot be read", path));
  }
  return ParseConfig(text, path);
}

}  // namespace flexai::node
