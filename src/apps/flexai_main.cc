// flexai: the command line.
#include "cli/command_line.h"

int main(int argc, char** argv) { return flexai::cli::RunCommandLine(argc, argv, FLEXAI_VERSION); }
