// Devices: info, sub-devices, timers.
#include "shim/opencl/device.h"

#include <cstring>

#include "shim/opencl/info.h"
#include "shim/opencl/process.h"
#include "shim/opencl/query.h"

namespace flexai::shim {

namespace {

template <class T>
T ValueOf(const opencl::InfoTable& values, cl_device_info parameter, T otherwise) {
  opencl::InfoBytes bytes;
  if (!values.Find(parameter, &bytes) || bytes.length < sizeof(T)) {
    return otherwise;
  }
  T value;
  std::memcpy(&value, bytes.data, sizeof(T));
  return value;
}

// From version 2.1 on a launch of nothing succeeds.
bool TakesEmptyRanges(const opencl::InfoTable& values) {
  opencl::InfoBytes version;
  constexpr char kPrefix[] = "OpenCL ";
  constexpr size_t kPrefixLength = sizeof(kPrefix) - 1;
  if (!values.Find(CL_DEVICE_VERSION, &version) || version.length < kPrefixLength + 3 ||
      std::memcmp(version.data, kPrefix, kPrefixLength) != 0) {
    return true;
  }
  const auto* digits = reinterpret_cast<const char*>(version.data) + kPrefixLength;
  return digits[0] > '2' || (digits[0] == '2' && digits[2] >= '1');
}

// What checks need of a device, from `values`.
void ReadLimits(Device* device, const opencl::InfoTable& values) {
  device->type = ValueOf<cl_device_type>(values, CL_DEVICE_TYPE, CL_DEVICE_TYPE_DEFAULT);
  device->max_allocation = ValueOf<cl_ulong>(values, CL_DEVICE_MAX_MEM_ALLOC_SIZE, 0);
  device->max_work_group_size = ValueOf<size_t>(values, CL_DEVICE_MAX_WORK_GROUP_SIZE, 1);
  device->max_dimensions = ValueOf<cl_uint>(values, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, 3);
  device->base_align_bits = ValueOf<cl_uint>(values, CL_DEVICE_MEM_BASE_ADDR_ALIGN, 1024);
  device->images = ValueOf<cl_bool>(values, CL_DEVICE_IMAGE_SUPPORT, CL_FALSE);
  device->svm = ValueOf<cl_device_svm_capabilities>(values, CL_DEVICE_SVM_CAPABILITIES, 0);
  device->host_queue_flags = ValueOf<cl_command_queue_properties>(
      values, CL_DEVICE_QUEUE_ON_HOST_PROPERTIES,
      CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE);
  device->device_queue_flags =
      ValueOf<cl_command_queue_properties>(values, CL_DEVICE_QUEUE_ON_DEVICE_PROPERTIES, 0);
  device->takes_empty_ranges = TakesEmptyRanges(values);
  device->non_uniform =
      ValueOf<cl_bool>(values, CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT, CL_FALSE) != CL_FALSE;
  opencl::InfoBytes sizes;
  if (values.Find(CL_DEVICE_MAX_WORK_ITEM_SIZES, &sizes)) {
    const size_t bytes = sizes.length < sizeof(device->max_work_item_sizes)
                             ? sizes.length
                             : sizeof(device->max_work_item_sizes);
    std::memcpy(device->max_work_item_sizes, sizes.data, bytes);
  }
}

// The number of entries of a zero-terminated partition list with its terminators; 0 if it is malformed.
size_t PartitionLength(const cl_device_partition_property* properties) {
  constexpr size_t kMost = 1024;
  if (properties == nullptr) {
    return 0;
  }
  switch (properties[0]) {
    case CL_DEVICE_PARTITION_EQUALLY:
    case CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN:
      return properties[2] == 0 ? 3 : 0;
    case CL_DEVICE_PARTITION_BY_COUNTS:
      for (size_t i = 1; i < kMost; ++i) {
        if (properties[i] == CL_DEVICE_PARTITION_BY_COUNTS_LIST_END) {
          return properties[i + 1] == 0 ? i + 2 : 0;
        }
      }
      return 0;
    default:
      return 0;
  }
}

// Device and host time; an error where the device has no such timers.
cl_int Timers(const Device* device, cl_ulong* times) {
  ReviveAfterFork(device);
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetDeviceAndHostTimer);
  query.object = device->id;
  return query.Answer(device->session, {2 * sizeof(*times), times, nullptr});
}

// What the shim knows better than the device.
cl_int OwnValue(const Device* device, cl_device_info parameter, const InfoTarget& target, bool* known) {
  *known = true;
  switch (parameter) {
    case CL_DEVICE_PARENT_DEVICE:
      return target.Value(device->parent);
    case CL_DEVICE_REFERENCE_COUNT:
      return target.Value(device->parent == nullptr ? cl_uint{1} : cl_uint{device->references()});
    case CL_DEVICE_PLATFORM:
      return target.Value(device->session->platform());
    default:
      *known = false;
      return CL_INVALID_VALUE;
  }
}

}  // namespace

void DescribeRootDevice(Session* session, const opencl::DeviceInfo& info, Device* device) {
  device->session = session;
  device->values = info.values;
  ReadLimits(device, info.values);
  device->unified = (info.flags & opencl::kDeviceUnifiedMemory) != 0;
  if ((info.flags & opencl::kDeviceSvm) == 0 || !session->arena_at_base()) {
    device->svm = 0;
  }
}

void DestroyDevice(Device* device) {
  device->session->SendRelease(device->id);
  Device* parent = device->parent;
  device->kind = Kind::kDead;
  Delete(device);
  Drop(parent);
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clGetDeviceInfo(cl_device_id device, cl_device_info param_name, size_t param_value_size,
                                   void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(device)) {
    return CL_INVALID_DEVICE;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  bool known = false;
  const cl_int answer = OwnValue(device, param_name, target, &known);
  if (known) {
    return answer;
  }
  if (param_name == CL_DEVICE_SVM_CAPABILITIES) {
    return target.Value(device->svm);
  }
  flexai::opencl::InfoBytes value;
  if (device->parent == nullptr && device->values.Find(param_name, &value)) {
    return target.Bytes(value.data, value.length);
  }
  ReviveAfterFork(device);
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetDeviceInfo);
  query.object = device->id;
  query.parameter = param_name;
  return query.Answer(device->session, target);
}

cl_int CL_API_CALL clCreateSubDevices(cl_device_id in_device, const cl_device_partition_property* properties,
                                      cl_uint num_devices, cl_device_id* out_devices,
                                      cl_uint* num_devices_ret) {
  if (!IsValid(in_device)) {
    return CL_INVALID_DEVICE;
  }
  ReviveAfterFork(in_device);
  const size_t length = PartitionLength(properties);
  if (length == 0 || (out_devices == nullptr && num_devices_ret == nullptr) ||
      (out_devices != nullptr && num_devices == 0)) {
    return CL_INVALID_VALUE;
  }
  Session* session = in_device->session;
  ShortArray<uint64_t, 64> sent;
  if (!sent.Reserve(length)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  for (size_t i = 0; i < length; ++i) {
    sent.Push(static_cast<uint64_t>(properties[i]));
  }
  const cl_uint capacity = out_devices == nullptr ? 0 : num_devices;
  flexai::opencl::CreateSubDevices message;
  message.device = in_device->id;
  message.first_id = session->NewId(capacity);
  message.properties = sent.span();
  message.capacity = capacity;
  Reply<flexai::opencl::CreateSubDevicesReply> reply;
  const cl_int status = session->Call(message, &reply);
  if (status != CL_SUCCESS) {
    return status;
  }
  const cl_uint count = reply.message.count;
  for (cl_uint i = 0; i < count && i < capacity; ++i) {
    auto* device = New<Device>(session, message.first_id + i);
    if (device == nullptr) {
      return CL_OUT_OF_HOST_MEMORY;
    }
    device->parent = in_device;
    ReadLimits(device, in_device->values);
    device->values = in_device->values;
    device->unified = in_device->unified;
    device->svm = in_device->svm;
    Hold(in_device);
    out_devices[i] = device;
  }
  if (num_devices_ret != nullptr) {
    *num_devices_ret = count;
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL clRetainDevice(cl_device_id device) {
  if (!IsValid(device)) {
    return CL_INVALID_DEVICE;
  }
  if (device->parent != nullptr) {
    Retain(device);
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseDevice(cl_device_id device) {
  if (!IsValid(device) || (device->parent != nullptr && !Release(device))) {
    return CL_INVALID_DEVICE;
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL clGetDeviceAndHostTimer(cl_device_id device, cl_ulong* device_timestamp,
                                           cl_ulong* host_timestamp) {
  if (!IsValid(device)) {
    return CL_INVALID_DEVICE;
  }
  cl_ulong times[2] = {};
  const cl_int status = Timers(device, times);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (device_timestamp == nullptr || host_timestamp == nullptr) {
    return CL_INVALID_VALUE;
  }
  *device_timestamp = times[0];
  *host_timestamp = times[1];
  return CL_SUCCESS;
}

cl_int CL_API_CALL clGetHostTimer(cl_device_id device, cl_ulong* host_timestamp) {
  if (!IsValid(device)) {
    return CL_INVALID_DEVICE;
  }
  cl_ulong times[2] = {};
  const cl_int status = Timers(device, times);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (host_timestamp == nullptr) {
    return CL_INVALID_VALUE;
  }
  *host_timestamp = times[1];
  return CL_SUCCESS;
}

}  // extern "C"
