// Info values that a shim asks for one by one.
//
// `function` is the index of a clGet*Info function in the ICD's dispatch table. Values that are handles of
// the driver mean nothing to an application and are refused; the shim answers those from what it knows
// itself.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "executor/opencl/description.h"
#include "executor/opencl/handler.h"

namespace flexai::executor::opencl {
namespace {

#define FLEXAI_FUNCTION_INDEX(name) (offsetof(cl_icd_dispatch, name) / sizeof(void*))

using Value = std::vector<std::byte>;

// A clGet*Info, bound to everything but the value: (size, value, size_ret).
template <typename Getter>
cl_int Fetch(Getter getter, Value* value) {
  size_t size = 0;
  if (const cl_int status = getter(0, nullptr, &size); status != CL_SUCCESS) {
    return status;
  }
  value->resize(size);
  return size == 0 ? CL_SUCCESS : getter(size, value->data(), nullptr);
}

bool IsHandle(uint32_t parameter) {
  switch (parameter) {
    case CL_CONTEXT_DEVICES:
    case CL_QUEUE_CONTEXT:
    case CL_QUEUE_DEVICE:
    case CL_QUEUE_DEVICE_DEFAULT:
    case CL_MEM_HOST_PTR:
    case CL_MEM_CONTEXT:
    case CL_MEM_ASSOCIATED_MEMOBJECT:
    case CL_IMAGE_BUFFER:
    case CL_SAMPLER_CONTEXT:
    case CL_PROGRAM_CONTEXT:
    case CL_PROGRAM_DEVICES:
    case CL_KERNEL_CONTEXT:
    case CL_KERNEL_PROGRAM:
    case CL_EVENT_CONTEXT:
    case CL_EVENT_COMMAND_QUEUE:
    case CL_DEVICE_PLATFORM:
    case CL_DEVICE_PARENT_DEVICE:
      return true;
    default:
      return false;
  }
}

template <typename T>
cl_int FetchArray(const Api& api, cl_program program, cl_program_info parameter, std::vector<T>* array) {
  Value value;
  const auto get = [&](size_t size, void* to, size_t* needed) {
    return api.clGetProgramInfo(program, parameter, size, to, needed);
  };
  const cl_int status = Fetch(get, &value);
  for (size_t at = 0; at + sizeof(T) <= value.size(); at += sizeof(T)) {
    T one{};
    std::memcpy(&one, value.data() + at, sizeof one);
    array->push_back(one);
  }
  return status;
}

// The driver's binaries, and for each device of the application's list which of them is its.
struct ProgramBinaries {
  std::vector<size_t> sizes;
  std::vector<size_t> of_device;

  cl_int Read(const Program& program) {
    const Api& api = program.api();
    std::vector<cl_device_id> natives;
    cl_int status = FetchArray(api, program.native, CL_PROGRAM_BINARY_SIZES, &sizes);
    if (status == CL_SUCCESS) {
      status = FetchArray(api, program.native, CL_PROGRAM_DEVICES, &natives);
    }
    for (cl_device_id device : program.devices) {
      const auto found = std::find(natives.begin(), natives.end(), device);
      of_device.push_back(static_cast<size_t>(found - natives.begin()));
    }
    const bool complete =
        std::all_of(of_device.begin(), of_device.end(), [&](size_t i) { return i < sizes.size(); });
    return status != CL_SUCCESS || complete ? status : CL_INVALID_VALUE;
  }
};

cl_int BinarySizes(const Program& program, Value* value) {
  ProgramBinaries binaries;
  const cl_int status = binaries.Read(program);
  if (status == CL_SUCCESS) {
    for (const size_t index : binaries.of_device) {
      const auto size = std::as_bytes(std::span(&binaries.sizes[index], 1));
      value->insert(value->end(), size.begin(), size.end());
    }
  }
  return status;
}

// The binaries one after another, in the order of the application's list of devices.
cl_int Binaries(const Program& program, Value* value) {
  ProgramBinaries binaries;
  if (const cl_int status = binaries.Read(program); status != CL_SUCCESS) {
    return status;
  }
  std::vector<std::vector<unsigned char>> parts;
  std::vector<unsigned char*> targets;
  for (const size_t size : binaries.sizes) {
    parts.emplace_back(size);
    targets.push_back(size == 0 ? nullptr : parts.back().data());
  }
  const cl_int status = program.api().clGetProgramInfo(
      program.native, CL_PROGRAM_BINARIES, targets.size() * sizeof(targets[0]), targets.data(), nullptr);
  for (const size_t index : binaries.of_device) {
    const auto bytes = std::as_bytes(std::span(parts[index]));
    value->insert(value->end(), bytes.begin(), bytes.end());
  }
  return status;
}

// An extension's function, which stands for the number after the last of the table.
constexpr uint32_t kSuggestedLocalSize = sizeof(cl_icd_dispatch) / sizeof(void*);
using clGetKernelSuggestedLocalWorkSizeKHR_fn = cl_int(CL_API_CALL*)(cl_command_queue, cl_kernel, cl_uint,
                                                                     const size_t*, const size_t*, size_t*);

struct QueryContext {
  const Api& api;
  cl_platform_id platform;
  const ObjectTable& objects;
  const calls::Query& call;
  const void* input() const { return call.input.empty() ? nullptr : call.input.data(); }

  template <typename T>
  T* Object() const {
    return objects.Find<T>(call.object);
  }
  const Device* OtherDevice() const { return objects.Find<Device>(call.other); }
};

cl_int QueryProgram(const QueryContext& q, Value* value) {
  const auto* program = q.Object<Program>();
  if (program == nullptr || program->native == nullptr) {
    return CL_INVALID_PROGRAM;
  }
  if (program->builds_running != 0) {
    return CL_INVALID_OPERATION;  // the program changes under our hands
  }
  if (q.call.parameter == CL_PROGRAM_BINARIES) {
    return Binaries(*program, value);
  }
  if (q.call.parameter == CL_PROGRAM_BINARY_SIZES) {
    return BinarySizes(*program, value);
  }
  return Fetch(
      [&](size_t size, void* to, size_t* needed) {
        return q.api.clGetProgramInfo(program->native, q.call.parameter, size, to, needed);
      },
      value);
}

cl_int QueryProgramBuild(const QueryContext& q, Value* value) {
  const auto* program = q.Object<Program>();
  const Device* device = q.OtherDevice();
  if (program == nullptr || device == nullptr) {
    return program == nullptr ? CL_INVALID_PROGRAM : CL_INVALID_DEVICE;
  }
  if (program->builds_running != 0 || program->native == nullptr) {
    const cl_build_status status = program->builds_running != 0 ? CL_BUILD_IN_PROGRESS : CL_BUILD_ERROR;
    if (q.call.parameter == CL_PROGRAM_BUILD_STATUS) {
      value->resize(sizeof status);
      std::memcpy(value->data(), &status, sizeof status);
      return CL_SUCCESS;
    }
    if (q.call.parameter == CL_PROGRAM_BUILD_LOG || q.call.parameter == CL_PROGRAM_BUILD_OPTIONS) {
      value->assign(1, std::byte{0});
      return CL_SUCCESS;
    }
    return CL_INVALID_PROGRAM;
  }
  const cl_int status = Fetch(
      [&](size_t size, void* to, size_t* needed) {
        return q.api.clGetProgramBuildInfo(program->native, device->native(), q.call.parameter, size, to,
                                           needed);
      },
      value);
  if (status == CL_SUCCESS && q.call.parameter == CL_PROGRAM_BUILD_LOG && !program->headers_folder.empty()) {
    // The compiler speaks of files as the application knows them.
    const std::string log =
        Replaced({reinterpret_cast<const char*>(value->data()), value->size()}, program->headers_folder, "");
    const auto bytes = std::as_bytes(std::span(log));
    value->assign(bytes.begin(), bytes.end());
  }
  return status;
}

cl_int QueryKernel(const QueryContext& q, Value* value) {
  const auto* kernel = q.Object<Kernel>();
  if (kernel == nullptr) {
    return CL_INVALID_KERNEL;
  }
  const Device* device = q.OtherDevice();
  cl_device_id native_device = device != nullptr ? device->native() : nullptr;
  const uint32_t parameter = q.call.parameter;
  switch (q.call.function) {
    case FLEXAI_FUNCTION_INDEX(clGetKernelInfo):
      return Fetch(
          [&](size_t size, void* to, size_t* needed) {
            return q.api.clGetKernelInfo(kernel->native(), parameter, size, to, needed);
          },
          value);
    case FLEXAI_FUNCTION_INDEX(clGetKernelArgInfo):
      return Fetch(
          [&](size_t size, void* to, size_t* needed) {
            return q.api.clGetKernelArgInfo(kernel->native(), q.call.index, parameter, size, to, needed);
          },
          value);
    case FLEXAI_FUNCTION_INDEX(clGetKernelWorkGroupInfo):
      return Fetch(
          [&](size_t size, void* to, size_t* needed) {
            return q.api.clGetKernelWorkGroupInfo(kernel->native(), native_device, parameter, size, to,
                                                  needed);
          },
          value);
    default:
      break;
  }
  if (q.api.clGetKernelSubGroupInfo == nullptr) {
    return CL_INVALID_OPERATION;
  }
  return Fetch(
      [&](size_t size, void* to, size_t* needed) {
        return q.api.clGetKernelSubGroupInfo(kernel->native(), native_device, parameter, q.call.input.size(),
                                             q.input(), size, to, needed);
      },
      value);
}

// input: dimensions, three offsets, three global sizes.
cl_int QuerySuggestedLocalSize(const QueryContext& q, Value* value) {
  const auto* kernel = q.Object<Kernel>();
  const auto* queue = q.objects.Find<Queue>(q.call.other);
  if (kernel == nullptr || queue == nullptr) {
    return kernel == nullptr ? CL_INVALID_KERNEL : CL_INVALID_COMMAND_QUEUE;
  }
  auto* suggest = reinterpret_cast<clGetKernelSuggestedLocalWorkSizeKHR_fn>(
      q.api.clGetExtensionFunctionAddressForPlatform(q.platform, "clGetKernelSuggestedLocalWorkSizeKHR"));
  if (suggest == nullptr) {
    return CL_INVALID_OPERATION;
  }
  uint64_t numbers[7] = {};
  if (q.call.input.size() != sizeof numbers) {
    return CL_INVALID_VALUE;
  }
  std::memcpy(numbers, q.call.input.data(), sizeof numbers);
  if (numbers[0] < 1 || numbers[0] > 3) {
    return CL_INVALID_WORK_DIMENSION;
  }
  const size_t offset[3] = {numbers[1], numbers[2], numbers[3]};
  const size_t global[3] = {numbers[4], numbers[5], numbers[6]};
  size_t local[3] = {};
  const cl_int status =
      suggest(queue->native(), kernel->native(), static_cast<cl_uint>(numbers[0]), offset, global, local);
  value->resize(sizeof local);
  std::memcpy(value->data(), local, sizeof local);
  return status;
}

cl_int QueryTimer(const QueryContext& q, Value* value) {
  const auto* device = q.Object<Device>();
  if (device == nullptr || q.api.clGetDeviceAndHostTimer == nullptr) {
    return device == nullptr ? CL_INVALID_DEVICE : CL_INVALID_OPERATION;
  }
  cl_ulong times[2] = {};
  const cl_int status = q.api.clGetDeviceAndHostTimer(device->native(), &times[0], &times[1]);
  value->resize(sizeof times);
  std::memcpy(value->data(), times, sizeof times);
  return status;
}

// Objects whose info function takes the object alone.
template <typename T, typename Function>
cl_int QueryPlain(const QueryContext& q, Function function, cl_int invalid, Value* value) {
  const auto* object = q.Object<T>();
  if (object == nullptr) {
    return invalid;
  }
  return Fetch([&](size_t size, void* to,
                   size_t* needed) { return function(object->native(), q.call.parameter, size, to, needed); },
               value);
}

// Of sub-devices, and of what the description of a device does not have.
cl_int QueryDevice(const QueryContext& q, Value* value) {
  const cl_int status = QueryPlain<Device>(q, q.api.clGetDeviceInfo, CL_INVALID_DEVICE, value);
  if (status == CL_SUCCESS) {
    const auto* device = q.Object<Device>();
    AdjustDeviceValue(device->runtime(), device->vxpu(), q.call.parameter, value);
  }
  return status;
}

cl_int Ask(const QueryContext& q, Value* value) {
  switch (q.call.function) {
    case FLEXAI_FUNCTION_INDEX(clGetDeviceInfo):
      return QueryDevice(q, value);
    case FLEXAI_FUNCTION_INDEX(clGetContextInfo):
      return QueryPlain<Context>(q, q.api.clGetContextInfo, CL_INVALID_CONTEXT, value);
    case FLEXAI_FUNCTION_INDEX(clGetCommandQueueInfo):
      return QueryPlain<Queue>(q, q.api.clGetCommandQueueInfo, CL_INVALID_COMMAND_QUEUE, value);
    case FLEXAI_FUNCTION_INDEX(clGetMemObjectInfo):
      return QueryPlain<Memory>(q, q.api.clGetMemObjectInfo, CL_INVALID_MEM_OBJECT, value);
    case FLEXAI_FUNCTION_INDEX(clGetImageInfo):
      return QueryPlain<Memory>(q, q.api.clGetImageInfo, CL_INVALID_MEM_OBJECT, value);
    case FLEXAI_FUNCTION_INDEX(clGetPipeInfo):
      return q.api.clGetPipeInfo == nullptr
                 ? CL_INVALID_OPERATION
                 : QueryPlain<Memory>(q, q.api.clGetPipeInfo, CL_INVALID_MEM_OBJECT, value);
    case FLEXAI_FUNCTION_INDEX(clGetSamplerInfo):
      return QueryPlain<Sampler>(q, q.api.clGetSamplerInfo, CL_INVALID_SAMPLER, value);
    case FLEXAI_FUNCTION_INDEX(clGetProgramInfo):
      return QueryProgram(q, value);
    case FLEXAI_FUNCTION_INDEX(clGetProgramBuildInfo):
      return QueryProgramBuild(q, value);
    case FLEXAI_FUNCTION_INDEX(clGetKernelInfo):
    case FLEXAI_FUNCTION_INDEX(clGetKernelArgInfo):
    case FLEXAI_FUNCTION_INDEX(clGetKernelWorkGroupInfo):
    case FLEXAI_FUNCTION_INDEX(clGetKernelSubGroupInfo):
      return QueryKernel(q, value);
    case kSuggestedLocalSize:
      return QuerySuggestedLocalSize(q, value);
    case FLEXAI_FUNCTION_INDEX(clGetDeviceAndHostTimer):
      return QueryTimer(q, value);
    default:
      return CL_INVALID_OPERATION;
  }
}

}  // namespace

void Handler::On(const FrameHeader& header, const calls::Query& call) {
  builds_.RunFinished();
  Value value;
  const QueryContext query{api(), runtime_.platform.id, objects_, call};
  const cl_int status = IsHandle(call.parameter) ? CL_INVALID_VALUE : Ask(query, &value);
  calls::QueryReply reply;
  if (status == CL_SUCCESS) {
    reply.value = value;
  }
  AnswerWith(header, status, reply);
}

}  // namespace flexai::executor::opencl
