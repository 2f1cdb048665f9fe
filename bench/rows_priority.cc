// priority_p99: a service at high priority beside two tenants that fill the device at low priority.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "statistics.h"
#include "suite.h"

namespace flexai::bench {
namespace {

constexpr double kMs = 1e6;
constexpr double kThinkUs = 8000;  // mean of an exponential pause between requests
constexpr int kKernels = 20;       // of 1 ms each, in one request

struct Neighbours {
  std::vector<LineClient> clients;

  Status Begin(const Suite& suite) {
    for (LineClient& client : clients) {
      FLEXAI_RETURN_IF_ERROR(client.Send(fmt::format("burn {} 1000000", suite.Iterations(kMs))));
    }
    return {};
  }
  Status End() {
    for (LineClient& client : clients) {
      FLEXAI_RETURN_IF_ERROR(client.Ask("stop").ok() ? Status() : Internal("A saturating tenant ended."));
    }
    return {};
  }
};

// p99 of one run of requests, milliseconds. The seed makes the pauses the same alone and beside the others.
Result<double> P99(const Suite& suite, LineClient& service, uint64_t seed, bool sync) {
  const std::string command = fmt::format("service {} {} {} {} {} {}", suite.Count(500, 5), seed, kThinkUs,
                                          suite.Iterations(kMs), kKernels, sync ? 1 : 0);
  FLEXAI_ASSIGN_OR_RETURN(const auto answer, service.Ask(command, Seconds(600)));
  return Quantile(answer.at("latency_ms").get<std::vector<double>>(), 0.99);
}

struct Latencies {
  std::vector<double> alone;
  std::vector<double> beside;
};

// Interleaved: in even pairs alone comes first, in odd ones beside the others.
Result<Latencies> MeasurePairs(const Suite& suite, LineClient& service, Neighbours& neighbours, int pairs,
                               bool sync) {
  Latencies latencies;
  for (int pair = 0; pair < pairs; ++pair) {
    for (int half = 0; half < 2; ++half) {
      const bool alone = (pair + half) % 2 == 0;
      if (!alone) {
        FLEXAI_RETURN_IF_ERROR(neighbours.Begin(suite));
      }
      FLEXAI_ASSIGN_OR_RETURN(const double p99, P99(suite, service, static_cast<uint64_t>(pair), sync));
      if (!alone) {
        FLEXAI_RETURN_IF_ERROR(neighbours.End());
      }
      (alone ? latencies.alone : latencies.beside).push_back(p99);
    }
  }
  return latencies;
}

Measurement PriorityRow(const std::string& name, const Latencies& latencies) {
  std::vector<double> ratios;
  std::vector<std::string> texts;
  for (size_t i = 0; i < latencies.alone.size(); ++i) {
    ratios.push_back(latencies.beside[i] / latencies.alone[i]);
  }
  Measurement row{.name = name, .value = Median(latencies.beside), .unit = "ms"};
  row.reference = Median(latencies.alone);
  row.ratio = Median(ratios);
  row.note = fmt::format("reference: alone; ratio: median of {} pairs, {:.3f} to {:.3f}", ratios.size(),
                         Quantile(ratios, 0), Quantile(ratios, 1));
  return row;
}

Result<Neighbours> StartNeighbours(const Suite& suite, bool native) {
  Neighbours neighbours;
  for (int i = 0; i < 2; ++i) {
    auto client = native ? suite.StartNative()
                         : suite.StartOn({.share_permille = 300, .priority = "low", .memory = "512Mi"});
    FLEXAI_ASSIGN_OR_RETURN(LineClient started, std::move(client));
    neighbours.clients.push_back(std::move(started));
  }
  return neighbours;
}

}  // namespace

Result<Rows> MeasurePriority(const Suite& suite) {
  Rows rows;
  {
    FLEXAI_ASSIGN_OR_RETURN(Neighbours neighbours, StartNeighbours(suite, false));
    FLEXAI_ASSIGN_OR_RETURN(LineClient service,
                            suite.StartOn({.share_permille = 400, .priority = "high", .memory = "512Mi"}));
    FLEXAI_ASSIGN_OR_RETURN(const Latencies latencies,
                            MeasurePairs(suite, service, neighbours, suite.Count(5, 1), false));
    rows.push_back(PriorityRow("priority_p99", latencies));
    rows[0].target = "ratio <= 1.10";
    rows[0].met = *rows[0].ratio <= 1.10;
    FLEXAI_ASSIGN_OR_RETURN(const Latencies synced,
                            MeasurePairs(suite, service, neighbours, suite.Count(3, 1), true));
    rows.push_back(PriorityRow("priority_p99_sync_each_kernel", synced));
  }
  FLEXAI_ASSIGN_OR_RETURN(Neighbours neighbours, StartNeighbours(suite, true));
  FLEXAI_ASSIGN_OR_RETURN(LineClient service, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(const Latencies native, MeasurePairs(suite, service, neighbours, 1, false));
  rows.push_back(PriorityRow("priority_p99_native_uncontrolled", native));
  return rows;
}

}  // namespace flexai::bench
