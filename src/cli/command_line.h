// The command line of flexai: commands, options and help; docs/man/flexai.1 is the same for reading.
#pragma once

#include <string>

namespace flexai::cli {

// Parses the arguments and runs the command they name. Returns the exit status.
int RunCommandLine(int argc, char** argv, const std::string& version);

}  // namespace flexai::cli
