#include "base/units.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cmath>

namespace flexai {
namespace {

struct Suffix {
  std::string_view text;
  double factor;
};

// A decimal number and a suffix from the list; false if the text is anything else or the value is negative.
template <size_t N>
bool ParseWithSuffix(std::string_view text, const std::array<Suffix, N>& suffixes, double* value) {
  double number = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || number < 0 || !std::isfinite(number) || text.front() == '-') {
    return false;
  }
  const std::string_view tail(rest, static_cast<size_t>(end - rest));
  for (const Suffix& suffix : suffixes) {
    if (tail == suffix.text) {
      *value = number * suffix.factor;
      return true;
    }
  }
  return false;
}

constexpr double kKi = 1024.0;
constexpr std::array<Suffix, 18> kByteSuffixes{{{"", 1},
                                                {"B", 1},
                                                {"K", 1e3},
                                                {"KB", 1e3},
                                                {"k", 1e3},
                                                {"M", 1e6},
                                                {"MB", 1e6},
                                                {"G", 1e9},
                                                {"GB", 1e9},
                                                {"T", 1e12},
                                                {"Ki", kKi},
                                                {"KiB", kKi},
                                                {"Mi", kKi* kKi},
                                                {"MiB", kKi* kKi},
                                                {"Gi", kKi* kKi* kKi},
                                                {"GiB", kKi* kKi* kKi},
                                                {"Ti", kKi* kKi* kKi* kKi},
                                                {"TiB", kKi* kKi* kKi* kKi}}};
constexpr std::array<Suffix, 6> kTimeSuffixes{
    {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
constexpr std::array<Suffix, 2> kShareSuffixes{{{"%", 10}, {"m", 1}}};

}  // namespace

Result<Bytes> ParseBytes(std::string_view text) {
  double value = 0;
  if (text.empty() || !ParseWithSuffix(text, kByteSuffixes, &value) || value >= 0x1.0p63) {
    return InvalidArgument(
        fmt::format("'{}' is not a size: use a number with Ki, Mi, Gi or Ti, for example 2Gi", text));
  }
  return Bytes{static_cast<uint64_t>(value)};
}

std::string FormatBytes(Bytes bytes) {
  static constexpr std::array<std::string_view, 5> kNames{"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes.value);
  size_t unit = 0;
  while (value >= kKi && unit + 1 < kNames.size()) {
    value /= kKi;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 || value >= 100 ? 0 : 1, kNames[unit]);
}

Result<Permille> ParsePermille(std::string_view text) {
  double value = 0;
  if (text.empty() || !ParseWithSuffix(text, kShareSuffixes, &value) || value > 1000) {
    return InvalidArgument(fmt::format("'{}' is not a share: use 0.1% to 100%, for example 30%", text));
  }
  const double rounded = std::round(value);
  if (std::fabs(value - rounded) > 1e-6) {
    return InvalidArgument(fmt::format("'{}' is finer than the smallest step of a share, 0.1%", text));
  }
  return Permille{static_cast<uint32_t>(rounded)};
}

std::string FormatPermille(Permille share) {
  if (share.value % 10 == 0) {
    return fmt::format("{} %", share.value / 10);
  }
  return fmt::format("{}.{} %", share.value / 10, share.value % 10);
}

Result<Nanos> ParseNanos(std::string_view text) {
  double value = 0;
  if (text.empty() || !ParseWithSuffix(text, kTimeSuffixes, &value) || value >= 0x1.0p62) {
    return InvalidArgument(
        fmt::format("'{}' is not a duration: use a number with us, ms, s, m or h, for example 5s", text));
  }
  return Nanos{static_cast<int64_t>(value)};
}

std::string FormatNanos(Nanos duration) {
  static constexpr std::array<Suffix, 4> kUnits{{{"s", 1e9}, {"ms", 1e6}, {"us", 1e3}, {"ns", 1}}};
  const double value = static_cast<double>(duration.value);
  for (const Suffix& unit : kUnits) {
    const double scaled = value / unit.factor;
    if (std::fabs(scaled) >= 1) {
      const int decimals = std::fabs(scaled) >= 100 ? 0 : std::fabs(scaled) >= 10 ? 1 : 2;
      return fmt::format("{:.{}f} {}", scaled, decimals, unit.text);
    }
  }
  return "0 ns";
}

}  // namespace flexai
