#include "telemetry/metrics.h"

#include <fmt/core.h>

#include <cassert>
#include <cmath>

namespace flexai::telemetry {
namespace {

[[maybe_unused]] bool IsMetricName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
    return false;
  }
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(c >= '0' && c <= '9')) {
      return false;
    }
  }
  return true;
}

// Help text escapes backslash and line feed; a label value the double quote too.
std::string Escaped(std::string_view text, bool quote) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\\\";
    } else if (c == '\n') {
      escaped += "\\n";
    } else if (c == '"' && quote) {
      escaped += "\\\"";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string ValueText(double value) {
  if (std::isnan(value)) {
    return "NaN";
  }
  if (std::isinf(value)) {
    return value > 0 ? "+Inf" : "-Inf";
  }
  return fmt::format("{}", value);  // the shortest text that reads back as the same double
}

std::string LabelText(const Labels& labels) {
  if (labels.empty()) {
    return "";
  }
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    text += fmt::format("{}{}=\"{}\"", text.size() > 1 ? "," : "", name, Escaped(value, true));
  }
  return text + "}";
}

}  // namespace

Counter& MetricRegistry::GetCounter(std::string_view name, std::string_view help, const Labels& labels) {
  return GetSeries(name, help, MetricType::kCounter, labels).counter;
}

Gauge& MetricRegistry::GetGauge(std::string_view name, std::string_view help, const Labels& labels) {
  return GetSeries(name, help, MetricType::kGauge, labels).gauge;
}

MetricRegistry::Series& MetricRegistry::GetSeries(std::string_view name, std::string_view help,
                                                  MetricType type, const Labels& labels) {
  assert(IsMetricName(name));
  const std::lock_guard lock(mutex_);
  auto found = families_.find(name);
  if (found == families_.end()) {
    found = families_.emplace(std::string(name), Family{std::string(help), type, {}}).first;
  }
  Family& family = found->second;
  assert(family.type == type);
  for (const auto& series : family.series) {
    if (series->labels == labels) {
      return *series;
    }
  }
  family.series.push_back(std::make_unique<Series>());
  family.series.back()->labels = labels;
  return *family.series.back();
}

std::vector<MetricFamily> MetricRegistry::Collect() const {
  const std::lock_guard lock(mutex_);
  std::vector<MetricFamily> collected;
  for (const auto& [name, family] : families_) {
    MetricFamily& out = collected.emplace_back(MetricFamily{name, family.help, family.type, {}});
    for (const auto& series : family.series) {
      const double value = family.type == MetricType::kCounter ? static_cast<double>(series->counter.value())
                                                               : series->gauge.value();
      out.samples.push_back({series->labels, value});
    }
  }
  return collected;
}

std::string ExpositionText(std::span<const MetricFamily> families) {
  std::string text;
  for (const MetricFamily& family : families) {
    assert(IsMetricName(family.name));
    if (family.samples.empty()) {
      continue;
    }
    text += fmt::format("# HELP {} {}\n# TYPE {} {}\n", family.name, Escaped(family.help, false), family.name,
                        family.type == MetricType::kCounter ? "counter" : "gauge");
    for (const MetricSample& sample : family.samples) {
      text += fmt::format("{}{} {}\n", family.name, LabelText(sample.labels), ValueText(sample.value));
    }
  }
  return text;
}

}  // namespace flexai::telemetry
