#include "cli/doctor.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <system_error>

#include "cli/api_client.h"
#include "cli/icd_folder.h"
#include "node/config.h"
#include "node/inventory.h"
#include "os/dynamic_library.h"
#include "os/files.h"
#include "os/memory.h"
#include "os/user.h"

namespace flexai::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kLowDiskBytes = 64ull << 20;

Check CheckPrograms() {
  std::vector<std::string> missing;
  for (const char* program : {"flexaid", "flexai-keeper", "flexai-executor"}) {
    if (!node::FindProgram(program).ok()) {
      missing.emplace_back(program);
    }
  }
  if (!node::FindShim().ok()) {
    missing.emplace_back("libflexai-opencl.so");
  }
  if (missing.empty()) {
    return {"programs", Finding::kGood,
            "flexaid, flexai-keeper, flexai-executor and the OpenCL shim are installed", ""};
  }
  return {"programs", Finding::kMissing, fmt::format("missing: {}", fmt::join(missing, ", ")),
          "install flexai again ('make install'), all of its files in one place"};
}

Check CheckKernel() {
  const Result<std::string> release = os::ReadFile("/proc/sys/kernel/osrelease");
  unsigned major = 0;
  unsigned minor = 0;
  char dot = 0;
  std::istringstream(release.ok() ? *release : "") >> major >> dot >> minor;
  const std::string text = fmt::format("Linux {}.{}", major, minor);
  if (major < 5 || (major == 5 && minor < 10)) {
    return {"kernel", Finding::kMissing, text + " is too old",
            "use Linux 5.10 or newer (pidfds and sealed memory)"};
  }
  if (major == 5 && minor < 16) {
    return {"kernel", Finding::kWarning, text + " has no futex_waitv: waiting costs a little more",
            "use Linux 5.16 or newer"};
  }
  return {"kernel", Finding::kGood, text, ""};
}

Check CheckLoader() {
  // The loader alone; it loads no vendor's library before the first OpenCL call.
  if (Result<os::DynamicLibrary> loader = os::DynamicLibrary::Open("libOpenCL.so.1"); loader.ok()) {
    loader->Abandon();
    return {"opencl loader", Finding::kGood, "libOpenCL.so.1 is installed", ""};
  }
  return {"opencl loader", Finding::kMissing, "no libOpenCL.so.1: programs cannot use OpenCL",
          "install one, on Debian: apt install ocl-icd-libopencl1"};
}

Check CheckIcds(const Context& context) {
  const std::string folder = NativeIcdFolder(context.environment);
  const Result<std::vector<std::string>> names = os::ListFolder(folder);
  std::vector<std::string> icds;
  for (const std::string& name : names.ok() ? *names : std::vector<std::string>{}) {
    if (name.ends_with(".icd") && name != "flexai.icd") {
      icds.push_back(name);
    }
  }
  if (icds.empty()) {
    return {"opencl drivers", Finding::kMissing, fmt::format("no .icd file in {}", folder),
            "install the driver of your accelerator, or for the CPU on Debian: apt install pocl-opencl-icd"};
  }
  return {"opencl drivers", Finding::kGood, fmt::format("{}", fmt::join(icds, ", ")), ""};
}

Check CheckDevices() {
  const Result<std::string> executor = node::FindProgram("flexai-executor");
  if (!executor.ok()) {
    return {"devices", Finding::kMissing, executor.status().message(), "install flexai again"};
  }
  const Result<node::Inventory> inventory = node::Probe(*executor);
  if (!inventory.ok()) {
    return {"devices", Finding::kMissing, inventory.status().message(),
            "run 'flexai-executor --probe' by hand, and remove or mend the driver that fails"};
  }
  if (inventory->devices.empty()) {
    return {"devices", Finding::kMissing,
            inventory->errors.empty() ? "the drivers show no device"
                                      : fmt::format("{}", fmt::join(inventory->errors, "; ")),
            "check the driver, the cable, and that you may open /dev/dri/render* or /dev/nvidia*"};
  }
  std::vector<std::string> found;
  for (const node::Device& device : inventory->devices) {
    found.push_back(fmt::format("{} ({})", device.id, device.name));
  }
  if (!inventory->errors.empty()) {
    return {"devices", Finding::kWarning,
            fmt::format("{}; but: {}", fmt::join(found, ", "), fmt::join(inventory->errors, "; ")),
            "remove the .icd file of a driver that is not installed"};
  }
  return {"devices", Finding::kGood, fmt::format("{}", fmt::join(found, ", ")), ""};
}

// Device nodes exist that this user may not open.
Check CheckDeviceNodes() {
  std::vector<std::string> closed;
  std::error_code error;
  for (const char* folder : {"/dev/dri", "/dev"}) {
    const Result<std::vector<std::string>> names = os::ListFolder(folder);
    for (const std::string& name : names.ok() ? *names : std::vector<std::string>{}) {
      const bool accelerator = (folder == std::string_view("/dev/dri") && name.starts_with("renderD")) ||
                               name == "kfd" || name == "nvidia0" || name == "nvidiactl";
      const std::string path = fmt::format("{}/{}", folder, name);
      if (accelerator && !os::MayReadAndWrite(path)) {
        closed.push_back(path);
      }
    }
  }
  if (closed.empty()) {
    return {"device nodes", Finding::kGood, "no node of an accelerator is closed to you", ""};
  }
  return {"device nodes", Finding::kWarning, fmt::format("you may not open {}", fmt::join(closed, ", ")),
          fmt::format("add yourself to its group, for example: usermod -aG render,video {}",
                      os::UserName(os::EffectiveUser()))};
}

Check CheckRuntimeFolder(const Context& context) {
  const Result<node::RuntimePaths> paths = node::ResolveRuntimePaths(context.environment);
  if (!paths.ok()) {
    return {"runtime folder", Finding::kMissing, paths.status().message(),
            "unset or mend FLEXAI_RUNTIME_DIR"};
  }
  // The folder itself may not exist yet: its parent is what must be writable then.
  std::error_code error;
  const fs::path folder = paths->directory;
  const fs::path probe = fs::exists(folder, error) ? folder : folder.parent_path();
  if (!os::MayReadAndWrite(probe.string())) {
    return {"runtime folder", Finding::kMissing, fmt::format("{} is not writable", probe.string()),
            "make it yours, or set FLEXAI_RUNTIME_DIR to a folder that is"};
  }
  const fs::space_info space = fs::space(probe, error);
  if (!error && space.available < kLowDiskBytes) {
    return {"runtime folder", Finding::kMissing,
            fmt::format("{} has {} left", probe.string(), FormatBytes(Bytes{space.available})),
            "make room there: sockets and logs need it"};
  }
  return {"runtime folder", Finding::kGood, paths->directory, ""};
}

Check CheckSharedMemory() {
  const Result<os::UniqueFd> memory = os::CreateSealedMemfd("flexai-doctor", 1 << 20);
  const Result<os::Mapping> mapping =
      memory.ok() ? os::Mapping::Map(*memory, 1 << 20, os::Mapping::Access::kReadWrite) : memory.status();
  if (!mapping.ok()) {
    return {"shared memory", Finding::kMissing, mapping.status().message(),
            "raise the limits on memory and open files (ulimit -a), or end programs that hold them"};
  }
  return {"shared memory", Finding::kGood, "sealed memory can be made and mapped", ""};
}

Check CheckCgroups() {
  std::error_code error;
  const bool unified = fs::exists("/sys/fs/cgroup/cgroup.controllers", error);
  if (unified && os::MayReadAndWrite("/sys/fs/cgroup")) {
    return {"cgroups", Finding::kGood, "version 2 and writable: each executor gets its own", ""};
  }
  return {"cgroups", Finding::kWarning,
          unified ? "version 2, but not yours to write" : "version 2 is not mounted at /sys/fs/cgroup",
          "shares hold without it; for limits on executors' CPU and memory run flexaid as root on cgroup 2"};
}

Check CheckConfiguration(const Context& context) {
  const node::ConfigPath path = node::ResolveConfigPath(context.environment);
  const Result<node::Config> config = node::LoadConfig(path.path, path.must_exist);
  if (!config.ok()) {
    return {"configuration", Finding::kMissing, config.status().message(),
            "mend that line (flexaid.conf(5))"};
  }
  std::error_code error;
  return {"configuration", Finding::kGood,
          fs::exists(path.path, error) ? path.path : fmt::format("defaults ({} does not exist)", path.path),
          ""};
}

Check CheckDaemon(const Context& context) {
  Result<ApiClient> client = FindDaemon(context.environment);
  if (!client.ok()) {
    return {"flexaid", Finding::kGood, "not running: 'flexai run' starts one when it is needed", ""};
  }
  const Result<json> health = client->Json("GET", "/v1/health");
  if (!health.ok()) {
    return {"flexaid", Finding::kMissing, health.status().message(), "restart it: systemctl restart flexaid"};
  }
  const std::string version = health->value("version", "");
  if (version != context.version) {
    return {"flexaid", Finding::kMissing,
            fmt::format("flexaid is {} and flexai is {}", version, context.version),
            "install one release of both, then restart flexaid"};
  }
  if (const json problems = health->value("problems", json::array()); !problems.empty()) {
    return {"flexaid", Finding::kWarning,
            problems[0].is_string() ? problems[0].get<std::string>() : problems.dump(),
            "see its log: 'flexai logs'"};
  }
  return {"flexaid", Finding::kGood, fmt::format("{} serves {}", version, client->paths().directory), ""};
}

std::string_view FindingName(Finding finding) {
  switch (finding) {
    case Finding::kGood:
      return "ok";
    case Finding::kWarning:
      return "warning";
    case Finding::kMissing:
      return "missing";
  }
  return "missing";
}

}  // namespace

std::vector<Check> Examine(const Context& context) {
  return {CheckPrograms(),
          CheckKernel(),
          CheckLoader(),
          CheckIcds(context),
          CheckDevices(),
          CheckDeviceNodes(),
          CheckRuntimeFolder(context),
          CheckSharedMemory(),
          CheckCgroups(),
          CheckConfiguration(context),
          CheckDaemon(context)};
}

int Doctor(const Context& context) {
  const std::vector<Check> checks = Examine(context);
  const bool missing = std::any_of(checks.begin(), checks.end(),
                                   [](const Check& check) { return check.finding == Finding::kMissing; });
  if (context.json) {
    json list = json::array();
    for (const Check& check : checks) {
      list.push_back({{"name", check.name},
                      {"finding", FindingName(check.finding)},
                      {"detail", check.detail},
                      {"remedy", check.remedy}});
    }
    PrintJson(context, {{"checks", list}, {"ok", !missing}});
    return missing ? kExitFailure : 0;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Check& check : checks) {
    rows.push_back({std::string(FindingName(check.finding)), check.name, check.detail});
    if (!check.remedy.empty()) {
      rows.push_back({"", "", "-> " + check.remedy});
    }
  }
  context.out << FormatTable(rows);
  return missing ? kExitFailure : 0;
}

}  // namespace flexai::cli
