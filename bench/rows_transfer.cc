// read_, write_ and map_bandwidth_SIZE_{cold,warm}.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "statistics.h"
#include "suite.h"

namespace flexai::bench {
namespace {

struct Size {
  const char* name;
  size_t bytes;
  int count;  // transfers in one round
  int rounds;
};

constexpr Size kSizes[] = {{"4KiB", 4 << 10, 200, 8},
                           {"64KiB", 64 << 10, 200, 8},
                           {"1MiB", 1 << 20, 50, 8},
                           {"16MiB", 16 << 20, 8, 8},
                           {"256MiB", 256 << 20, 1, 8}};

constexpr size_t kTargetFrom = 64 << 10;

struct Side {
  LineClient client;
  std::vector<double> seconds;
  std::vector<double> alone;
};

Status Round(Side& side, const std::string& command, std::vector<double>* medians) {
  FLEXAI_ASSIGN_OR_RETURN(const nlohmann::json answer, side.client.Ask(command));
  const auto seconds = answer.at("seconds").get<std::vector<double>>();
  const auto alone = answer.at("map_alone").get<std::vector<double>>();
  medians->push_back(Median(seconds));
  side.seconds.insert(side.seconds.end(), seconds.begin(), seconds.end());
  side.alone.insert(side.alone.end(), alone.begin(), alone.end());
  return {};
}

double GibPerSecond(const Size& size, double seconds) {
  return seconds > 0 ? static_cast<double>(size.bytes) / (1 << 30) / seconds : 0;
}

Result<Measurement> TransferRow(const Suite& suite, Side& native, Side& ours, const std::string& kind,
                                const Size& size, const std::string& heat) {
  // A cold transfer first makes its buffer and fills the caches with something else: fewer of them.
  const int count = heat == "cold" ? std::clamp(size.count / 10, 1, 5) : size.count;
  const std::string command =
      fmt::format("transfer {} {} {} {}", kind, size.bytes, heat, suite.quick ? 1 : count);
  std::vector<double> ratios;
  for (Side* side : {&native, &ours}) {
    side->seconds.clear();
    side->alone.clear();
  }
  for (int round = 0; round < suite.Count(size.rounds, 1); ++round) {
    std::vector<double> native_seconds;
    std::vector<double> our_seconds;
    if (round % 2 == 0) {
      FLEXAI_RETURN_IF_ERROR(Round(native, command, &native_seconds));
    }
    FLEXAI_RETURN_IF_ERROR(Round(ours, command, &our_seconds));
    if (round % 2 == 1) {
      FLEXAI_RETURN_IF_ERROR(Round(native, command, &native_seconds));
    }
    ratios.push_back(native_seconds[0] / our_seconds[0]);
  }
  Measurement row{.name = fmt::format("{}_bandwidth_{}_{}", kind, size.name, heat),
                  .value = GibPerSecond(size, Median(ours.seconds)),
                  .unit = "GiB/s"};
  row.reference = GibPerSecond(size, Median(native.seconds));
  row.ratio = Median(ratios);
  if (size.bytes >= kTargetFrom) {
    row.target = "ratio >= 0.9";
    row.met = *row.ratio >= 0.9;
  }
  if (kind == "map") {
    row.note = fmt::format("map and unmap alone {:.1f} us, native {:.1f} us", Median(ours.alone) * 1e6,
                           Median(native.alone) * 1e6);
  }
  return row;
}

}  // namespace

Result<Rows> MeasureTransfer(const Suite& suite) {
  FLEXAI_ASSIGN_OR_RETURN(LineClient native_client, suite.StartNative());
  FLEXAI_ASSIGN_OR_RETURN(LineClient our_client, suite.StartOn({}));
  Side native{std::move(native_client), {}, {}};
  Side ours{std::move(our_client), {}, {}};
  Rows rows;
  for (const char* kind : {"read", "write", "map"}) {
    for (const Size& size : kSizes) {
      for (const char* heat : {"cold", "warm"}) {
        if (suite.Wants(fmt::format("{}_bandwidth_{}_{}", kind, size.name, heat))) {
          FLEXAI_ASSIGN_OR_RETURN(Measurement row, TransferRow(suite, native, ours, kind, size, heat));
          rows.push_back(std::move(row));
        }
      }
    }
  }
  return rows;
}

}  // namespace flexai::bench
