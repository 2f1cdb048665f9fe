// Contexts.
#include "shim/opencl/info.h"
#include "shim/opencl/objects.h"
#include "shim/opencl/process.h"

namespace flexai::shim {

namespace {

using Notify = void(CL_CALLBACK*)(const char*, const void*, size_t, void*);

// The platform that a property list names (null without); an error code if the list is wrong.
cl_int ReadProperties(const cl_context_properties* properties, Platform** named) {
  *named = nullptr;
  bool platform_seen = false;
  bool sync_seen = false;
  for (size_t i = 0; properties != nullptr && properties[i] != 0; i += 2) {
    switch (properties[i]) {
      case CL_CONTEXT_PLATFORM: {
        auto* platform = reinterpret_cast<cl_platform_id>(properties[i + 1]);
        if (platform_seen) {
          return CL_INVALID_PROPERTY;
        }
        platform_seen = true;
        if (!IsValid(platform)) {
          return CL_INVALID_PLATFORM;
        }
        *named = platform;
        break;
      }
      case CL_CONTEXT_INTEROP_USER_SYNC:
        if (sync_seen || (properties[i + 1] != CL_TRUE && properties[i + 1] != CL_FALSE)) {
          return CL_INVALID_PROPERTY;
        }
        sync_seen = true;
        break;
      default:
        return CL_INVALID_PROPERTY;
    }
  }
  return CL_SUCCESS;
}

constexpr char kApart[] =
    "flexai: these vXPUs are of different devices, and memory is shared among vXPUs of one device only: make "
    "a context for each";

// Whether the devices can have a context together; `named` (may be null) is the platform they must be of.
cl_int CheckDevices(std::span<const cl_device_id> devices, const Platform* named) {
  if (IsValid(devices[0])) {
    ReviveAfterFork(devices[0]);
  }
  bool apart = false;
  for (const Device* device : devices) {
    if (!IsValid(device) || !IsOf(device, named != nullptr ? named : devices[0]->session->platform())) {
      return CL_INVALID_DEVICE;
    }
    apart = apart || device->session != devices[0]->session;
  }
  return apart ? CL_DEVICE_NOT_AVAILABLE : CL_SUCCESS;
}

// The list as the executor takes it: handles by id.
bool SendableProperties(const Context* context, ShortArray<uint64_t, 16>* sent) {
  if (!sent->Reserve(context->properties.size())) {
    return false;
  }
  for (size_t i = 0; i < context->properties.size(); ++i) {
    const bool platform = i % 2 == 1 && context->properties[i - 1] == CL_CONTEXT_PLATFORM;
    sent->Push(platform ? context->session->platform()->id : static_cast<uint64_t>(context->properties[i]));
  }
  return true;
}

void ReadDevices(Context* context) {
  context->unified = true;
  for (const Device* device : context->devices) {
    context->unified = context->unified && device->unified;
    context->images = context->images || device->images != CL_FALSE;
    if (device->max_allocation > context->max_allocation) {
      context->max_allocation = device->max_allocation;
    }
    if (device->base_align_bits / 8 > context->base_align_bytes) {
      context->base_align_bytes = device->base_align_bits / 8;
    }
  }
}

Context* MakeContext(Session* session, const cl_context_properties* properties,
                     std::span<Device* const> devices, cl_int* status) {
  auto* context = New<Context>(session, session->NewId());
  ShortArray<uint64_t, 16> sent;
  ShortArray<uint64_t, 16> ids;
  *status = CL_OUT_OF_HOST_MEMORY;
  if (context == nullptr || !CopyProperties(properties, &context->properties) ||
      !SendableProperties(context, &sent) || !ids.Reserve(devices.size()) ||
      !context->devices.Reserve(devices.size())) {
    Delete(context);
    return nullptr;
  }
  for (Device* device : devices) {
    bool seen = false;
    for (const Device* other : context->devices) {
      seen = seen || other == device;
    }
    if (!seen && context->devices.Push(device)) {
      ids.Push(device->id);
    }
  }
  ReadDevices(context);
  opencl::CreateContext message;
  message.context = context->id;
  message.devices = ids.span();
  message.properties = sent.span();
  *status = session->Call(message);
  if (*status != CL_SUCCESS) {
    Delete(context);
    return nullptr;
  }
  for (Device* device : context->devices) {
    Hold(device);
  }
  return context;
}

}  // namespace

void DestroyContext(Context* context) {
  Session* session = context->session;
  session->SendRelease(context->id);
  session->deferred().SettleReleases();
  // Last registered, first called.
  for (size_t i = context->callbacks.size(); i > 0; --i) {
    context->callbacks[i - 1].function(context, context->callbacks[i - 1].user_data);
  }
  for (Device* device : context->devices) {
    Drop(device);
  }
  context->kind = Kind::kDead;
  Delete(context);
}

}  // namespace flexai::shim

bool _cl_context::Has(const _cl_device_id* device) const {
  for (const _cl_device_id* member : devices) {
    if (member == device) {
      return true;
    }
  }
  return false;
}

using namespace flexai::shim;

extern "C" {

cl_context CL_API_CALL clCreateContext(const cl_context_properties* properties, cl_uint num_devices,
                                       const cl_device_id* devices, Notify pfn_notify, void* user_data,
                                       cl_int* errcode_ret) {
  if (devices == nullptr || num_devices == 0 || (pfn_notify == nullptr && user_data != nullptr)) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  Platform* platform = nullptr;
  cl_int status = ReadProperties(properties, &platform);
  if (status == CL_SUCCESS) {
    status = CheckDevices({devices, num_devices}, platform);
  }
  if (status == CL_DEVICE_NOT_AVAILABLE && pfn_notify != nullptr) {
    pfn_notify(kApart, nullptr, 0, user_data);
  }
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  Context* context = MakeContext(devices[0]->session, properties, {devices, num_devices}, &status);
  return context != nullptr ? Success(context, errcode_ret) : Failure(status, errcode_ret);
}

cl_context CL_API_CALL clCreateContextFromType(const cl_context_properties* properties,
                                               cl_device_type device_type, Notify pfn_notify, void* user_data,
                                               cl_int* errcode_ret) {
  if (pfn_notify == nullptr && user_data != nullptr) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  Platform* platform = nullptr;
  cl_int status = ReadProperties(properties, &platform);
  cl_device_id found[kMaxDevices];
  cl_uint count = 0;
  if (status == CL_SUCCESS) {
    status = clGetDeviceIDs(platform, device_type, kMaxDevices, found, &count);
  }
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  // Of the type, those of one session: that of the first.
  Session* session = found[0]->session;
  size_t together = 0;
  for (Device* device : std::span(found, count)) {
    if (device->session == session) {
      found[together++] = device;
    }
  }
  Context* context = MakeContext(session, properties, {found, together}, &status);
  return context != nullptr ? Success(context, errcode_ret) : Failure(status, errcode_ret);
}

cl_int CL_API_CALL clRetainContext(cl_context context) {
  if (!IsValid(context)) {
    return CL_INVALID_CONTEXT;
  }
  Retain(context);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseContext(cl_context context) {
  return IsValid(context) && Release(context) ? CL_SUCCESS : CL_INVALID_CONTEXT;
}

cl_int CL_API_CALL clGetContextInfo(cl_context context, cl_context_info param_name, size_t param_value_size,
                                    void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(context)) {
    return CL_INVALID_CONTEXT;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_CONTEXT_REFERENCE_COUNT:
      return target.Value(cl_uint{context->references()});
    case CL_CONTEXT_NUM_DEVICES:
      return target.Value(static_cast<cl_uint>(context->devices.size()));
    case CL_CONTEXT_DEVICES:
      return target.List(context->devices.data(), context->devices.size());
    case CL_CONTEXT_PROPERTIES:
      return target.List(context->properties.data(), context->properties.size());
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int CL_API_CALL clSetContextDestructorCallback(cl_context context,
                                                  void(CL_CALLBACK* pfn_notify)(cl_context, void*),
                                                  void* user_data) {
  if (!IsValid(context)) {
    return CL_INVALID_CONTEXT;
  }
  if (pfn_notify == nullptr) {
    return CL_INVALID_VALUE;
  }
  const flexai::wire::FutexLock lock(context->mutex);
  return context->callbacks.Push({pfn_notify, user_data}) ? CL_SUCCESS : CL_OUT_OF_HOST_MEMORY;
}

}  // extern "C"
