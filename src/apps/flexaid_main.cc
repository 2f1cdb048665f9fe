// flexaid: the node daemon.
#include "api/opencl/calls.h"
#include "cli/daemon_command.h"

int main(int argc, char** argv) {
  return flexai::cli::RunDaemon(argc, argv, FLEXAI_VERSION, flexai::opencl::kDescriptionHash);
}
