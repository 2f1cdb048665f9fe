// flexaid's configuration file: TOML 1.0, every setting optional. docs/configuration.md describes each.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/units.h"
#include "telemetry/log.h"

namespace flexai::node {

enum class Access : uint8_t {
  kOwner,      // only the user that flexaid runs as, and root
  kEverybody,  // every user of the machine
};

struct DeviceConfig {
  bool enabled = true;
  std::optional<Bytes> memory;   // given to vXPUs and sessions; default: what the device reports
  std::optional<Bytes> reserve;  // of it, kept free of quotas
  std::optional<Bytes>
      session_overhead;  // what a session's context takes on the device; default: the keeper's
};

struct ListenAddress {
  std::string host;  // numeric IPv4 or IPv6
  uint16_t port = 0;
  bool operator==(const ListenAddress&) const = default;
};

struct Config {
  telemetry::LogLevel log_level = telemetry::LogLevel::kInfo;
  std::optional<Access> access;  // default: everybody if flexaid is the system's, else owner
  std::optional<ListenAddress> http_listen;
  uint32_t max_sessions = 256;  // of all devices together
  uint32_t max_vxpus_per_user = 64;
  Permille default_share{100};
  Nanos max_command = Seconds(600);  // 0: no limit
  Nanos idle_exit = Seconds(10);
  std::map<std::string, DeviceConfig, std::less<>> devices;  // by device id
};

// Parses the text of a file. A failure is one sentence that begins "PATH:LINE: ".
Result<Config> ParseConfig(std::string_view text, std::string_view path);

// Reads and parses `path`. A file that does not exist gives the defaults, or kNotFound if `must_exist`.
Result<Config> LoadConfig(const std::string& path, bool must_exist);

}  // namespace flexai::node
