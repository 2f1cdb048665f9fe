// A tenant for the chaos test: computes on OpenCL until its time is over and checks every result.
//   chaos_worker SECONDS
// Exit status: 0 all results were right; 3 the session was lost (an API error came back); 4 a result was
// wrong, which nothing may ever cause.
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr size_t kItems = 4096;
constexpr const char* kSource =
    "__kernel void congruential(__global uint* x, uint rounds) {\n"
    "  uint v = x[get_global_id(0)];\n"
    "  for (uint i = 0; i < rounds; ++i) v = v * 1664525u + 1013904223u;\n"
    "  x[get_global_id(0)] = v;\n"
    "}\n";

// What `congruential` does to one value.
uint32_t Reference(uint32_t value, uint32_t rounds) {
  for (uint32_t i = 0; i < rounds; ++i) {
    value = value * 1664525u + 1013904223u;
  }
  return value;
}

double Now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Leaves with status 3 when a call fails: the session is gone.
void Check(cl_int error, const char* what) {
  if (error != CL_SUCCESS) {
    std::printf("lost at %s: %d\n", what, error);
    std::exit(3);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const double end = Now() + (argc > 1 ? std::atof(argv[1]) : 5);
  const char* done = argc > 2 ? argv[2] : "";  // ends earlier once this file exists
  cl_int error = CL_SUCCESS;
  cl_platform_id platform = nullptr;
  cl_device_id device = nullptr;
  Check(clGetPlatformIDs(1, &platform, nullptr), "platforms");
  Check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr), "devices");
  cl_context context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &error);
  Check(error, "context");
  cl_command_queue queue = clCreateCommandQueueWithProperties(context, device, nullptr, &error);
  Check(error, "queue");
  cl_program program =
      clCreateProgramWithSource(context, 1, const_cast<const char**>(&kSource), nullptr, &error);
  Check(error, "program");
  Check(clBuildProgram(program, 1, &device, "", nullptr, nullptr), "build");
  cl_kernel kernel = clCreateKernel(program, "congruential", &error);
  Check(error, "kernel");
  std::vector<uint32_t> values(kItems);
  for (uint32_t round = 0; Now() < end && access(done, F_OK) != 0; ++round) {
    cl_mem buffer = clCreateBuffer(context, CL_MEM_READ_WRITE, kItems * 4, nullptr, &error);
    Check(error, "buffer");
    for (uint32_t i = 0; i < kItems; ++i) {
      values[i] = i + round;
    }
    const uint32_t rounds = 100 + round % 7;
    Check(clEnqueueWriteBuffer(queue, buffer, CL_FALSE, 0, kItems * 4, values.data(), 0, nullptr, nullptr),
          "write");
    Check(clSetKernelArg(kernel, 0, sizeof(buffer), &buffer), "argument");
    Check(clSetKernelArg(kernel, 1, sizeof(rounds), &rounds), "argument");
    const size_t global = kItems;
    const size_t local = 64;
    Check(clEnqueueNDRangeKernel(queue, kernel, 1, nullptr, &global, &local, 0, nullptr, nullptr), "kernel");
    std::vector<uint32_t> results(kItems);
    Check(clEnqueueReadBuffer(queue, buffer, CL_TRUE, 0, kItems * 4, results.data(), 0, nullptr, nullptr),
          "read");
    for (uint32_t i = 0; i < kItems; ++i) {
      if (results[i] != Reference(i + round, rounds)) {
        std::printf("round %u item %u: %u instead of %u\n", round, i, results[i],
                    Reference(i + round, rounds));
        return 4;
      }
    }
    Check(clReleaseMemObject(buffer), "release");
  }
  std::printf("right\n");
  return 0;
}
