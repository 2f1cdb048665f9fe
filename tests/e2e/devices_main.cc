// A program over all devices of its platforms, as an application would be. Prints what it finds:
//   devices_tenant show    platforms, devices, what each computes, which of them can have a context together
//   devices_tenant child   the same in a forked child that only has its parent's handles
//   devices_tenant lost    computes on the last device until that is lost, then on the others
// Exit status 1: a result was wrong, or a call failed that must not.
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr uint32_t kItems = 1024;
constexpr const char* kSource =
    "__kernel void squares(__global uint* x) { size_t i = get_global_id(0); x[i] = i * i; }";

void Check(cl_int status, const char* what) {
  if (status != CL_SUCCESS) {
    std::printf("%s: %d\n", what, status);
    std::exit(1);
  }
}

// Squares on `device` in a context of its own; the code of the first call that fails.
cl_int Compute(cl_device_id device) {
  cl_int status = CL_SUCCESS;
  std::vector<uint32_t> squares(kItems);
  cl_context context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &status);
  if (status != CL_SUCCESS) {
    return status;
  }
  cl_command_queue queue = clCreateCommandQueueWithProperties(context, device, nullptr, &status);
  cl_program program =
      clCreateProgramWithSource(context, 1, const_cast<const char**>(&kSource), nullptr, &status);
  cl_mem buffer = clCreateBuffer(context, CL_MEM_READ_WRITE, kItems * 4, nullptr, &status);
  cl_kernel kernel = nullptr;
  if (status == CL_SUCCESS) {
    status = clBuildProgram(program, 0, nullptr, "", nullptr, nullptr);
  }
  if (status == CL_SUCCESS) {
    kernel = clCreateKernel(program, "squares", &status);
  }
  if (status == CL_SUCCESS) {
    status = clSetKernelArg(kernel, 0, sizeof(buffer), &buffer);
  }
  const size_t global = kItems;
  if (status == CL_SUCCESS) {
    status = clEnqueueNDRangeKernel(queue, kernel, 1, nullptr, &global, nullptr, 0, nullptr, nullptr);
  }
  if (status == CL_SUCCESS) {
    status = clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, kItems * 4, squares.data(), 0, nullptr, nullptr);
  }
  for (uint32_t i = 0; status == CL_SUCCESS && i < kItems; ++i) {
    if (squares[i] != i * i) {
      std::printf("item %u is %u\n", i, squares[i]);
      std::exit(1);
    }
  }
  clReleaseKernel(kernel);
  clReleaseMemObject(buffer);
  clReleaseProgram(program);
  clReleaseCommandQueue(queue);
  clReleaseContext(context);
  return status;
}

void ShowTogether(const std::vector<cl_device_id>& devices, size_t one, size_t other) {
  cl_device_id both[] = {devices[one], devices[other]};
  bool told = false;
  cl_int status = 1;
  cl_context context = clCreateContext(
      nullptr, 2, both,
      [](const char*, const void*, size_t, void* flag) { *static_cast<bool*>(flag) = true; }, &told, &status);
  std::printf("%zu and %zu: %d%s\n", one, other, status, told ? ", told why" : "");
  if (context != nullptr) {
    clReleaseContext(context);
  }
}

void Show(cl_platform_id platform, const std::vector<cl_device_id>& devices) {
  for (size_t i = 0; i < devices.size(); ++i) {
    cl_ulong bytes = 0;
    cl_platform_id of = nullptr;
    Check(clGetDeviceInfo(devices[i], CL_DEVICE_GLOBAL_MEM_SIZE, sizeof(bytes), &bytes, nullptr), "memory");
    Check(clGetDeviceInfo(devices[i], CL_DEVICE_PLATFORM, sizeof(of), &of, nullptr), "platform");
    std::printf("device %zu: %llu MiB, %s, computes: %d\n", i, static_cast<unsigned long long>(bytes >> 20),
                of == platform ? "of the platform" : "of another platform", Compute(devices[i]));
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    for (size_t j = i + 1; j < devices.size(); ++j) {
      ShowTogether(devices, i, j);
    }
  }
  const cl_context_properties list[] = {CL_CONTEXT_PLATFORM,
                                        reinterpret_cast<cl_context_properties>(platform), 0};
  cl_int status = 1;
  cl_context context = clCreateContextFromType(list, CL_DEVICE_TYPE_CPU, nullptr, nullptr, &status);
  Check(status, "context from type");
  cl_uint count = 0;
  Check(clGetContextInfo(context, CL_CONTEXT_NUM_DEVICES, sizeof(count), &count, nullptr), "context");
  clReleaseContext(context);
  std::printf("context from type: %u devices\n", count);
}

int ShowInChild(cl_platform_id platform, const std::vector<cl_device_id>& devices) {
  const cl_int before = Compute(devices.back());
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    Show(platform, devices);
    std::vector<cl_device_id> again(devices.size());
    Check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, static_cast<cl_uint>(again.size()), again.data(),
                         nullptr),
          "devices");
    std::printf("the handles are %s\n", again == devices ? "the same" : "others");
    std::fflush(stdout);
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  std::printf("parent: %d before, %d after\n", before, Compute(devices.back()));
  return status == 0 ? 0 : 1;
}

int ComputeUntilLost(const std::vector<cl_device_id>& devices) {
  cl_int status = Compute(devices.back());
  std::printf("the last one computes: %d\n", status);
  std::fflush(stdout);
  while (status == CL_SUCCESS) {
    status = Compute(devices.back());
  }
  std::printf("lost: %d\n", status);
  for (size_t i = 0; i + 1 < devices.size(); ++i) {
    std::printf("device %zu computes: %d\n", i, Compute(devices[i]));
  }
  std::printf("the last one computes: %d\n", Compute(devices.back()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "show";
  cl_uint platform_count = 0, device_count = 0;
  cl_platform_id platform = nullptr;
  Check(clGetPlatformIDs(1, &platform, &platform_count), "platforms");
  Check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, nullptr, &device_count), "devices");
  std::vector<cl_device_id> devices(device_count);
  Check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, device_count, devices.data(), nullptr), "devices");
  std::printf("platforms: %u\n", platform_count);
  if (std::strcmp(mode, "child") == 0) {
    return ShowInChild(platform, devices);
  }
  if (std::strcmp(mode, "lost") == 0) {
    return ComputeUntilLost(devices);
  }
  Show(platform, devices);
  return 0;
}
