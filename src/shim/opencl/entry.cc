// The library's two exported functions and the table that ICD loaders dispatch through.
#include <cstring>

#include "shim/opencl/object.h"
#include "shim/opencl/process.h"

namespace flexai::shim {

namespace {

// Members that the table does not have are functions of extensions, reached by name.
template <class Table>
constexpr Table MakeTable() {
  Table table{};
#define FLEXAI_OPENCL_FUNCTION(name)      \
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
};

#define FLEXAI_OPENCL_FUNCTION(name) {#name, reinterpret_cast<Function>(&::name)},
const NamedFunction kFunctions[] = {
#include "api/opencl/functions.inc"
    {"clIcdGetPlatformIDsKHR", reinterpret_cast<Function>(&::clIcdGetPlatformIDsKHR)},
    {"clGetKernelSubGroupInfoKHR", reinterpret_cast<Function>(&::clGetKernelSubGroupInfo)},
    {"clCreateCommandQueueWithPropertiesKHR",
     reinterpret_cast<Function>(&::clCreateCommandQueueWithProperties)},
    {"clCreateProgramWithILKHR", reinterpret_cast<Function>(&::clCreateProgramWithIL)},
};
#undef FLEXAI_OPENCL_FUNCTION

void* FindFunction(const char* name) {
  for (const NamedFunction& entry : kFunctions) {
    if (name != nullptr && std::strcmp(entry.name, name) == 0) {
      return reinterpret_cast<void*>(entry.function);
    }
  }
  return nullptr;
}

}  // namespace

constinit const cl_icd_dispatch kDispatchTable = MakeTable<cl_icd_dispatch>();

}  // namespace flexai::shim

extern "C" {

__attribute__((visibility("default"))) void* CL_API_CALL clGetExtensionFunctionAddress(const char* name) {
  return flexai::shim::FindFunction(name);
}

void* CL_API_CALL clGetExtensionFunctionAddressForPlatform(cl_platform_id platform, const char* name) {
  return flexai::shim::IsValid(platform) ? flexai::shim::FindFunction(name) : nullptr;
}

__attribute__((visibility("default"))) cl_int CL_API_CALL
clIcdGetPlatformIDsKHR(cl_uint num_entries, cl_platform_id* platforms, cl_uint* num_platforms) {
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
  for (cl_uint i = 0; platforms != nullptr && i < num_entries && i < sessions.size(); ++i) {
    platforms[i] = sessions[i]->platform();
  }
  if (num_platforms != nullptr) {
    *num_platforms = static_cast<cl_uint>(sessions.size());
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL clGetPlatformIDs(cl_uint num_entries, cl_platform_id* platforms, cl_uint* num_platforms) {
  return clIcdGetPlatformIDsKHR(num_entries, platforms, num_platforms);
}

}  // extern "C"
