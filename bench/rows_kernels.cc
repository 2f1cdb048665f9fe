// kernel_throughput_*, enqueue_caller, blocking_round_trip.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "statistics.h"
#include "suite.h"

namespace flexai::bench {
namespace {

struct Pair {
  LineClient native;
  LineClient ours;
};

Result<Pair> StartPair(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(LineClient native, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(LineClient ours, suite.StartOn({}));
  return Pair{std::move(native), std::move(ours)};
}

struct Answers {
  nlohmann::json native;
  nlohmann::json ours;
};

// The same command to both, one after the other; who is first changes with `round`.
Result<Answers> AskBoth(Pair& pair, const std::string& command, int round) {
  Answers answers;
  if (round % 2 == 0) {
    FLEXAI_ASSIGN_OR_RETURN(answers.native, pair.native.Ask(command));
    FLEXAI_ASSIGN_OR_RETURN(answers.ours, pair.ours.Ask(command));
  } else {
    FLEXAI_ASSIGN_OR_RETURN(answers.ours, pair.ours.Ask(command));
    FLEXAI_ASSIGN_OR_RETURN(answers.native, pair.native.Ask(command));
  }
  return answers;
}

void Append(const nlohmann::json& samples, std::vector<double>* to) {
  const auto values = samples.get<std::vector<double>>();
  to->insert(to->end(), values.begin(), values.end());
}

struct Samples {
  std::vector<double> native;
  std::vector<double> ours;
};

// All samples that `command` gives under `key`, over several interleaved rounds.
Result<Samples> Collect(Pair& pair, const std::string& command, const char* key, int rounds) {
  Samples samples;
  for (int round = 0; round < rounds; ++round) {
    FLEXAI_ASSIGN_OR_RETURN(const Answers answers, AskBoth(pair, command, round));
    Append(answers.native.at(key), &samples.native);
    Append(answers.ours.at(key), &samples.ours);
  }
  return samples;
}

Measurement MedianRow(const std::string& name, const Samples& samples) {
  Measurement row{.name = name, .value = Median(samples.ours), .unit = "us"};
  row.note = fmt::format("p99 {:.2f} us, native {:.2f} us", Quantile(samples.ours, 0.99),
                         Quantile(samples.native, 0.99));
  return WithReference(row, Median(samples.native));
}

Result<Measurement> ThroughputRow(const Suite& suite, Pair& pair, const std::string& name, double kernel_ns) {
  const double round_ns = suite.quick ? 20e6 : 500e6;
  const int count = std::max(1, static_cast<int>(round_ns / kernel_ns));
  const std::string command = fmt::format("throughput {} {}", suite.Iterations(kernel_ns), count);
  std::vector<double> ratios;
  Samples rates;
  for (int round = 0; round < suite.Count(16, 2); ++round) {
    FLEXAI_ASSIGN_OR_RETURN(const Answers answers, AskBoth(pair, command, round));
    rates.native.push_back(count / answers.native.at("seconds").get<double>());
    rates.ours.push_back(count / answers.ours.at("seconds").get<double>());
    ratios.push_back(rates.ours.back() / rates.native.back());
  }
  Measurement row{.name = name, .value = Median(rates.ours), .unit = "kernels/s", .target = "ratio >= 0.97"};
  row.reference = Median(rates.native);
  row.ratio = Median(ratios);
  row.met = *row.ratio >= 0.97;
  row.note = "ratio: median of interleaved pairs";
  return row;
}

}  // namespace

Result<Rows> MeasureThroughput(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(Pair pair, StartPair(suite));
  Rows rows;
  const std::pair<const char*, double> kernels[] = {{"100us", 1e5}, {"1ms", 1e6}, {"10ms", 1e7}};
  for (const auto& [length, kernel_ns] : kernels) {
    const std::string name = fmt::format("kernel_throughput_{}", length);
    if (suite.Wants(name)) {
      FLEXAI_ASSIGN_OR_RETURN(Measurement row, ThroughputRow(suite, pair, name, kernel_ns));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

Result<Rows> MeasureEnqueue(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(Pair pair, StartPair(suite));
  const int rounds = suite.Count(20, 2);
  FLEXAI_ASSIGN_OR_RETURN(const Samples burst, Collect(pair, "enqueue 1000 1", "call_us", rounds));
  Measurement caller = MedianRow("enqueue_caller", burst);
  caller.target = "<= 1.5 us";
  caller.met = caller.value <= 1.5;
  FLEXAI_ASSIGN_OR_RETURN(const Samples asleep,
                          Collect(pair, "enqueue_asleep 20000 10", "call_us", rounds / 2));
  return Rows{caller, MedianRow("enqueue_caller_asleep", asleep)};
}

Result<Rows> MeasureRoundTrip(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(Pair pair, StartPair(suite));
  const int rounds = suite.Count(10, 2);
  const std::pair<const char*, const char*> variants[] = {
      {"blocking_round_trip", "round_trip finish 0 500"},
      {"blocking_round_trip_read", "round_trip read 0 500"},
      {"blocking_round_trip_paused", "round_trip finish 500 100"},
  };
  Rows rows;
  for (const auto& [name, command] : variants) {
    FLEXAI_ASSIGN_OR_RETURN(const Samples samples, Collect(pair, command, "round_trip_us", rounds));
    rows.push_back(MedianRow(name, samples));
  }
  rows[0].target = "native + <= 15 us";
  rows[0].met = rows[0].value <= *rows[0].reference + 15;
  return rows;
}

}  // namespace flexai::bench
