// What every program of this folder begins with: the device, and macros that print a call and its result.
//
// A program prints lines that depend on nothing but the calls and the device: no address, no time, no order
// that threads decide. The harness runs it natively and through flexai and compares the two outputs.
#pragma once

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl.h>
#include <CL/cl_ext.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static cl_int err MAYBE_UNUSED;
static cl_platform_id platform MAYBE_UNUSED;
static cl_device_id device MAYBE_UNUSED;
static cl_context context MAYBE_UNUSED;
static cl_command_queue queue MAYBE_UNUSED;

// The name of a result of an OpenCL call.
static MAYBE_UNUSED const char* CodeName(cl_int code) {
#define NAME(n) \
  case n:       \
    return #n;
  switch (code) {
    // clang-format off
    NAME(CL_SUCCESS) NAME(CL_DEVICE_NOT_FOUND) NAME(CL_DEVICE_NOT_AVAILABLE) NAME(CL_COMPILER_NOT_AVAILABLE)
    NAME(CL_MEM_OBJECT_ALLOCATION_FAILURE) NAME(CL_OUT_OF_RESOURCES) NAME(CL_OUT_OF_HOST_MEMORY)
    NAME(CL_PROFILING_INFO_NOT_AVAILABLE) NAME(CL_MEM_COPY_OVERLAP) NAME(CL_IMAGE_FORMAT_MISMATCH)
    NAME(CL_IMAGE_FORMAT_NOT_SUPPORTED) NAME(CL_BUILD_PROGRAM_FAILURE) NAME(CL_MAP_FAILURE)
    NAME(CL_MISALIGNED_SUB_BUFFER_OFFSET) NAME(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
    NAME(CL_COMPILE_PROGRAM_FAILURE) NAME(CL_LINKER_NOT_AVAILABLE) NAME(CL_LINK_PROGRAM_FAILURE)
    NAME(CL_DEVICE_PARTITION_FAILED) NAME(CL_KERNEL_ARG_INFO_NOT_AVAILABLE) NAME(CL_INVALID_VALUE)
    NAME(CL_INVALID_DEVICE_TYPE) NAME(CL_INVALID_PLATFORM) NAME(CL_INVALID_DEVICE) NAME(CL_INVALID_CONTEXT)
    NAME(CL_INVALID_QUEUE_PROPERTIES) NAME(CL_INVALID_COMMAND_QUEUE) NAME(CL_INVALID_HOST_PTR)
    NAME(CL_INVALID_MEM_OBJECT) NAME(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR) NAME(CL_INVALID_IMAGE_SIZE)
    NAME(CL_INVALID_SAMPLER) NAME(CL_INVALID_BINARY) NAME(CL_INVALID_BUILD_OPTIONS) NAME(CL_INVALID_PROGRAM)
    NAME(CL_INVALID_PROGRAM_EXECUTABLE) NAME(CL_INVALID_KERNEL_NAME) NAME(CL_INVALID_KERNEL_DEFINITION)
    NAME(CL_INVALID_KERNEL) NAME(CL_INVALID_ARG_INDEX) NAME(CL_INVALID_ARG_VALUE) NAME(CL_INVALID_ARG_SIZE)
    NAME(CL_INVALID_KERNEL_ARGS) NAME(CL_INVALID_WORK_DIMENSION) NAME(CL_INVALID_WORK_GROUP_SIZE)
    NAME(CL_INVALID_WORK_ITEM_SIZE) NAME(CL_INVALID_GLOBAL_OFFSET) NAME(CL_INVALID_EVENT_WAIT_LIST)
    NAME(CL_INVALID_EVENT) NAME(CL_INVALID_OPERATION) NAME(CL_INVALID_GL_OBJECT)
    NAME(CL_INVALID_BUFFER_SIZE) NAME(CL_INVALID_MIP_LEVEL) NAME(CL_INVALID_GLOBAL_WORK_SIZE)
    NAME(CL_INVALID_PROPERTY) NAME(CL_INVALID_IMAGE_DESCRIPTOR) NAME(CL_INVALID_COMPILER_OPTIONS)
    NAME(CL_INVALID_LINKER_OPTIONS) NAME(CL_INVALID_DEVICE_PARTITION_COUNT) NAME(CL_INVALID_PIPE_SIZE)
    NAME(CL_INVALID_DEVICE_QUEUE) NAME(CL_INVALID_SPEC_ID) NAME(CL_MAX_SIZE_RESTRICTION_EXCEEDED)
    // clang-format on
  }
#undef NAME
  static char unknown[32];
  snprintf(unknown, sizeof unknown, "code %d", code);
  return unknown;
}

static MAYBE_UNUSED cl_int Show(const char* text, cl_int code) {
  printf("%s: %s\n", text, CodeName(code));
  fflush(stdout);
  return code;
}

static MAYBE_UNUSED void Require(const char* text, cl_int code, int line) {
  if (code == CL_SUCCESS) return;
  printf("line %d: %s: %s\n", line, text, CodeName(code));
  fflush(stdout);
  exit(1);
}

// SHOW(call) prints the call and its code. OK(call) ends the program unless the call succeeds. For calls that
// give their code by a last argument, to be named &err: GET(call) prints, MAKE(call) must succeed.
#define SHOW(...) Show(#__VA_ARGS__, (__VA_ARGS__))
#define OK(...) Require(#__VA_ARGS__, (__VA_ARGS__), __LINE__)
#define GET(...)                                              \
  ({                                                          \
    err = 12345;                                              \
    __typeof__(__VA_ARGS__) result_ = (__VA_ARGS__);          \
    Show(#__VA_ARGS__, err);                                  \
    if (err == CL_SUCCESS && result_ == NULL) puts("  null"); \
    result_;                                                  \
  })
#define MAKE(...)                                    \
  ({                                                 \
    err = 12345;                                     \
    __typeof__(__VA_ARGS__) result_ = (__VA_ARGS__); \
    Require(#__VA_ARGS__, err, __LINE__);            \
    result_;                                         \
  })

// The first platform and its first device; CL_PROGRAM_PLATFORM in the environment picks a platform by a part
// of its name.
static MAYBE_UNUSED void FindDevice(void) {
  cl_platform_id platforms[16];
  cl_uint count = 0;
  OK(clGetPlatformIDs(16, platforms, &count));
  const char* wanted = getenv("CL_PROGRAM_PLATFORM");
  for (cl_uint i = 0; i < count && i < 16; ++i) {
    char name[256] = "";
    OK(clGetPlatformInfo(platforms[i], CL_PLATFORM_NAME, sizeof name, name, NULL));
    if (wanted && !strstr(name, wanted)) continue;
    platform = platforms[i];
    OK(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL));
    return;
  }
  printf("no platform%s%s\n", wanted ? " named like " : "", wanted ? wanted : "");
  exit(1);
}

// Device, context and one in-order queue in the variables above.
static MAYBE_UNUSED void Begin(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  FindDevice();
  context = MAKE(clCreateContext(NULL, 1, &device, NULL, NULL, &err));
  queue = MAKE(clCreateCommandQueue(context, device, 0, &err));  // which OpenCL 1.2 has too
}

static MAYBE_UNUSED void End(void) {
  OK(clReleaseCommandQueue(queue));
  OK(clReleaseContext(context));
  puts("end");
}

// A built program, from one source.
static MAYBE_UNUSED cl_program Build(const char* source, const char* options) {
  cl_program program = MAKE(clCreateProgramWithSource(context, 1, &source, NULL, &err));
  cl_int code = clBuildProgram(program, 1, &device, options, NULL, NULL);
  if (code != CL_SUCCESS) {
    static char log[65536];
    clGetProgramBuildInfo(program, device, CL_PROGRAM_BUILD_LOG, sizeof log, log, NULL);
    fprintf(stderr, "%s\n", log);
  }
  Require("clBuildProgram", code, __LINE__);
  return program;
}

static MAYBE_UNUSED cl_kernel BuildKernel(const char* source, const char* name) {
  cl_program program = Build(source, "");
  cl_kernel kernel = MAKE(clCreateKernel(program, name, &err));
  OK(clReleaseProgram(program));
  return kernel;
}

// FNV-1a of some bytes: one number that stands for a buffer's contents.
static MAYBE_UNUSED unsigned long long Hash(const void* bytes, size_t size) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (size_t i = 0; i < size; ++i) hash = (hash ^ ((const unsigned char*)bytes)[i]) * 0x100000001b3ull;
  return hash;
}

static MAYBE_UNUSED void ShowInts(const char* label, const int* values, size_t count) {
  printf("%s:", label);
  for (size_t i = 0; i < count; ++i) printf(" %d", values[i]);
  printf("\n");
}

// The contents of a buffer, by a blocking read.
static MAYBE_UNUSED unsigned long long BufferHash(cl_mem buffer, size_t offset, size_t size) {
  void* bytes = malloc(size);
  OK(clEnqueueReadBuffer(queue, buffer, CL_TRUE, offset, size, bytes, 0, NULL, NULL));
  unsigned long long hash = Hash(bytes, size);
  free(bytes);
  return hash;
}

// Bytes that are different everywhere and the same in each run.
static MAYBE_UNUSED void Pattern(void* bytes, size_t size, unsigned seed) {
  for (size_t i = 0; i < size; ++i)
    ((unsigned char*)bytes)[i] = (unsigned char)((i * 2654435761u + seed * 40503u) >> 11);
}
