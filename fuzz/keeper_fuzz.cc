// Requests to a keeper: each line of the input is one packet, to a keeper in virtual time.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/json.h"
#include "sim/world.h"
#include "telemetry/log.h"

using namespace flexai;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static std::FILE* const silent = std::fopen("/dev/null", "w");
  telemetry::Log log("fuzz", telemetry::LogLevel::kError, telemetry::LogLayout::kPlain, silent);
  sim::World world(1);
  world.clock.Set(Seconds(100));
  sim::SimExecutors executors(world);
  keeper::Options options;
  options.device = "fuzz-0";
  options.log_dir = "/nonexistent";
  options.memory = {uint64_t{4} << 30};
  options.session_overhead = Bytes{100 << 20};
  auto keeper = std::move(keeper::Keeper::Create(world, executors, log, world.clock, options, 1).value());
  std::istringstream lines(std::string(reinterpret_cast<const char*>(data), size));
  for (std::string line; std::getline(lines, line);) {
    const nlohmann::json request = ParseJson(line);
    if (request.is_object()) {  // as keeper::Server does
      keeper->Handle(request, {}, [](const keeper::Answer&) {});
      world.RunUntil(world.clock.Now() + Millis(10));
    }
  }
  keeper.reset();
  return 0;
}
