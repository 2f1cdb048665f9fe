// flexai devices, ps and top: what there is, and what it does.
#pragma once

#include <string>

#include "base/units.h"
#include "cli/command.h"

namespace flexai::cli {

// Starts an embedded daemon if none runs: the devices are there also when nobody uses them.
int ShowDevices(const Context& context);

struct PsOptions {
  bool quiet = false;  // ids of vXPUs only
  bool ended = false;  // sessions that ended lately too
};
int ShowVxpus(const Context& context, const PsOptions& options);

struct TopOptions {
  bool once = false;
  Nanos interval = Seconds(1);
  int64_t rounds = -1;  // stop after so many; -1: until interrupted
};
int Top(const Context& context, const TopOptions& options);

// One screen of `top` from two answers of /v1/devices and /v1/vxpus; the device's clock in them tells the
// time between. Exposed for its test.
nlohmann::json TopFigures(const nlohmann::json& devices_before, const nlohmann::json& vxpus_before,
                          const nlohmann::json& devices_now, const nlohmann::json& vxpus_now);
std::string FormatTop(const nlohmann::json& figures);

}  // namespace flexai::cli
