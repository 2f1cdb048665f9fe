// clGetPlatformInfo, clGetDeviceIDs, clUnloadPlatformCompiler.
#include "shim/opencl/info.h"
#include "shim/opencl/objects.h"
#include "shim/opencl/process.h"

namespace flexai::shim {

namespace {

constexpr cl_device_type kAllTypes =
    CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR | CL_DEVICE_TYPE_CUSTOM;

bool Matches(const Device* device, cl_device_type wanted) {
  if (wanted == CL_DEVICE_TYPE_ALL) {
    return (device->type & CL_DEVICE_TYPE_CUSTOM) == 0;
  }
  return (device->type & wanted) != 0;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clGetPlatformInfo(cl_platform_id platform, cl_platform_info param_name,
                                     size_t param_value_size, void* param_value,
                                     size_t* param_value_size_ret) {
  const Platform* found = PlatformOf(platform);
  if (found == nullptr) {
    return CL_INVALID_PLATFORM;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  flexai::opencl::InfoBytes value;
  if (found->values.Find(param_name, &value)) {
    return target.Bytes(value.data, value.length);
  }
  switch (param_name) {
    case CL_PLATFORM_ICD_SUFFIX_KHR:
      return target.Text("FLEXAI");
    case CL_PLATFORM_HOST_TIMER_RESOLUTION:
      return target.Value(cl_ulong{0});
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int CL_API_CALL clGetDeviceIDs(cl_platform_id platform, cl_device_type device_type, cl_uint num_entries,
                                  cl_device_id* devices, cl_uint* num_devices) {
  const Platform* asked = PlatformOf(platform);
  if (asked == nullptr) {
    return CL_INVALID_PLATFORM;
  }
  if ((num_entries == 0 && devices != nullptr) || (num_devices == nullptr && devices == nullptr)) {
    return CL_INVALID_VALUE;
  }
  if (device_type != CL_DEVICE_TYPE_ALL &&
      ((device_type & ~(kAllTypes | CL_DEVICE_TYPE_DEFAULT)) != 0 || device_type == 0)) {
    return CL_INVALID_DEVICE_TYPE;
  }
  // The first device is the default one.
  bool wants_default = device_type != CL_DEVICE_TYPE_ALL && (device_type & CL_DEVICE_TYPE_DEFAULT) != 0;
  cl_uint count = 0;
  for (Device* device : Devices()) {
    if (!IsOf(device, asked)) {
      continue;
    }
    const bool wanted = Matches(device, device_type) || wants_default;
    wants_default = false;
    if (!wanted) {
      continue;
    }
    if (devices != nullptr && count < num_entries) {
      devices[count] = device;
    }
    ++count;
  }
  if (num_devices != nullptr) {
    *num_devices = count;
  }
  return count == 0 ? CL_DEVICE_NOT_FOUND : CL_SUCCESS;
}

cl_int CL_API_CALL clUnloadPlatformCompiler(cl_platform_id platform) {
  if (!IsValid(platform)) {
    return CL_INVALID_PLATFORM;
  }
  // A session that is lost has no compiler; it is an error only if all are.
  cl_int status = CL_OUT_OF_RESOURCES;
  for (Session* session : Sessions()) {
    if (session->platform() == platform &&
        session->Send(flexai::opencl::UnloadPlatformCompiler{}) == CL_SUCCESS) {
      status = CL_SUCCESS;
    }
  }
  return status;
}

cl_int CL_API_CALL clUnloadCompiler() {
  for (Session* session : Sessions()) {
    session->Send(flexai::opencl::UnloadPlatformCompiler{});
  }
  return CL_SUCCESS;
}

}  // extern "C"
