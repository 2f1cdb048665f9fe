// flexai completion: scripts for bash, zsh and fish, made from the command line's own description.
#pragma once

#include <string>

#include "cli/command.h"

namespace CLI {
class App;
}

namespace flexai::cli {

int PrintCompletion(const Context& context, const CLI::App& app, const std::string& shell);

}  // namespace flexai::cli
