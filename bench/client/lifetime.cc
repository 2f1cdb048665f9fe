// How long a program takes from its start to its first context.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>

#include "client/commands.h"
#include "os/process.h"

namespace flexai::bench {

int Attach() {
  cl_int status;
  cl_platform_id platform;
  cl_device_id device;
  Check(clGetPlatformIDs(1, &platform, nullptr), "clGetPlatformIDs");
  Check(clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, nullptr), "clGetDeviceIDs");
  cl_context context = clCreateContext(nullptr, 1, &device, nullptr, nullptr, &status);
  Check(status, "clCreateContext");
  std::printf("{\"context_ns\":%lld}\n", static_cast<long long>(NowNs()));
  std::fflush(stdout);
  Check(clReleaseContext(context), "clReleaseContext");
  return 0;
}

int AttachLoop(const char* program) {
  std::puts("{\"ready\":true}");
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    os::SpawnOptions options;
    options.program = program;
    options.arguments = {"attach"};
    options.environment = os::Environment();
    const int64_t start = NowNs();
    const auto output = os::RunAndCapture(std::move(options), Seconds(60));
    if (!output.ok()) {
      Fail(output.status().message());
    }
    const Json answer = Json::parse(output->out, nullptr, false);
    if (!answer.is_object() || !answer.contains("context_ns")) {
      Fail("attach printed: " + output->out);
    }
    const double milliseconds = static_cast<double>(answer["context_ns"].get<int64_t>() - start) / 1e6;
    std::printf("%s\n", Json{{"milliseconds", milliseconds}}.dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace flexai::bench
