#include "suite.h"

#include <nlohmann/json.hpp>

#include "os/files.h"

namespace flexai::bench {
namespace {

std::vector<std::string> TransferNames() {
  std::vector<std::string> names;
  for (const char* kind : {"read", "write", "map"}) {
    for (const char* size : {"4KiB", "64KiB", "1MiB", "16MiB", "256MiB"}) {
      for (const char* heat : {"cold", "warm"}) {
        names.push_back(std::string(kind) + "_bandwidth_" + size + "_" + heat);
      }
    }
  }
  return names;
}

std::vector<std::string> ShareNames() {
  std::vector<std::string> names{"share_cost"};
  for (const char* set : {"70_30", "50_30_20", "ten"}) {
    for (const char* lengths : {"equal", "mixed"}) {
      names.push_back(std::string("share_error_") + set + "_" + lengths);
    }
  }
  return names;
}

template <typename T>
std::optional<T> Optional(const nlohmann::json& value) {
  return value.is_null() ? std::nullopt : std::optional<T>(value.get<T>());
}

}  // namespace

std::vector<Group> RuntimeGroups(const Suite& suite, const std::string& demo_program) {
  const auto of = [&suite](Result<Rows> (*measure)(const Suite&)) {
    return [&suite, measure] { return measure(suite); };
  };
  return {
      {{"kernel_throughput_100us", "kernel_throughput_1ms", "kernel_throughput_10ms"}, of(MeasureThroughput)},
      {{"enqueue_caller", "enqueue_caller_asleep"}, of(MeasureEnqueue)},
      {{"blocking_round_trip"}, of(MeasureRoundTrip)},
      {TransferNames(), of(MeasureTransfer)},
      {ShareNames(), of(MeasureShareError)},
      {{"share_capped"}, of(MeasureShareCapped)},
      {{"share_burst"}, of(MeasureShareBurst)},
      {{"priority_p99"}, of(MeasurePriority)},
      {{"mixed_utilisation_gain"}, [&suite, demo_program] { return MeasureDemo(suite, demo_program); }},
      {{"attach_time"}, of(MeasureAttach)},
      {{"attach_time_with_run"}, of(MeasureAttachByRun)},
      {{"idle_cpu"}, of(MeasureIdle)}};
}

// The demo is a program of its own, which writes demo.json beside this suite's file; its rows are taken over.
Result<Rows> MeasureDemo(const Suite& suite, const std::string& demo_program) {
  os::SpawnOptions options;
  options.program = demo_program;
  options.arguments = {"--output", suite.rig.folders().output};
  if (suite.quick) {
    options.arguments.push_back("--quick");
  }
  options.environment = os::Environment();
  FLEXAI_ASSIGN_OR_RETURN(const os::Output output, os::RunAndCapture(std::move(options), Seconds(1200)));
  if (output.exit.signaled || output.exit.value != 0) {
    return Internal("The demo failed; run demo/run to see why.");
  }
  FLEXAI_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(suite.rig.folders().output + "/demo.json"));
  const auto json = nlohmann::json::parse(text, nullptr, false);
  Rows rows;
  for (const auto& result : json.value("results", nlohmann::json::array())) {
    Measurement row{.name = result.at("name"), .value = result.at("value"), .unit = result.at("unit")};
    row.reference = Optional<double>(result.at("reference"));
    row.ratio = Optional<double>(result.at("ratio"));
    row.target = Optional<std::string>(result.at("target")).value_or("");
    row.met = Optional<bool>(result.at("met"));
    row.note = result.value("note", "");
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace flexai::bench
