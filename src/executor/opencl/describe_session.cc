// The description of platform and vXPUs that a shim gets once and answers info calls from.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "api/opencl/session_info.h"
#include "api/opencl/session_info_writer.h"
#include "executor/opencl/description.h"

namespace flexai::executor::opencl {
namespace {

using device::opencl::DeviceNumber;
using device::opencl::DeviceValue;
using flexai::opencl::InfoWriter;

constexpr int kNever = 1000;  // a version that no device has

// The parameters of clGetDeviceInfo by the version (major * 10 + minor) or the extension that brings them. A
// driver is asked for nothing that it need not know; the rest it is asked for when the application asks (call
// Query).
struct ParameterRange {
  cl_device_info first, last;
  int version;
  std::string_view extension;
};
constexpr ParameterRange kDeviceParameters[] = {
    {CL_DEVICE_TYPE, CL_DEVICE_PLATFORM, 10, ""},
    {CL_DEVICE_DOUBLE_FP_CONFIG, CL_DEVICE_DOUBLE_FP_CONFIG, 12, "cl_khr_fp64"},
    {CL_DEVICE_HALF_FP_CONFIG, CL_DEVICE_HALF_FP_CONFIG, kNever, "cl_khr_fp16"},
    {CL_DEVICE_PREFERRED_VECTOR_WIDTH_HALF, CL_DEVICE_OPENCL_C_VERSION, 11, ""},
    {CL_DEVICE_LINKER_AVAILABLE, CL_DEVICE_PRINTF_BUFFER_SIZE, 12, ""},
    {CL_DEVICE_IMAGE_PITCH_ALIGNMENT, CL_DEVICE_IMAGE_BASE_ADDRESS_ALIGNMENT, 20,
     "cl_khr_image2d_from_buffer"},
    {CL_DEVICE_MAX_READ_WRITE_IMAGE_ARGS, CL_DEVICE_PREFERRED_LOCAL_ATOMIC_ALIGNMENT, 20, ""},
    {CL_DEVICE_IL_VERSION, CL_DEVICE_IL_VERSION, 21, "cl_khr_il_program"},
    {CL_DEVICE_MAX_NUM_SUB_GROUPS, CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS, 21, ""},
    {CL_DEVICE_NUMERIC_VERSION, CL_DEVICE_NUMERIC_VERSION, 30, "cl_khr_extended_versioning"},
    {CL_DEVICE_EXTENSIONS_WITH_VERSION, CL_DEVICE_BUILT_IN_KERNELS_WITH_VERSION, 30,
     "cl_khr_extended_versioning"},
    {CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES, CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT, 30, ""},
    {CL_DEVICE_UUID_KHR, CL_DEVICE_NODE_MASK_KHR, kNever, "cl_khr_device_uuid"},
    {CL_DEVICE_OPENCL_C_FEATURES, CL_DEVICE_LATEST_CONFORMANCE_VERSION_PASSED, 30, ""},
    {CL_DEVICE_INTEGER_DOT_PRODUCT_CAPABILITIES_KHR,
     CL_DEVICE_INTEGER_DOT_PRODUCT_ACCELERATION_PROPERTIES_8BIT_KHR, kNever, "cl_khr_integer_dot_product"},
};

constexpr cl_platform_info kPlatformParameters[] = {CL_PLATFORM_PROFILE,
                                                    CL_PLATFORM_VERSION,
                                                    CL_PLATFORM_NAME,
                                                    CL_PLATFORM_VENDOR,
                                                    CL_PLATFORM_EXTENSIONS,
                                                    CL_PLATFORM_HOST_TIMER_RESOLUTION,
                                                    CL_PLATFORM_NUMERIC_VERSION,
                                                    CL_PLATFORM_EXTENSIONS_WITH_VERSION,
                                                    CL_PLATFORM_ICD_SUFFIX_KHR};

// Extensions with entry points or objects of their own, which are not forwarded. A trailing * stands for any
// end. Others change the kernel language or info values only and work as they are.
constexpr std::string_view kNotForwarded[] = {"cl_khr_gl_*",
                                              "cl_khr_egl_*",
                                              "cl_khr_d3d*",
                                              "cl_khr_dx9_*",
                                              "cl_khr_command_buffer*",
                                              "cl_khr_external_*",
                                              "cl_khr_semaphore*",
                                              "cl_khr_il_program",
                                              "cl_khr_create_command_queue",
                                              "cl_khr_terminate_context",
                                              "cl_khr_subgroup_named_barrier",
                                              "cl_ext_migrate_memobject",
                                              "cl_ext_device_fission",
                                              "cl_ext_buffer_device_address",
                                              "cl_ext_image_requirements_info",
                                              "cl_intel_unified_shared_memory*",
                                              "cl_intel_accelerator",
                                              "cl_intel_motion_*",
                                              "cl_intel_advanced_motion_*",
                                              "cl_intel_simultaneous_sharing",
                                              "cl_intel_va_api_*",
                                              "cl_intel_dx9_*",
                                              "cl_intel_d3d*",
                                              "cl_intel_exec_by_local_thread",
                                              "cl_intel_sharing_*",
                                              "cl_intel_mem_*",
                                              "cl_nv_create_buffer",
                                              "cl_nv_d3d*",
                                              "cl_nv_kernel_attribute",
                                              "cl_amd_bus_addressable_memory",
                                              "cl_amd_liquid_flash",
                                              "cl_amd_d3d*",
                                              "cl_arm_import_*",
                                              "cl_arm_shared_virtual_memory",
                                              "cl_arm_printf",
                                              "cl_img_*",
                                              "cl_qcom_*",
                                              "cl_APPLE_*",
                                              "cl_pocl_content_size",
                                              "cl_loader_*"};

bool Forwarded(std::string_view name) {
  return std::none_of(std::begin(kNotForwarded), std::end(kNotForwarded), [&](std::string_view pattern) {
    return pattern.back() == '*' ? name.substr(0, pattern.size() - 1) == pattern.substr(0, pattern.size() - 1)
                                 : name == pattern;
  });
}

void FilterExtensions(std::vector<std::byte>* value) {
  const std::string text(reinterpret_cast<const char*>(value->data()), value->size());
  const std::string kept = ForwardedExtensions(text.substr(0, text.find('\0')));
  value->resize(kept.size() + 1);
  std::memcpy(value->data(), kept.c_str(), kept.size() + 1);
}

void FilterVersionedExtensions(std::vector<std::byte>* value) {
  std::vector<std::byte> kept;
  for (size_t at = 0; at + sizeof(cl_name_version) <= value->size(); at += sizeof(cl_name_version)) {
    cl_name_version one;
    std::memcpy(&one, value->data() + at, sizeof one);
    if (Forwarded({one.name, strnlen(one.name, sizeof one.name)})) {
      const auto bytes = std::as_bytes(std::span(&one, 1));
      kept.insert(kept.end(), bytes.begin(), bytes.end());
    }
  }
  *value = std::move(kept);
}

template <typename T, typename Function>
void Change(std::vector<std::byte>* value, Function function) {
  T number{};
  if (value->size() == sizeof number) {
    std::memcpy(&number, value->data(), sizeof number);
    number = function(number);
    std::memcpy(value->data(), &number, sizeof number);
  }
}

// "OpenCL 3.0 ..." -> 30; 10 for anything else.
int VersionOf(const std::string& text) {
  const bool stated = text.size() >= 10 && text.compare(0, 7, "OpenCL ") == 0 && text[8] == '.';
  return stated ? (text[7] - '0') * 10 + (text[9] - '0') : 10;
}

// What a device can be asked for.
class KnownParameters {
 public:
  KnownParameters(const Runtime& runtime, cl_device_id device)
      : version_(VersionOf(device::opencl::DeviceText(runtime.platform, device, CL_DEVICE_VERSION))),
        extensions_(" " + device::opencl::DeviceText(runtime.platform, device, CL_DEVICE_EXTENSIONS) + " ") {}

  bool Has(cl_device_info parameter) const {
    return std::any_of(
        std::begin(kDeviceParameters), std::end(kDeviceParameters), [&](const ParameterRange& range) {
          return parameter >= range.first && parameter <= range.last &&
                 (version_ >= range.version ||
                  (!range.extension.empty() &&
                   extensions_.find(" " + std::string(range.extension) + " ") != std::string::npos));
        });
  }

 private:
  const int version_;
  const std::string extensions_;
};

uint32_t FlagsOf(const Runtime& runtime, cl_device_id device, const KnownParameters& known) {
  uint32_t flags = 0;
  // Other devices that share memory with the host still need map and unmap around an access.
  if ((DeviceNumber<cl_device_type>(runtime.platform, device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU) != 0) {
    flags |= flexai::opencl::kDeviceUnifiedMemory;
    if (runtime.arena_at_base && known.Has(CL_DEVICE_SVM_CAPABILITIES) &&
        DeviceNumber<cl_device_svm_capabilities>(runtime.platform, device, CL_DEVICE_SVM_CAPABILITIES) != 0) {
      flags |= flexai::opencl::kDeviceSvm;
    }
  }
  return flags;
}

void Adjust(cl_device_info parameter, const Vxpu& vxpu, uint32_t flags, std::vector<std::byte>* value) {
  const auto at_most_quota = [&](cl_ulong bytes) { return std::min<cl_ulong>(bytes, vxpu.quota.value); };
  switch (parameter) {
    case CL_DEVICE_GLOBAL_MEM_SIZE:
    case CL_DEVICE_MAX_MEM_ALLOC_SIZE:
      Change<cl_ulong>(value, at_most_quota);
      break;
    case CL_DEVICE_EXECUTION_CAPABILITIES:
      Change<cl_device_exec_capabilities>(
          value, [](auto bits) { return bits & ~cl_bitfield{CL_EXEC_NATIVE_KERNEL}; });
      break;
    case CL_DEVICE_SVM_CAPABILITIES:
      Change<cl_device_svm_capabilities>(value, [&](auto bits) {
        return (flags & flexai::opencl::kDeviceSvm) != 0
                   ? bits & ~cl_bitfield{CL_DEVICE_SVM_FINE_GRAIN_SYSTEM}
                   : 0;
      });
      break;
    case CL_DEVICE_EXTENSIONS:
      FilterExtensions(value);
      break;
    case CL_DEVICE_EXTENSIONS_WITH_VERSION:
      FilterVersionedExtensions(value);
      break;
    default:
      break;
  }
}

void WriteDevice(const Runtime& runtime, const Vxpu& vxpu, InfoWriter* writer) {
  const KnownParameters known(runtime, vxpu.device);
  const uint32_t flags = FlagsOf(runtime, vxpu.device, known);
  writer->U64(kFirstDevice + vxpu.lane);
  writer->U32(flags);
  writer->U32(0);
  writer->BeginTable();
  constexpr cl_device_info kLast = std::end(kDeviceParameters)[-1].last;
  for (cl_device_info parameter = kDeviceParameters[0].first; parameter <= kLast; ++parameter) {
    if (parameter == CL_DEVICE_PLATFORM || parameter == CL_DEVICE_PARENT_DEVICE ||
        parameter == CL_DEVICE_REFERENCE_COUNT) {
      continue;  // handles and counts are the shim's
    }
    if (!known.Has(parameter)) {
      continue;
    }
    size_t size = 0;
    if (runtime.api->clGetDeviceInfo(vxpu.device, parameter, 0, nullptr, &size) != CL_SUCCESS) {
      continue;
    }
    std::vector<std::byte> value = DeviceValue(runtime.platform, vxpu.device, parameter);
    Adjust(parameter, vxpu, flags, &value);
    writer->Value(parameter, value);
  }
  writer->EndTable();
}

}  // namespace

void AdjustDeviceValue(const Runtime& runtime, const Vxpu& vxpu, cl_device_info parameter,
                       std::vector<std::byte>* value) {
  Adjust(parameter, vxpu, FlagsOf(runtime, vxpu.device, KnownParameters(runtime, vxpu.device)), value);
}

std::string ForwardedExtensions(const std::string& extensions) {
  std::string kept;
  for (size_t at = 0; at < extensions.size();) {
    const size_t end = std::min(extensions.find(' ', at), extensions.size());
    const std::string_view name(extensions.data() + at, end - at);
    if (!name.empty() && Forwarded(name)) {
      kept += kept.empty() ? "" : " ";
      kept += name;
    }
    at = end + 1;
  }
  return kept;
}

std::vector<std::byte> DescribeSession(const Runtime& runtime) {
  InfoWriter writer;
  writer.BeginTable();
  for (const cl_platform_info parameter : kPlatformParameters) {
    std::vector<std::byte> value = device::opencl::PlatformValue(runtime.platform, parameter);
    if (value.empty()) {
      continue;
    }
    if (parameter == CL_PLATFORM_EXTENSIONS) {
      FilterExtensions(&value);
    } else if (parameter == CL_PLATFORM_EXTENSIONS_WITH_VERSION) {
      FilterVersionedExtensions(&value);
    }
    writer.Value(parameter, value);
  }
  writer.EndTable();
  writer.U32(static_cast<uint32_t>(runtime.vxpus.size()));
  writer.U32(0);
  for (const Vxpu& vxpu : runtime.vxpus) {
    WriteDevice(runtime, vxpu, &writer);
  }
  return writer.Take();
}

}  // namespace flexai::executor::opencl
