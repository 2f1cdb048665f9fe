#include "device/opencl/inventory.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "device/opencl/icd.h"

namespace flexai::device::opencl {
namespace {

std::string TypeName(cl_device_type type) {
  if ((type & CL_DEVICE_TYPE_GPU) != 0) {
    return "gpu";
  }
  if ((type & CL_DEVICE_TYPE_CPU) != 0) {
    return "cpu";
  }
  return (type & CL_DEVICE_TYPE_ACCELERATOR) != 0 ? "accelerator" : "custom";
}

// Why no context can be made on the device; empty if one can.
std::string Problem(const Platform& platform, cl_device_id device) {
  if (DeviceNumber<cl_bool>(platform, device, CL_DEVICE_AVAILABLE) == CL_FALSE) {
    return "the driver reports the device as not available";
  }
  cl_int status = CL_SUCCESS;
  cl_context context = platform.api->clCreateContext(nullptr, 1, &device, nullptr, nullptr, &status);
  if (context == nullptr) {
    return fmt::format("the driver makes no context on it (error {})", status);
  }
  platform.api->clReleaseContext(context);
  return {};
}

DeviceRecord Describe(const Platform& platform, cl_device_id device, uint32_t index) {
  DeviceRecord record;
  record.index = index;
  record.name = DeviceText(platform, device, CL_DEVICE_NAME);
  record.vendor = DeviceText(platform, device, CL_DEVICE_VENDOR);
  record.version = DeviceText(platform, device, CL_DEVICE_VERSION);
  record.driver_version = DeviceText(platform, device, CL_DRIVER_VERSION);
  record.type = TypeName(DeviceNumber<cl_device_type>(platform, device, CL_DEVICE_TYPE));
  record.extensions = DeviceText(platform, device, CL_DEVICE_EXTENSIONS);
  record.global_memory = {DeviceNumber<cl_ulong>(platform, device, CL_DEVICE_GLOBAL_MEM_SIZE)};
  record.max_allocation = {DeviceNumber<cl_ulong>(platform, device, CL_DEVICE_MAX_MEM_ALLOC_SIZE)};
  record.compute_units = DeviceNumber<cl_uint>(platform, device, CL_DEVICE_MAX_COMPUTE_UNITS);
  record.unified_memory = DeviceNumber<cl_bool>(platform, device, CL_DEVICE_HOST_UNIFIED_MEMORY) == CL_TRUE;
  record.problem = Problem(platform, device);
  record.available = record.problem.empty();
  return record;
}

nlohmann::json ToJson(const DeviceRecord& device) {
  return {{"index", device.index},
          {"name", device.name},
          {"vendor", device.vendor},
          {"version", device.version},
          {"driver_version", device.driver_version},
          {"type", device.type},
          {"extensions", device.extensions},
          {"global_mem_bytes", device.global_memory.value},
          {"max_alloc_bytes", device.max_allocation.value},
          {"compute_units", device.compute_units},
          {"unified_memory", device.unified_memory},
          {"available", device.available},
          {"problem", device.problem}};
}

}  // namespace

Inventory Probe() {
  Inventory inventory;
  Platforms platforms = LoadPlatforms();
  inventory.errors = std::move(platforms.failures);
  for (const Platform& platform : platforms.found) {
    PlatformRecord record;
    record.index = platform.index;
    record.suffix = PlatformText(platform, CL_PLATFORM_ICD_SUFFIX_KHR);
    record.name = PlatformText(platform, CL_PLATFORM_NAME);
    record.vendor = PlatformText(platform, CL_PLATFORM_VENDOR);
    record.version = PlatformText(platform, CL_PLATFORM_VERSION);
    record.library = platform.library;
    for (cl_device_id device : DevicesOf(platform)) {
      record.devices.push_back(Describe(platform, device, static_cast<uint32_t>(record.devices.size())));
    }
    inventory.platforms.push_back(std::move(record));
  }
  return inventory;
}

std::string ToJson(const Inventory& inventory) {
  nlohmann::json platforms = nlohmann::json::array();
  for (const PlatformRecord& platform : inventory.platforms) {
    nlohmann::json devices = nlohmann::json::array();
    for (const DeviceRecord& device : platform.devices) {
      devices.push_back(ToJson(device));
    }
    platforms.push_back({{"index", platform.index},
                         {"suffix", platform.suffix},
                         {"name", platform.name},
                         {"vendor", platform.vendor},
                         {"version", platform.version},
                         {"icd", platform.library},
                         {"devices", devices}});
  }
  // Drivers may put any bytes into their strings.
  return nlohmann::json{{"platforms", platforms}, {"errors", inventory.errors}}.dump(
      2, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace flexai::device::opencl
