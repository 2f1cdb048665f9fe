#include "telemetry/log.h"

#include <fmt/chrono.h>

#include <array>
#include <chrono>
#include <cstdlib>

namespace flexai::telemetry {
namespace {

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};
// syslog(3) priorities, which the journal reads from the start of a line.
constexpr std::array<int, 4> kJournalPriorities{7, 6, 4, 3};

std::string TimeNow() {
  const auto now = std::chrono::system_clock::now();
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) % 1000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)),
                     millis.count());
}

}  // namespace

std::string_view LogLevelName(LogLevel level) { return kLevelNames[static_cast<size_t>(level)]; }

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (text == kLevelNames[i]) {
      return static_cast<LogLevel>(i);
    }
  }
  return InvalidArgument(fmt::format("'{}' is not a log level: use debug, info, warning or error", text));
}

LogLayout LayoutForStderr() {
  return std::getenv("JOURNAL_STREAM") != nullptr ? LogLayout::kJournal : LogLayout::kPlain;
}

std::string OneLine(std::string_view text) {
  std::string line;
  line.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line += c;
    }
  }
  return line;
}

Log::Log(std::string program, LogLevel minimum, LogLayout layout, std::FILE* stream)
    : program_(std::move(program)), minimum_(minimum), layout_(layout), stream_(stream) {}

void Log::Record(LogLevel level, std::string_view text) {
  if (!Enabled(level)) {
    return;
  }
  const std::string record =
      layout_ == LogLayout::kJournal
          ? fmt::format("<{}>{}\n", kJournalPriorities[static_cast<size_t>(level)], OneLine(text))
          : fmt::format("{} {} {}: {}\n", TimeNow(), LogLevelName(level), program_, OneLine(text));
  // Nowhere to report a log that cannot be written; the program's work goes on.
  (void)std::fwrite(record.data(), 1, record.size(), stream_);
  (void)std::fflush(stream_);
}

}  // namespace flexai::telemetry
