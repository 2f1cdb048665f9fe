// The library's two exported functions and the table that ICD loaders dispatch through.
#include <cstring>

#include "shim/opencl/objects.h"
#include "shim/opencl/process.h"

namespace flexai::shim {

namespace {

// Members that the table does not have are functions of extensions, reached by name.
template <class Table>
constexpr Table MakeTable() {
  Table table{};
#define FLEXAI_OPENCL_FUNCTION(name)        \
  if constexpr (requires { table.name; }) { \
    table.name = &::name;                   \
  }
#include "api/opencl/functions.inc"
#undef FLEXAI_OPENCL_FUNCTION
  table.clGetKernelSubGroupInfoKHR = &::clGetKernelSubGroupInfo;
  return table;
}

using Function = void (*)();

struct NamedFunction {
  const char* name;
  Function function;
  const char* extension;  // null: of the core
};

#define FLEXAI_OPENCL_FUNCTION(name) {#name, reinterpret_cast<Function>(&::name), nullptr},
const NamedFunction kFunctions[] = {
    {"clGetKernelSuggestedLocalWorkSizeKHR",
     reinterpret_cast<Function>(&::clGetKernelSuggestedLocalWorkSizeKHR), "cl_khr_suggested_local_work_size"},
    {"clGetKernelSubGroupInfoKHR", reinterpret_cast<Function>(&::clGetKernelSubGroupInfo),
     "cl_khr_subgroups"},
    {"clCreateCommandQueueWithPropertiesKHR",
     reinterpret_cast<Function>(&::clCreateCommandQueueWithProperties), "cl_khr_create_command_queue"},
    {"clCreateProgramWithILKHR", reinterpret_cast<Function>(&::clCreateProgramWithIL), "cl_khr_il_program"},
    {"clIcdGetPlatformIDsKHR", reinterpret_cast<Function>(&::clIcdGetPlatformIDsKHR), nullptr},
#include "api/opencl/functions.inc"
};
#undef FLEXAI_OPENCL_FUNCTION

// Whether a device of `only` (null: of any platform) has the extension.
bool HasExtension(const Platform* only, const char* extension) {
  for (const Device* device : Devices()) {
    opencl::InfoBytes list;
    if ((only == nullptr || IsOf(device, only)) && device->values.Find(CL_DEVICE_EXTENSIONS, &list) &&
        memmem(list.data, list.length, extension, std::strlen(extension)) != nullptr) {
      return true;
    }
  }
  return false;
}

// A function of an extension is there if a device of `only` (null: of any platform) has it.
void* FindFunction(const char* name, const Platform* only) {
  for (const NamedFunction& entry : kFunctions) {
    if (name == nullptr || std::strcmp(entry.name, name) != 0) {
      continue;
    }
    const bool present = entry.extension == nullptr || HasExtension(only, entry.extension);
    return present ? reinterpret_cast<void*>(entry.function) : nullptr;
  }
  return nullptr;
}

}  // namespace

constinit const cl_icd_dispatch kDispatchTable = MakeTable<cl_icd_dispatch>();

}  // namespace flexai::shim

extern "C" {

__attribute__((visibility("default"))) void* CL_API_CALL clGetExtensionFunctionAddress(const char* name) {
  return flexai::shim::FindFunction(name, nullptr);
}

void* CL_API_CALL clGetExtensionFunctionAddressForPlatform(cl_platform_id platform, const char* name) {
  return flexai::shim::IsValid(platform) ? flexai::shim::FindFunction(name, platform) : nullptr;
}

__attribute__((visibility("default"))) cl_int CL_API_CALL clIcdGetPlatformIDsKHR(cl_uint num_entries,
                                                                                 cl_platform_id* platforms,
                                                                                 cl_uint* num_platforms) {
  if ((num_entries == 0 && platforms != nullptr) || (platforms == nullptr && num_platforms == nullptr)) {
    return CL_INVALID_VALUE;
  }
  const auto sessions = flexai::shim::Sessions();
  if (sessions.empty()) {
    if (num_platforms != nullptr) {
      *num_platforms = 0;
    }
    return CL_PLATFORM_NOT_FOUND_KHR;
  }
  cl_uint count = 0;
  for (flexai::shim::Session* session : sessions) {
    if (session->platform()->session != session) {
      continue;  // listed with its first session
    }
    if (platforms != nullptr && count < num_entries) {
      platforms[count] = session->platform();
    }
    ++count;
  }
  if (num_platforms != nullptr) {
    *num_platforms = count;
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL clGetPlatformIDs(cl_uint num_entries, cl_platform_id* platforms, cl_uint* num_platforms) {
  return clIcdGetPlatformIDsKHR(num_entries, platforms, num_platforms);
}

}  // extern "C"
