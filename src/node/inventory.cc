#include "node/inventory.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.h"
#include "os/process.h"

namespace flexai::node {
namespace {

using nlohmann::json;

// A platform's suffix as the first part of a device id: lower case letters and digits.
std::string ShortName(std::string_view suffix) {
  std::string name;
  for (const char c : suffix) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 && name.size() < 24) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return name.empty() ? "opencl" : name;
}

std::string_view PlatformPart(std::string_view id) { return id.substr(0, id.rfind('-')); }

// A whole number from 0 to `most`; throws what json throws for anything else.
uint64_t Whole(const json& object, const char* key, uint64_t most = UINT64_MAX) {
  const uint64_t number = object.at(key).get_ref<const json::number_unsigned_t&>();
  if (number > most) {
    throw json::out_of_range::create(406, fmt::format("'{}' is {}, the most is {}", key, number, most),
                                     &object);
  }
  return number;
}

Device ReadDevice(const json& platform, const json& device) {
  Device read;
  read.platform = static_cast<uint32_t>(Whole(platform, "index", UINT32_MAX));
  read.index = static_cast<uint32_t>(Whole(device, "index", UINT32_MAX));
  read.platform_name = platform.at("name").get<std::string>();
  read.platform_version = platform.value("version", "");
  read.name = device.at("name").get<std::string>();
  read.vendor = device.value("vendor", platform.value("vendor", ""));
  read.type = device.at("type").get<std::string>();
  read.driver_version = device.value("driver_version", "");
  read.memory = {Whole(device, "global_mem_bytes")};
  read.compute_units = device.contains("compute_units")
                           ? static_cast<uint32_t>(Whole(device, "compute_units", UINT32_MAX))
                           : 0;
  read.problem = device.value("problem", "");
  if (read.problem.empty() && !device.value("available", true)) {
    read.problem = "its driver says that it is not available";
  }
  return read;
}

}  // namespace

bool OnOnePlatform(const Device& one, const Device& other) {
  return one.platform == other.platform && one.platform_name == other.platform_name &&
         one.platform_version == other.platform_version;
}

Result<Inventory> ParseProbe(std::string_view text) {
  // nlohmann-json reports a missing key or a wrong type by exceptions; they end here.
  try {
    const json probe = ParseJson(text);
    Inventory inventory;
    std::map<std::string, int> next_number;
    for (const json& platform : probe.at("platforms").get_ref<const json::array_t&>()) {
      const std::string short_name = ShortName(platform.value("suffix", ""));
      for (const json& device : platform.at("devices").get_ref<const json::array_t&>()) {
        Device& read = inventory.devices.emplace_back(ReadDevice(platform, device));
        read.id = fmt::format("{}-{}", short_name, next_number[short_name]++);
      }
    }
    if (const auto errors = probe.find("errors"); errors != probe.end()) {
      inventory.errors = errors->get<std::vector<std::string>>();
    }
    return inventory;
  } catch (const json::exception& error) {
    return Internal(
        fmt::format("flexai-executor --probe printed something else than an inventory: {}", error.what()));
  }
}

Result<Inventory> Probe(const std::string& executor, Nanos timeout) {
  os::SpawnOptions options;
  options.program = executor;
  options.arguments = {"--probe"};
  options.environment = os::Environment({"OCL_ICD_VENDORS", "OCL_ICD_FILENAMES", "FLEXAI_VXPUS"});
  options.die_with_parent = true;
  Result<os::Output> output = os::RunAndCapture(std::move(options), timeout);
  if (!output.ok()) {
    return output.status().WithContext("cannot look for devices");
  }
  if (output->exit.signaled) {
    return Internal(
        fmt::format("flexai-executor --probe was ended by signal {}: an OpenCL driver crashed; try "
                    "'flexai-executor --probe' by hand",
                    output->exit.value));
  }
  if (output->exit.value != 0) {
    return Internal(fmt::format("flexai-executor --probe failed with exit status {}", output->exit.value));
  }
  return ParseProbe(output->out);
}

Result<std::vector<const Device*>> SelectDevices(const Inventory& inventory, std::string_view selector) {
  std::vector<const Device*> selected;
  std::vector<std::string_view> known;
  for (const Device& device : inventory.devices) {
    known.push_back(device.id);
    if (selector.empty() || selector == "any" || selector == device.id ||
        selector == PlatformPart(device.id) || selector == device.type) {
      selected.push_back(&device);
    }
  }
  if (known.empty()) {
    return NotFound("this machine has no OpenCL device: 'flexai doctor' says what is missing");
  }
  if (selected.empty()) {
    return NotFound(
        fmt::format("there is no device '{}': the devices are {}", selector, fmt::join(known, ", ")));
  }
  return selected;
}

}  // namespace flexai::node
