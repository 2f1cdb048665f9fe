// The devices of a machine, as `flexai-executor --probe` saw them.
//
// Thread safety: values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"

namespace flexai::node {

struct Device {
  std::string id;  // "pocl-0": the platform's short name and a number; stable while the machine's set is
  uint32_t platform = 0;  // index of the platform in the probe
  uint32_t index = 0;     // of the device within its platform
  std::string platform_name, platform_version;
  std::string name, vendor, type, driver_version;  // type: "cpu", "gpu", "accelerator" or "custom"
  Bytes memory;
  uint32_t compute_units = 0;
  std::string problem;  // why it cannot be used, one sentence; empty if it can
};

// Whether two devices are of one platform. Its number alone would do within one inventory; a device that a
// later look did not find any more keeps the number of its own. Names alone would not: two drivers may have
// the same.
bool OnOnePlatform(const Device& one, const Device& other);

struct Inventory {
  std::vector<Device> devices;      // ordered by platform and index
  std::vector<std::string> errors;  // of platforms that did not load, one sentence each
};

// Reads the probe's JSON (docs/formats/probe.md). The probe loads vendors' libraries, so its output is
// checked like any input: kInternal naming what is malformed.
Result<Inventory> ParseProbe(std::string_view json);

// Runs `executor --probe` and parses its output. Vendors' libraries are loaded in that process only; its
// crash or hang is an error here. Blocks up to `timeout`.
Result<Inventory> Probe(const std::string& executor, Nanos timeout = Seconds(30));

// The devices a selector names, in inventory order: a device id ("pocl-0"), a platform's short name ("pocl"),
// a type
// ("gpu"), or "any" and the empty text for all. kNotFound naming the known devices if there is none.
Result<std::vector<const Device*>> SelectDevices(const Inventory& inventory, std::string_view selector);

}  // namespace flexai::node
