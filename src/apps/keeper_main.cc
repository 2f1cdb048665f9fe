// flexai-keeper: holds the shares and memory of one device and starts its executors (keeper/daemon.h).
#include <cstdio>
#include <string>
#include <vector>

#include "keeper/daemon.h"
#include "keeper/options.h"

int main(int argc, char** argv) {
  const flexai::Result<flexai::keeper::Options> options =
      flexai::keeper::ParseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (!options.ok()) {
    const bool help = options.status().code() == flexai::Code::kNotFound;
    std::fprintf(help ? stdout : stderr, "%s%s\n",
                 help ? "" : "flexai-keeper: ", options.status().message().c_str());
    return help ? 0 : 2;
  }
  const flexai::Status status = flexai::keeper::RunKeeper(*options);
  if (!status.ok()) {
    std::fprintf(stderr, "flexai-keeper: %s\n", status.message().c_str());
    return 1;
  }
  return 0;
}
