// Metrics of a process and their text for Prometheus (exposition format 0.0.4).
//
// A MetricRegistry keeps what a program counts as it runs; values that already live elsewhere (a keeper's
// account) become MetricFamily values at the moment of a scrape. ExpositionText writes both.
//
// Names follow Prometheus' rules: base units (seconds, bytes), `_total` for counters. A malformed name, or
// one name used with two types, is our own mistake and asserts.
//
// Thread safety: Counter and Gauge are atomic; a MetricRegistry may be used by many threads. References it
// returns stay valid for the registry's life.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flexai::telemetry {

enum class MetricType : uint8_t { kCounter, kGauge };

// Label names and values; order is kept.
using Labels = std::vector<std::pair<std::string, std::string>>;

struct MetricSample {
  Labels labels;
  double value = 0;
};

struct MetricFamily {
  std::string name;
  std::string help;
  MetricType type = MetricType::kGauge;
  std::vector<MetricSample> samples;
};

// Only grows.
class Counter {
 public:
  void Add(uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class MetricRegistry {
 public:
  // The counter or gauge of this name and labels, made on first use.
  Counter& GetCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& GetGauge(std::string_view name, std::string_view help, const Labels& labels = {});

  // Every family with its values now, ordered by name.
  std::vector<MetricFamily> Collect() const;

 private:
  struct Series {
    Labels labels;
    Counter counter;
    Gauge gauge;
  };
  struct Family {
    std::string help;
    MetricType type;
    std::vector<std::unique_ptr<Series>> series;
  };

  Series& GetSeries(std::string_view name, std::string_view help, MetricType type, const Labels& labels);

  mutable std::mutex mutex_;
  std::map<std::string, Family, std::less<>> families_;
};

// The text of the families in the order given. Families without samples are left out.
std::string ExpositionText(std::span<const MetricFamily> families);

}  // namespace flexai::telemetry
