// Types for the units whose mix-up would cost: memory in bytes, compute in permille of a device, time in
// nanoseconds; and the one parser and printer of each, used by every command and file format.
//
// Header-only apart from the parsers. Thread safety: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace flexai {

struct Bytes {
  uint64_t value = 0;
  auto operator<=>(const Bytes&) const = default;
};

// 1000 permille is one whole device.
struct Permille {
  uint32_t value = 0;
  auto operator<=>(const Permille&) const = default;
};
inline constexpr Permille kWholeDevice{1000};

struct Nanos {
  int64_t value = 0;
  auto operator<=>(const Nanos&) const = default;
};
constexpr Nanos operator+(Nanos a, Nanos b) { return {a.value + b.value}; }
constexpr Nanos operator-(Nanos a, Nanos b) { return {a.value - b.value}; }
constexpr Nanos Micros(int64_t us) { return {us * 1000}; }
constexpr Nanos Millis(int64_t ms) { return {ms * 1000 * 1000}; }
constexpr Nanos Seconds(int64_t s) { return {s * 1000 * 1000 * 1000}; }

// "2Gi", "512Mi", "1.5Gi", "4096", "10MB", "10M": powers of 1024 with an i, of 1000 without.
// Fails on anything else, on a negative value and on overflow, naming the text.
Result<Bytes> ParseBytes(std::string_view text);
// "2.0 GiB", "135 MiB", "17 B".
std::string FormatBytes(Bytes bytes);

// "30%", "12.5%", "0.1%", or a permille count "300m". Steps of 0.1 %, 0 to 100 %; finer steps are refused.
Result<Permille> ParsePermille(std::string_view text);
// "30 %", "12.5 %".
std::string FormatPermille(Permille share);

// "150us", "2ms", "5s", "3m", "1h".
Result<Nanos> ParseNanos(std::string_view text);
// "1.50 ms" and the like, three significant digits.
std::string FormatNanos(Nanos duration);

}  // namespace flexai
