// The machine's OpenCL implementations, loaded without a loader library: each is a library named by an .icd
// file and spoken to through its own dispatch table, so that nothing stands between an executor and the
// driver.
//
// Where they are looked for: FLEXAI_NATIVE_ICDS (a folder of .icd files, or library paths separated by ':'),
// else /etc/OpenCL/vendors. Thread safety: loading is done once, by one thread; the result is read-only.
// Libraries stay loaded for the life of the process.
#pragma once

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl_icd.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace flexai::device::opencl {

struct Platform {
  cl_platform_id id = nullptr;
  const cl_icd_dispatch* api = nullptr;
  uint32_t index = 0;   // in the order of LoadPlatforms
  std::string library;  // path it was loaded from
};

struct Platforms {
  std::vector<Platform> found;
  std::vector<std::string> failures;  // one sentence for each library that could not be used
};

// Loads every implementation and lists its platforms in a stable order (by .icd file name).
Platforms LoadPlatforms();
// Loads until the platform of that index is found; kNotFound with what stands in the way.
Result<Platform> LoadPlatform(uint32_t index);

// The dispatch table that every OpenCL object begins with.
inline const cl_icd_dispatch& DispatchOf(void* object) { return **static_cast<cl_icd_dispatch**>(object); }

// All root devices of a platform, in its own order.
std::vector<cl_device_id> DevicesOf(const Platform& platform);

// Info values as bytes; empty if the implementation does not know the parameter.
std::vector<std::byte> PlatformValue(const Platform& platform, cl_platform_info parameter);
std::vector<std::byte> DeviceValue(const Platform& platform, cl_device_id device, cl_device_info parameter);
// A string value without its NUL.
std::string PlatformText(const Platform& platform, cl_platform_info parameter);
std::string DeviceText(const Platform& platform, cl_device_id device, cl_device_info parameter);
// A scalar value; `otherwise` if there is none of that size.
template <typename T>
T DeviceNumber(const Platform& platform, cl_device_id device, cl_device_info parameter, T otherwise = {}) {
  T value{};
  size_t size = 0;
  const cl_int status = platform.api->clGetDeviceInfo(device, parameter, sizeof value, &value, &size);
  return status == CL_SUCCESS && size == sizeof value ? value : otherwise;
}

}  // namespace flexai::device::opencl
