// What flexaid must know of a machine's OpenCL devices, gathered in a process of its own (flexai-executor
// --probe): a driver that crashes there harms nobody. docs/formats/probe.md shows the JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"

namespace flexai::device::opencl {

struct DeviceRecord {
  uint32_t index = 0;  // within its platform
  std::string name, vendor, version, driver_version;
  std::string type;  // "cpu", "gpu", "accelerator", "custom"
  std::string extensions;
  Bytes global_memory;
  Bytes max_allocation;
  uint32_t compute_units = 0;
  bool unified_memory = false;
  bool available = false;
  std::string problem;  // why it can't be used; empty if it can
};

struct PlatformRecord {
  uint32_t index = 0;
  std::string suffix;  // CL_PLATFORM_ICD_SUFFIX_KHR ("POCL"); device ids are made from it
  std::string name, vendor, version, library;
  std::vector<DeviceRecord> devices;
};

struct Inventory {
  std::vector<PlatformRecord> platforms;
  std::vector<std::string> errors;  // drivers that could not be used, one sentence each
};

// Loads every driver and tries a context on each device.
Inventory Probe();

std::string ToJson(const Inventory& inventory);

}  // namespace flexai::device::opencl
