#include "keeper/options.h"

#include <fmt/core.h>

#include <charconv>
#include <cstdlib>
#include <functional>
#include <map>

#include "os/user.h"

namespace flexai::keeper {
namespace {

constexpr char kUsage[] =
    "usage: flexai-keeper --device ID --socket PATH --lock PATH --executor PATH --memory BYTES --reserve "
    "BYTES\n"
    "                     --log-dir DIR [--cache-dir DIR] [--session-overhead BYTES] [--max-command-seconds "
    "N]\n"
    "                     [--freeze]\n"
    "Holds the shares and memory quotas of one device and starts its executors. flexaid runs it.";

std::string DefaultCacheFolder() {
  if (os::EffectiveUser() == 0) {
    return "/var/cache/flexai";
  }
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && cache[0] == '/') {
    return std::string(cache) + "/flexai";
  }
  const char* home = std::getenv("HOME");
  return home != nullptr && home[0] == '/' ? std::string(home) + "/.cache/flexai" : "";
}

Status ParseSeconds(const std::string& text, Nanos* value) {
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr int64_t kMost = 1'000'000'000;
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > kMost) {
    return InvalidArgument(fmt::format("\"{}\" is not a number of seconds", text));
  }
  *value = Seconds(seconds);
  return {};
}

Status ParseSize(const std::string& text, Bytes* value) {
  FLEXAI_ASSIGN_OR_RETURN(*value, ParseBytes(text));
  return {};
}

}  // namespace

Result<Options> ParseOptions(const std::vector<std::string>& arguments) {
  Options options;
  options.cache_dir = DefaultCacheFolder();
  const auto text = [](std::string* value) {
    return [value](const std::string& given) {
      *value = given;
      return given.empty() ? InvalidArgument("it is empty") : Status();
    };
  };
  const auto size = [](Bytes* value) {
    return [value](const std::string& given) { return ParseSize(given, value); };
  };
  const std::map<std::string, std::function<Status(const std::string&)>> known = {
      {"--device", text(&options.device)},
      {"--socket", text(&options.socket)},
      {"--lock", text(&options.lock)},
      {"--executor", text(&options.executor)},
      {"--log-dir", text(&options.log_dir)},
      {"--cache-dir", text(&options.cache_dir)},
      {"--memory", size(&options.memory)},
      {"--reserve", size(&options.reserve)},
      {"--session-overhead", size(&options.session_overhead)},
      {"--max-command-seconds",
       [&options](const std::string& given) { return ParseSeconds(given, &options.longest_command); }},
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (name == "--help") {
      return NotFound(kUsage);
    }
    if (name == "--freeze") {
      options.freeze = true;
      continue;
    }
    const auto found = known.find(name);
    if (found == known.end()) {
      return InvalidArgument(fmt::format("unknown argument {} (see --help)", name));
    }
    if (++i == arguments.size()) {
      return InvalidArgument(fmt::format("{} needs a value", name));
    }
    FLEXAI_RETURN_IF_ERROR(found->second(arguments[i]).WithContext(name));
  }
  for (const auto& [name, value] : {std::pair("--device", options.device),
                                    {"--socket", options.socket},
                                    {"--lock", options.lock},
                                    {"--executor", options.executor},
                                    {"--log-dir", options.log_dir}}) {
    if (value.empty()) {
      return InvalidArgument(fmt::format("{} is missing (see --help)", name));
    }
  }
  if (options.memory.value == 0) {
    return InvalidArgument("--memory is missing (see --help)");
  }
  return options;
}

}  // namespace flexai::keeper
