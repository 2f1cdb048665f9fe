#include "client/session.h"

#include <fmt/format.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

namespace flexai::bench {
namespace {

// xorshift32: each step needs the one before it, and the result is stored, so the loop cannot be folded.
constexpr const char* kSource = R"(
__kernel void spin(__global uint* result, uint iterations) {
  uint x = 2463534242u;
  for (uint i = 0; i < iterations; ++i) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
  }
  result[get_global_id(0)] = x;
}
)";

}  // namespace

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

void SleepUntilNs(int64_t when_ns) {
  const timespec when{.tv_sec = when_ns / 1000000000, .tv_nsec = when_ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, nullptr) != 0) {
  }
}

void Fail(const std::string& message) {
  std::printf("%s\n", nlohmann::json{{"error", message}}.dump().c_str());
  std::fflush(stdout);
  std::_Exit(1);
}

void Check(cl_int status, const char* call) {
  if (status != CL_SUCCESS) {
    Fail(fmt::format("{} gave {}", call, status));
  }
}

Session::Session() {
  cl_int status;
  cl_platform_id platform;
  Check(clGetPlatformIDs(1, &platform, nullptr), "clGetPlatformIDs");
  Check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device_, nullptr), "clGetDeviceIDs");
  context_ = clCreateContext(nullptr, 1, &device_, nullptr, nullptr, &status);
  Check(status, "clCreateContext");
  queue_ = clCreateCommandQueueWithProperties(context_, device_, nullptr, &status);
  Check(status, "clCreateCommandQueueWithProperties");
  const char* source = kSource;
  program_ = clCreateProgramWithSource(context_, 1, &source, nullptr, &status);
  Check(status, "clCreateProgramWithSource");
  Check(clBuildProgram(program_, 1, &device_, "", nullptr, nullptr), "clBuildProgram");
  spin_ = clCreateKernel(program_, "spin", &status);
  Check(status, "clCreateKernel");
  result_ = CreateBuffer(4096);
  Check(clSetKernelArg(spin_, 0, sizeof result_, &result_), "clSetKernelArg");
  Spin(1);  // drivers may compile at the first launch
  Finish();
}

Session::~Session() {
  clReleaseMemObject(result_);
  clReleaseKernel(spin_);
  clReleaseProgram(program_);
  clReleaseCommandQueue(queue_);
  clReleaseContext(context_);
}

void Session::Spin(uint32_t iterations, cl_event* event) {
  Check(clSetKernelArg(spin_, 1, sizeof iterations, &iterations), "clSetKernelArg");
  const size_t one = 1;
  Check(clEnqueueNDRangeKernel(queue_, spin_, 1, nullptr, &one, &one, 0, nullptr, event),
        "clEnqueueNDRangeKernel");
}

void Session::Await(cl_event event) {
  Check(clWaitForEvents(1, &event), "clWaitForEvents");
  Check(clReleaseEvent(event), "clReleaseEvent");
}

cl_mem Session::CreateBuffer(size_t bytes) {
  cl_int status;
  cl_mem buffer = clCreateBuffer(context_, CL_MEM_READ_WRITE, bytes, nullptr, &status);
  Check(status, "clCreateBuffer");
  return buffer;
}

}  // namespace flexai::bench
