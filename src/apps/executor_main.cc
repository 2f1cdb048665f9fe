// flexai-executor: the process that opens a device on behalf of one session. Started by a keeper or, to list
// devices, by flexaid; nobody needs to start it by hand.
#include <fmt/format.h>

#include <cstring>

#include "device/opencl/inventory.h"
#include "executor/opencl/session_process.h"

namespace {

constexpr const char* kUsage =
    "usage: flexai-executor --probe               print the machine's devices as JSON\n"
    "       flexai-executor --session [--sandbox JSON]\n"
    "                                             serve one session of the keeper on descriptor 3\n";

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--probe") == 0) {
    fmt::print("{}\n", flexai::device::opencl::ToJson(flexai::device::opencl::Probe()));
    return 0;
  }
  if (argc >= 2 && std::strcmp(argv[1], "--session") == 0) {
    if (argc == 2) {
      return flexai::executor::opencl::RunSessionProcess("");
    }
    if (argc == 4 && std::strcmp(argv[2], "--sandbox") == 0) {
      return flexai::executor::opencl::RunSessionProcess(argv[3]);
    }
  }
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    fmt::print("{}", kUsage);
    return 0;
  }
  fmt::print(stderr, "{}", kUsage);
  return 2;
}
