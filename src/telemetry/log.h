// The log of a process: one line a record, to a stream a person or the journal reads.
//
// A record is never split, never holds a line break or control character (they are written as \n, \xNN: text
// from tenants must not forge records), and is written by one write to an unbuffered stream. Two layouts:
// kPlain "2026-01-31T12:00:00.000Z warning flexaid: text" and kJournal "<4>text", where the journal adds time
// and name itself.
//
// Thread safety: a Log may be used by many threads; SetLevel too. The stream must outlive the Log.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/status.h"

namespace flexai::telemetry {

enum class LogLevel : uint8_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// "debug", "info", "warning", "error".
std::string_view LogLevelName(LogLevel level);
// Fails on any other text, naming it and the four names.
Result<LogLevel> ParseLogLevel(std::string_view text);

enum class LogLayout : uint8_t { kPlain, kJournal };

// kJournal if systemd connected this process's output to its journal (JOURNAL_STREAM), else kPlain.
LogLayout LayoutForStderr();

class Log {
 public:
  // Records below `minimum` are dropped. `program` names the writer in the plain layout.
  Log(std::string program, LogLevel minimum, LogLayout layout, std::FILE* stream = stderr);

  void SetLevel(LogLevel minimum) { minimum_.store(minimum, std::memory_order_relaxed); }
  bool Enabled(LogLevel level) const { return level >= minimum_.load(std::memory_order_relaxed); }

  template <typename... Args>
  void Debug(fmt::format_string<Args...> text, Args&&... args) {
    Write(LogLevel::kDebug, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Info(fmt::format_string<Args...> text, Args&&... args) {
    Write(LogLevel::kInfo, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Warning(fmt::format_string<Args...> text, Args&&... args) {
    Write(LogLevel::kWarning, text, std::forward<Args>(args)...);
  }
  template <typename... Args>
  void Error(fmt::format_string<Args...> text, Args&&... args) {
    Write(LogLevel::kError, text, std::forward<Args>(args)...);
  }

  // One record of ready text.
  void Record(LogLevel level, std::string_view text);

 private:
  template <typename... Args>
  void Write(LogLevel level, fmt::format_string<Args...> text, Args&&... args) {
    if (Enabled(level)) {
      Record(level, fmt::format(text, std::forward<Args>(args)...));
    }
  }

  const std::string program_;
  std::atomic<LogLevel> minimum_;
  const LogLayout layout_;
  std::FILE* const stream_;
};

// `text` with line breaks and other control characters written as escapes.
std::string OneLine(std::string_view text);

}  // namespace flexai::telemetry
