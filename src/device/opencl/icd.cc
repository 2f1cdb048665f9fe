#include "device/opencl/icd.h"

#include <CL/cl_ext.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <functional>

#include "os/dynamic_library.h"
#include "os/files.h"

namespace flexai::device::opencl {
namespace {

constexpr const char* kVendorsFolder = "/etc/OpenCL/vendors";

bool EndsWith(const std::string& text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// The library that an .icd file names: its first line.
std::string LibraryNamedBy(const std::string& icd_file) {
  Result<std::string> content = os::ReadFile(icd_file);
  if (!content.ok()) {
    return {};
  }
  std::string line = content->substr(0, content->find('\n'));
  while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) {
    line.pop_back();
  }
  return line;
}

std::vector<std::string> LibrariesInFolder(const std::string& folder) {
  std::vector<std::string> libraries;
  Result<std::vector<std::string>> names = os::ListFolder(folder);
  if (!names.ok()) {
    return libraries;
  }
  for (const std::string& name : *names) {
    if (EndsWith(name, ".icd")) {
      if (std::string library = LibraryNamedBy(folder + "/" + name); !library.empty()) {
        libraries.push_back(std::move(library));
      }
    }
  }
  return libraries;
}

std::vector<std::string> Libraries() {
  const char* chosen = std::getenv("FLEXAI_NATIVE_ICDS");
  if (chosen == nullptr || *chosen == '\0') {
    return LibrariesInFolder(kVendorsFolder);
  }
  const std::string list = chosen;
  if (os::ListFolder(list).ok()) {
    return LibrariesInFolder(list);
  }
  std::vector<std::string> libraries;
  for (size_t at = 0; at <= list.size();) {
    const size_t end = std::min(list.find(':', at), list.size());
    if (end > at) {
      libraries.push_back(list.substr(at, end - at));
    }
    at = end + 1;
  }
  return libraries;
}

using EntryPoint = clIcdGetPlatformIDsKHR_fn;

// How a library is entered: the function by name, or through clGetExtensionFunctionAddress.
EntryPoint FindEntryPoint(const os::DynamicLibrary& library) {
  if (void* direct = library.Symbol("clIcdGetPlatformIDsKHR"); direct != nullptr) {
    return reinterpret_cast<EntryPoint>(direct);
  }
  auto* find = reinterpret_cast<void* (*)(const char*)>(library.Symbol("clGetExtensionFunctionAddress"));
  return find == nullptr ? nullptr : reinterpret_cast<EntryPoint>(find("clIcdGetPlatformIDsKHR"));
}

Result<std::vector<Platform>> PlatformsIn(const std::string& path) {
  FLEXAI_ASSIGN_OR_RETURN(os::DynamicLibrary library, os::DynamicLibrary::Open(path));
  const EntryPoint list = FindEntryPoint(library);
  library.Abandon();
  if (list == nullptr) {
    return FailedPrecondition(fmt::format("{} is no OpenCL driver: it lacks clIcdGetPlatformIDsKHR", path));
  }
  cl_uint count = 0;
  if (const cl_int status = list(0, nullptr, &count); status != CL_SUCCESS || count == 0) {
    return Unavailable(fmt::format("the OpenCL driver {} finds no platform (error {})", path, status));
  }
  std::vector<cl_platform_id> ids(count);
  if (const cl_int status = list(count, ids.data(), nullptr); status != CL_SUCCESS) {
    return Unavailable(
        fmt::format("the OpenCL driver {} does not list its platforms (error {})", path, status));
  }
  std::vector<Platform> platforms;
  for (cl_platform_id id : ids) {
    platforms.push_back({id, &DispatchOf(id), 0, path});
  }
  return platforms;
}

// Visits platforms until `visit` returns false.
void VisitPlatforms(std::vector<std::string>* failures, const std::function<bool(Platform)>& visit) {
  uint32_t next = 0;
  for (const std::string& library : Libraries()) {
    Result<std::vector<Platform>> platforms = PlatformsIn(library);
    if (!platforms.ok()) {
      failures->push_back(platforms.status().message());
      continue;
    }
    for (Platform& platform : *platforms) {
      platform.index = next++;
      if (!visit(std::move(platform))) {
        return;
      }
    }
  }
}

std::string TextOf(const std::vector<std::byte>& bytes) {
  std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.substr(0, text.find('\0'));
}

}  // namespace

Platforms LoadPlatforms() {
  Platforms platforms;
  VisitPlatforms(&platforms.failures, [&](Platform platform) {
    platforms.found.push_back(std::move(platform));
    return true;
  });
  return platforms;
}

Result<Platform> LoadPlatform(uint32_t index) {
  std::vector<std::string> failures;
  Platform found;
  VisitPlatforms(&failures, [&](Platform platform) {
    if (platform.index == index) {
      found = std::move(platform);
    }
    return found.id == nullptr;
  });
  if (found.id == nullptr) {
    return NotFound(fmt::format("there is no OpenCL platform {}{}{}", index, failures.empty() ? "" : ": ",
                                fmt::join(failures, "; ")));
  }
  return found;
}

std::vector<cl_device_id> DevicesOf(const Platform& platform) {
  cl_uint count = 0;
  if (platform.api->clGetDeviceIDs(platform.id, CL_DEVICE_TYPE_ALL, 0, nullptr, &count) != CL_SUCCESS) {
    return {};
  }
  std::vector<cl_device_id> devices(count);
  if (platform.api->clGetDeviceIDs(platform.id, CL_DEVICE_TYPE_ALL, count, devices.data(), nullptr) !=
      CL_SUCCESS) {
    return {};
  }
  return devices;
}

std::vector<std::byte> PlatformValue(const Platform& platform, cl_platform_info parameter) {
  size_t size = 0;
  if (platform.api->clGetPlatformInfo(platform.id, parameter, 0, nullptr, &size) != CL_SUCCESS) {
    return {};
  }
  std::vector<std::byte> value(size);
  if (platform.api->clGetPlatformInfo(platform.id, parameter, size, value.data(), nullptr) != CL_SUCCESS) {
    return {};
  }
  return value;
}

std::vector<std::byte> DeviceValue(const Platform& platform, cl_device_id device, cl_device_info parameter) {
  size_t size = 0;
  if (platform.api->clGetDeviceInfo(device, parameter, 0, nullptr, &size) != CL_SUCCESS) {
    return {};
  }
  std::vector<std::byte> value(size);
  if (platform.api->clGetDeviceInfo(device, parameter, size, value.data(), nullptr) != CL_SUCCESS) {
    return {};
  }
  return value;
}

std::string PlatformText(const Platform& platform, cl_platform_info parameter) {
  return TextOf(PlatformValue(platform, parameter));
}

std::string DeviceText(const Platform& platform, cl_device_id device, cl_device_info parameter) {
  return TextOf(DeviceValue(platform, device, parameter));
}

}  // namespace flexai::device::opencl
