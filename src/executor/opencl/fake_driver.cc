#include "executor/opencl/fake_driver.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace flexai::executor::opencl {
namespace {

enum class Kind : uint32_t {
  kPlatform,
  kDevice,
  kContext,
  kQueue,
  kMemory,
  kSampler,
  kProgram,
  kKernel,
  kEvent
};

// What every OpenCL handle points to; the loader's interface wants the table first.
struct Handle {
  const cl_icd_dispatch* dispatch = nullptr;
  Kind kind = Kind::kPlatform;
  int references = 1;
  // kQueue: commands that have not ended. kEvent: whom to tell.
  std::vector<Handle*> commands;
  void(CL_CALLBACK* callback)(cl_event, cl_int, void*) = nullptr;
  void* user = nullptr;
  size_t bytes = 0;  // kMemory
};

std::atomic<int> live{0};  // programs are linked on the build thread
const cl_icd_dispatch& Table();

// Aborts the test on a handle of the wrong kind; a released one is the sanitizer's.
Handle* At(const void* handle, Kind kind) {
  auto* found = static_cast<Handle*>(const_cast<void*>(handle));
  if (found == nullptr || found->kind != kind || found->references <= 0) {
    std::abort();
  }
  return found;
}

template <typename T>
T New(Kind kind, cl_int* status, size_t bytes = 0) {
  auto* made = new Handle;
  made->dispatch = &Table();
  made->kind = kind;
  made->bytes = bytes;
  ++live;
  if (status != nullptr) {
    *status = CL_SUCCESS;
  }
  return reinterpret_cast<T>(made);
}

cl_int Free(const void* handle, Kind kind) {
  Handle* found = At(handle, kind);
  if (--found->references == 0) {
    --live;
    delete found;
  }
  return CL_SUCCESS;
}

Handle& Device() {
  static Handle device{&Table(), Kind::kDevice, 1, {}, nullptr, nullptr, 0};
  return device;
}

cl_int Give(const void* value, size_t size, size_t capacity, void* to, size_t* needed) {
  if (needed != nullptr) {
    *needed = size;
  }
  if (to != nullptr) {
    if (capacity < size) {
      return CL_INVALID_VALUE;
    }
    std::memcpy(to, value, size);
  }
  return CL_SUCCESS;
}

cl_int GiveZeros(size_t size, size_t capacity, void* to, size_t* needed) {
  const std::vector<char> zeros(size);
  return Give(zeros.data(), size, capacity, to, needed);
}

// A command is remembered with its event until the queue is flushed.
cl_int Command(cl_command_queue queue, cl_uint count, const cl_event* waits, cl_event* event) {
  Handle* on = At(queue, Kind::kQueue);
  for (cl_uint i = 0; i < count; ++i) {
    At(waits[i], Kind::kEvent);
  }
  auto made = New<cl_event>(Kind::kEvent, nullptr);
  Handle* handle = At(made, Kind::kEvent);
  ++handle->references;  // the queue's
  on->commands.push_back(handle);
  *event = made;
  return CL_SUCCESS;
}

bool Inside(cl_mem memory, size_t offset, size_t size) {
  const Handle* handle = At(memory, Kind::kMemory);
  return offset <= handle->bytes && size <= handle->bytes - offset;
}

// What a driver touches of host memory, touched, so that a sanitizer sees a bad range.
void Touch(const void* data, size_t size) {
  if (size > 0) {
    (void)static_cast<const volatile unsigned char*>(data)[0];
    (void)static_cast<const volatile unsigned char*>(data)[size - 1];
  }
}

cl_int CL_API_CALL DeviceInfo(cl_device_id device, cl_device_info what, size_t capacity, void* to,
                              size_t* needed) {
  At(device, Kind::kDevice);
  switch (what) {
    case CL_DEVICE_TYPE: {
      const cl_device_type type = CL_DEVICE_TYPE_CPU;
      return Give(&type, sizeof type, capacity, to, needed);
    }
    case CL_DEVICE_VERSION:
      return Give("OpenCL 3.0 fake", 16, capacity, to, needed);
    case CL_DEVICE_SVM_CAPABILITIES: {
      const cl_device_svm_capabilities bits = CL_DEVICE_SVM_COARSE_GRAIN_BUFFER;
      return Give(&bits, sizeof bits, capacity, to, needed);
    }
    case CL_DEVICE_IMAGE2D_MAX_WIDTH:
    case CL_DEVICE_IMAGE2D_MAX_HEIGHT: {
      const size_t most = 16384;
      return Give(&most, sizeof most, capacity, to, needed);
    }
    default:
      return GiveZeros(8, capacity, to, needed);
  }
}

cl_mem CL_API_CALL CreateBuffer(cl_context context, cl_mem_flags flags, size_t size, void* host,
                                cl_int* status) {
  At(context, Kind::kContext);
  if (((flags & (CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR)) != 0) != (host != nullptr)) {
    std::abort();
  }
  Touch(host, host != nullptr ? size : 0);
  return New<cl_mem>(Kind::kMemory, status, size);
}

cl_mem CL_API_CALL CreateImage(cl_context context, cl_mem_flags, const cl_image_format*,
                               const cl_image_desc* shape, void*, cl_int* status) {
  At(context, Kind::kContext);
  if (shape->mem_object != nullptr) {
    At(shape->mem_object, Kind::kMemory);
  }
  return New<cl_mem>(Kind::kMemory, status, shape->image_width);
}

cl_int CL_API_CALL Flush(cl_command_queue queue) {
  std::vector<Handle*> commands;
  commands.swap(At(queue, Kind::kQueue)->commands);
  for (Handle* command : commands) {
    if (command->callback != nullptr) {
      command->callback(reinterpret_cast<cl_event>(command), CL_COMPLETE, command->user);
    }
    Free(command, Kind::kEvent);
  }
  return CL_SUCCESS;
}

cl_int CL_API_CALL SetCallback(cl_event event, cl_int when,
                               void(CL_CALLBACK* callback)(cl_event, cl_int, void*), void* user) {
  Handle* handle = At(event, Kind::kEvent);
  if (when == CL_COMPLETE) {
    handle->callback = callback;
    handle->user = user;
  }
  return CL_SUCCESS;
}

void FillObjects(cl_icd_dispatch* t) {
  t->clGetPlatformInfo = [](cl_platform_id, cl_platform_info, size_t capacity, void* to,
                            size_t* needed) -> cl_int { return Give("fake", 5, capacity, to, needed); };
  t->clGetDeviceInfo = DeviceInfo;
  t->clCreateContext = [](const cl_context_properties*, cl_uint count, const cl_device_id* devices,
                          void(CL_CALLBACK*)(const char*, const void*, size_t, void*), void*,
                          cl_int* status) -> cl_context {
    for (cl_uint i = 0; i < count; ++i) {
      At(devices[i], Kind::kDevice);
    }
    return New<cl_context>(Kind::kContext, status);
  };
  t->clReleaseContext = [](cl_context c) -> cl_int { return Free(c, Kind::kContext); };
  t->clCreateCommandQueueWithProperties = [](cl_context context, cl_device_id device,
                                             const cl_queue_properties*, cl_int* status) -> cl_command_queue {
    At(context, Kind::kContext);
    At(device, Kind::kDevice);
    return New<cl_command_queue>(Kind::kQueue, status);
  };
  t->clReleaseCommandQueue = [](cl_command_queue q) -> cl_int {
    Flush(q);
    return Free(q, Kind::kQueue);
  };
  t->clCreateSubDevices = [](cl_device_id, const cl_device_partition_property*, cl_uint, cl_device_id*,
                             cl_uint*) -> cl_int { return CL_DEVICE_PARTITION_FAILED; };
  t->clCreateBuffer = CreateBuffer;
  t->clCreateSubBuffer = [](cl_mem parent, cl_mem_flags, cl_buffer_create_type, const void* region,
                            cl_int* status) -> cl_mem {
    cl_buffer_region range;
    std::memcpy(&range, region, sizeof range);
    if (!Inside(parent, range.origin, range.size)) {
      std::abort();
    }
    return New<cl_mem>(Kind::kMemory, status, range.size);
  };
  t->clCreateImage = CreateImage;
  t->clGetImageInfo = [](cl_mem m, cl_image_info, size_t capacity, void* to, size_t* needed) -> cl_int {
    At(m, Kind::kMemory);
    const size_t value = 4;
    return Give(&value, sizeof value, capacity, to, needed);
  };
  t->clGetMemObjectInfo = t->clGetImageInfo;
  t->clReleaseMemObject = [](cl_mem m) -> cl_int { return Free(m, Kind::kMemory); };
  t->clCreateSamplerWithProperties = [](cl_context c, const cl_sampler_properties*,
                                        cl_int* status) -> cl_sampler {
    At(c, Kind::kContext);
    return New<cl_sampler>(Kind::kSampler, status);
  };
  t->clReleaseSampler = [](cl_sampler s) -> cl_int { return Free(s, Kind::kSampler); };
  t->clGetSupportedImageFormats = [](cl_context, cl_mem_flags, cl_mem_object_type, cl_uint, cl_image_format*,
                                     cl_uint* count) -> cl_int {
    if (count != nullptr) {
      *count = 0;
    }
    return CL_SUCCESS;
  };
}

void FillPrograms(cl_icd_dispatch* t) {
  t->clCreateProgramWithSource = [](cl_context c, cl_uint, const char** text, const size_t* length,
                                    cl_int* status) -> cl_program {
    At(c, Kind::kContext);
    Touch(text[0], length[0]);
    if (std::string_view(text[0], length[0]) == kRefusedSource) {
      *status = CL_OUT_OF_HOST_MEMORY;
      return nullptr;
    }
    return New<cl_program>(Kind::kProgram, status);
  };
  t->clCreateProgramWithBinary = [](cl_context c, cl_uint count, const cl_device_id*, const size_t* lengths,
                                    const unsigned char** binaries, cl_int*, cl_int* status) -> cl_program {
    At(c, Kind::kContext);
    for (cl_uint i = 0; i < count; ++i) {
      Touch(binaries[i], lengths[i]);
    }
    return New<cl_program>(Kind::kProgram, status);
  };
  t->clCreateProgramWithBuiltInKernels = [](cl_context, cl_uint, const cl_device_id*, const char*,
                                            cl_int* status) -> cl_program {
    *status = CL_INVALID_VALUE;
    return nullptr;
  };
  t->clReleaseProgram = [](cl_program p) -> cl_int { return Free(p, Kind::kProgram); };
  t->clBuildProgram = [](cl_program p, cl_uint, const cl_device_id*, const char* options,
                         void(CL_CALLBACK*)(cl_program, void*), void*) -> cl_int {
    At(p, Kind::kProgram);
    return std::strlen(options) < SIZE_MAX ? CL_SUCCESS : CL_INVALID_VALUE;
  };
  t->clCompileProgram = [](cl_program p, cl_uint, const cl_device_id*, const char*, cl_uint count,
                           const cl_program* headers, const char**, void(CL_CALLBACK*)(cl_program, void*),
                           void*) -> cl_int {
    At(p, Kind::kProgram);
    for (cl_uint i = 0; i < count; ++i) {
      At(headers[i], Kind::kProgram);
    }
    return CL_SUCCESS;
  };
  t->clLinkProgram = [](cl_context c, cl_uint, const cl_device_id*, const char*, cl_uint count,
                        const cl_program* inputs, void(CL_CALLBACK*)(cl_program, void*), void*,
                        cl_int* status) -> cl_program {
    At(c, Kind::kContext);
    for (cl_uint i = 0; i < count; ++i) {
      At(inputs[i], Kind::kProgram);
    }
    return New<cl_program>(Kind::kProgram, status);
  };
  t->clGetProgramInfo = [](cl_program p, cl_program_info, size_t capacity, void* to,
                           size_t* needed) -> cl_int {
    At(p, Kind::kProgram);
    return GiveZeros(8, capacity, to, needed);
  };
  t->clGetProgramBuildInfo = [](cl_program p, cl_device_id d, cl_program_build_info, size_t capacity,
                                void* to, size_t* needed) -> cl_int {
    At(p, Kind::kProgram);
    At(d, Kind::kDevice);
    return GiveZeros(4, capacity, to, needed);
  };
  t->clUnloadPlatformCompiler = [](cl_platform_id) -> cl_int { return CL_SUCCESS; };
}

void FillKernels(cl_icd_dispatch* t) {
  t->clCreateKernel = [](cl_program p, const char*, cl_int* status) -> cl_kernel {
    At(p, Kind::kProgram);
    return New<cl_kernel>(Kind::kKernel, status);
  };
  t->clCloneKernel = [](cl_kernel k, cl_int* status) -> cl_kernel {
    At(k, Kind::kKernel);
    return New<cl_kernel>(Kind::kKernel, status);
  };
  t->clCreateKernelsInProgram = [](cl_program p, cl_uint count, cl_kernel* kernels,
                                   cl_uint* needed) -> cl_int {
    At(p, Kind::kProgram);
    if (needed != nullptr) {
      *needed = 1;
    }
    if (count > 0) {
      kernels[0] = New<cl_kernel>(Kind::kKernel, nullptr);
    }
    return CL_SUCCESS;
  };
  t->clReleaseKernel = [](cl_kernel k) -> cl_int { return Free(k, Kind::kKernel); };
  t->clGetKernelInfo = [](cl_kernel k, cl_kernel_info, size_t capacity, void* to, size_t* needed) -> cl_int {
    At(k, Kind::kKernel);
    const cl_uint arguments = 4;
    return Give(&arguments, sizeof arguments, capacity, to, needed);
  };
  t->clGetKernelArgInfo = [](cl_kernel, cl_uint, cl_kernel_arg_info, size_t, void*, size_t*) -> cl_int {
    return CL_KERNEL_ARG_INFO_NOT_AVAILABLE;
  };
  t->clGetKernelWorkGroupInfo = [](cl_kernel k, cl_device_id, cl_kernel_work_group_info, size_t capacity,
                                   void* to, size_t* needed) -> cl_int {
    At(k, Kind::kKernel);
    return GiveZeros(8, capacity, to, needed);
  };
  t->clSetKernelArg = [](cl_kernel k, cl_uint index, size_t size, const void* value) -> cl_int {
    At(k, Kind::kKernel);
    Touch(value, value != nullptr ? size : 0);
    return index < 4 ? CL_SUCCESS : CL_INVALID_ARG_INDEX;
  };
  t->clSetKernelArgSVMPointer = [](cl_kernel k, cl_uint, const void*) -> cl_int {
    At(k, Kind::kKernel);
    return CL_SUCCESS;
  };
  t->clSetKernelExecInfo = [](cl_kernel k, cl_kernel_exec_info, size_t, const void*) -> cl_int {
    At(k, Kind::kKernel);
    return CL_SUCCESS;
  };
  t->clEnqueueNDRangeKernel = [](cl_command_queue q, cl_kernel k, cl_uint, const size_t*, const size_t*,
                                 const size_t*, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(k, Kind::kKernel);
    return Command(q, n, w, e);
  };
}

void FillCommands(cl_icd_dispatch* t) {
  t->clEnqueueReadBuffer = [](cl_command_queue q, cl_mem m, cl_bool, size_t offset, size_t size, void* to,
                              cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    if (!Inside(m, offset, size)) {
      return CL_INVALID_VALUE;
    }
    Touch(to, size);
    return Command(q, n, w, e);
  };
  t->clEnqueueWriteBuffer = [](cl_command_queue q, cl_mem m, cl_bool, size_t offset, size_t size,
                               const void* from, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    if (!Inside(m, offset, size)) {
      return CL_INVALID_VALUE;
    }
    Touch(from, size);
    return Command(q, n, w, e);
  };
  t->clEnqueueReadBufferRect = [](cl_command_queue q, cl_mem m, cl_bool, const size_t*, const size_t*,
                                  const size_t*, size_t, size_t, size_t, size_t, void* to, cl_uint n,
                                  const cl_event* w, cl_event* e) -> cl_int {
    At(m, Kind::kMemory);
    Touch(to, 1);
    return Command(q, n, w, e);
  };
  t->clEnqueueWriteBufferRect = [](cl_command_queue q, cl_mem m, cl_bool, const size_t*, const size_t*,
                                   const size_t*, size_t, size_t, size_t, size_t, const void*, cl_uint n,
                                   const cl_event* w, cl_event* e) -> cl_int {
    At(m, Kind::kMemory);
    return Command(q, n, w, e);
  };
  t->clEnqueueCopyBuffer = [](cl_command_queue q, cl_mem a, cl_mem b, size_t from, size_t to, size_t size,
                              cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    return Inside(a, from, size) && Inside(b, to, size) ? Command(q, n, w, e) : CL_INVALID_VALUE;
  };
  t->clEnqueueCopyBufferRect = [](cl_command_queue q, cl_mem a, cl_mem b, const size_t*, const size_t*,
                                  const size_t*, size_t, size_t, size_t, size_t, cl_uint n, const cl_event* w,
                                  cl_event* e) -> cl_int {
    At(a, Kind::kMemory);
    At(b, Kind::kMemory);
    return Command(q, n, w, e);
  };
  t->clEnqueueFillBuffer = [](cl_command_queue q, cl_mem m, const void* pattern, size_t length, size_t offset,
                              size_t size, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    Touch(pattern, length);
    return Inside(m, offset, size) ? Command(q, n, w, e) : CL_INVALID_VALUE;
  };
  t->clEnqueueMigrateMemObjects = [](cl_command_queue q, cl_uint count, const cl_mem* objects,
                                     cl_mem_migration_flags, cl_uint n, const cl_event* w,
                                     cl_event* e) -> cl_int {
    for (cl_uint i = 0; i < count; ++i) {
      At(objects[i], Kind::kMemory);
    }
    return Command(q, n, w, e);
  };
  t->clEnqueueMarkerWithWaitList = [](cl_command_queue q, cl_uint n, const cl_event* w,
                                      cl_event* e) -> cl_int { return Command(q, n, w, e); };
  t->clEnqueueSVMMemcpy = [](cl_command_queue q, cl_bool, void* to, const void* from, size_t size, cl_uint n,
                             const cl_event* w, cl_event* e) -> cl_int {
    Touch(to, size);
    Touch(from, size);
    return Command(q, n, w, e);
  };
  t->clEnqueueSVMMemFill = [](cl_command_queue q, void* to, const void* pattern, size_t length, size_t size,
                              cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    Touch(to, size);
    Touch(pattern, length);
    return Command(q, n, w, e);
  };
}

void FillImageCommands(cl_icd_dispatch* t) {
  t->clEnqueueReadImage = [](cl_command_queue q, cl_mem m, cl_bool, const size_t*, const size_t*, size_t,
                             size_t, void* to, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(m, Kind::kMemory);
    Touch(to, 1);
    return Command(q, n, w, e);
  };
  t->clEnqueueWriteImage = [](cl_command_queue q, cl_mem m, cl_bool, const size_t*, const size_t*, size_t,
                              size_t, const void*, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(m, Kind::kMemory);
    return Command(q, n, w, e);
  };
  t->clEnqueueCopyImage = [](cl_command_queue q, cl_mem a, cl_mem b, const size_t*, const size_t*,
                             const size_t*, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(a, Kind::kMemory);
    At(b, Kind::kMemory);
    return Command(q, n, w, e);
  };
  t->clEnqueueCopyImageToBuffer = [](cl_command_queue q, cl_mem a, cl_mem b, const size_t*, const size_t*,
                                     size_t, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(a, Kind::kMemory);
    At(b, Kind::kMemory);
    return Command(q, n, w, e);
  };
  t->clEnqueueCopyBufferToImage = [](cl_command_queue q, cl_mem a, cl_mem b, size_t, const size_t*,
                                     const size_t*, cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(a, Kind::kMemory);
    At(b, Kind::kMemory);
    return Command(q, n, w, e);
  };
  t->clEnqueueFillImage = [](cl_command_queue q, cl_mem m, const void* color, const size_t*, const size_t*,
                             cl_uint n, const cl_event* w, cl_event* e) -> cl_int {
    At(m, Kind::kMemory);
    Touch(color, 16);
    return Command(q, n, w, e);
  };
}

void FillEvents(cl_icd_dispatch* t) {
  t->clFlush = Flush;
  t->clSetEventCallback = SetCallback;
  t->clReleaseEvent = [](cl_event e) -> cl_int { return Free(e, Kind::kEvent); };
  t->clWaitForEvents = [](cl_uint, const cl_event*) -> cl_int { return CL_SUCCESS; };
  t->clGetEventInfo = [](cl_event e, cl_event_info, size_t capacity, void* to, size_t* needed) -> cl_int {
    At(e, Kind::kEvent);
    const cl_int status = CL_SUBMITTED;
    return Give(&status, sizeof status, capacity, to, needed);
  };
  t->clGetEventProfilingInfo = [](cl_event e, cl_profiling_info, size_t capacity, void* to,
                                  size_t* needed) -> cl_int {
    At(e, Kind::kEvent);
    return GiveZeros(8, capacity, to, needed);
  };
  t->clGetContextInfo = [](cl_context c, cl_context_info, size_t capacity, void* to,
                           size_t* needed) -> cl_int {
    At(c, Kind::kContext);
    return GiveZeros(8, capacity, to, needed);
  };
  t->clGetCommandQueueInfo = [](cl_command_queue q, cl_command_queue_info, size_t capacity, void* to,
                                size_t* needed) -> cl_int {
    At(q, Kind::kQueue);
    return GiveZeros(8, capacity, to, needed);
  };
  t->clGetSamplerInfo = [](cl_sampler s, cl_sampler_info, size_t capacity, void* to,
                           size_t* needed) -> cl_int {
    At(s, Kind::kSampler);
    return GiveZeros(8, capacity, to, needed);
  };
  t->clGetExtensionFunctionAddressForPlatform = [](cl_platform_id, const char*) -> void* { return nullptr; };
}

const cl_icd_dispatch& Table() {
  static const cl_icd_dispatch table = [] {
    cl_icd_dispatch t{};
    FillObjects(&t);
    FillPrograms(&t);
    FillKernels(&t);
    FillCommands(&t);
    FillImageCommands(&t);
    FillEvents(&t);
    return t;
  }();
  return table;
}

}  // namespace

device::opencl::Platform FakePlatform() {
  static Handle platform{&Table(), Kind::kPlatform, 1, {}, nullptr, nullptr, 0};
  return {reinterpret_cast<cl_platform_id>(&platform), &Table(), 0, "fake"};
}

cl_device_id FakeDevice() { return reinterpret_cast<cl_device_id>(&Device()); }

int FakeHandles() { return live; }

}  // namespace flexai::executor::opencl
