// The command line of flexaid.
#pragma once

#include <cstdint>
#include <string>

namespace flexai::cli {

// Parses the arguments, reads the configuration and serves until told to end. Returns the exit status.
// `description_hash` is that of the calls this build forwards.
int RunDaemon(int argc, char** argv, const std::string& version, uint64_t description_hash);

}  // namespace flexai::cli
