// apigen DESCRIPTION OUTPUT_FOLDER: generates calls.h, dispatch.h, functions.inc, calls.md and ids.txt from
// one call description. `opencl.api` becomes namespace flexai::opencl.
#include <fmt/core.h>

#include <cstdio>
#include <filesystem>

#include "emit.h"
#include "os/files.h"

namespace {

using namespace flexai;

Status Run(const std::string& source, const std::string& folder) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string text, os::ReadFile(source));
  Result<apigen::Description> description = apigen::ParseDescription(text);
  if (!description.ok()) {
    return description.status().WithContext(source);
  }
  const std::string api = std::filesystem::path(source).stem().string();
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(folder));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(folder + "/calls.h", apigen::EmitCalls(*description, api)));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(folder + "/dispatch.h", apigen::EmitDispatch(*description, api)));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(folder + "/functions.inc", apigen::EmitFunctions(*description, api)));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(folder + "/ids.txt", apigen::EmitIds(*description)));
  return os::WriteFile(folder + "/calls.md", apigen::EmitDocument(*description, api));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: apigen DESCRIPTION.api OUTPUT_FOLDER\n");
    return 2;
  }
  if (const Status status = Run(argv[1], argv[2]); !status.ok()) {
    fmt::print(stderr, "apigen: {}\n", status.message());
    return 1;
  }
  return 0;
}
