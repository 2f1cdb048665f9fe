#include "rig.h"

#include <fmt/format.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/stream.h"

namespace flexai::bench {
namespace {

std::string Percent(int permille) { return fmt::format("{}.{}%", permille / 10, permille % 10); }

}  // namespace

Cores ChooseCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || !CPU_ISSET(0, &allowed)) {
    return {};
  }
  for (int core = 1; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &allowed)) {
      return {.pinned = true, .device = 0, .host = core};
    }
  }
  return {};
}

Result<std::unique_ptr<Rig>> Rig::Make(const std::string& build_folder, const std::string& output_folder,
                                       const std::string& suite) {
  std::unique_ptr<Rig> rig(new Rig);
  rig->cores_ = ChooseCores();
  rig->folders_ = {.build = build_folder,
                   .output = output_folder,
                   .logs = output_folder + "/logs/" + suite,
                   .runtime = fmt::format("/tmp/flexai-bench-{}", getpid())};
  FLEXAI_RETURN_IF_ERROR(os::RemoveFolder(rig->folders_.logs));
  FLEXAI_RETURN_IF_ERROR(os::RemoveFolder(rig->folders_.runtime));
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(rig->folders_.logs));
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(rig->folders_.runtime, 0700));
  return rig;
}

Rig::~Rig() {
  EndProgram(daemon_, SIGTERM, Seconds(10));
  (void)os::RemoveFolder(folders_.runtime);
}

Launch Rig::Base(const std::string& program, const char* log) const {
  Launch launch;
  launch.program = program.find('/') == std::string::npos ? folders_.build + "/" + program : program;
  std::vector<std::string> environment{"POCL_MAX_PTHREAD_COUNT=1",
                                       "POCL_CACHE_DIR=" + folders_.output + "/pocl-cache",
                                       "FLEXAI_RUNTIME_DIR=" + folders_.runtime,
                                       "FLEXAI_LOCK_DIR=" + folders_.runtime,
                                       "FLEXAI_CONFIG=/dev/null",
                                       "HOME=" + folders_.runtime};
  if (cores_.pinned) {
    environment.push_back("POCL_AFFINITY=1");
    launch.core = cores_.host;
  }
  launch.environment = os::Environment(environment);
  launch.log_path = folders_.logs + "/" + log;
  return launch;
}

Launch Rig::Native(const std::string& program, const std::vector<std::string>& arguments) const {
  Launch launch = Base(program, "native.log");
  launch.arguments = arguments;
  return launch;
}

Launch Rig::OnVxpu(const Vxpu& vxpu, const std::string& program,
                   const std::vector<std::string>& arguments) const {
  Launch launch = Base("flexai", "flexai.log");
  launch.arguments = {"run",
                      "--share",
                      Percent(vxpu.share_permille),
                      "--limit",
                      Percent(vxpu.limit_permille),
                      "--priority",
                      vxpu.priority,
                      "--memory",
                      vxpu.memory,
                      "--",
                      Base(program, "").program};
  launch.arguments.insert(launch.arguments.end(), arguments.begin(), arguments.end());
  return launch;
}

Status Rig::StartDaemon() {
  if (daemon_runs()) {
    return {};
  }
  const Launch launch = Base("flexaid", "flexaid.log");
  FLEXAI_ASSIGN_OR_RETURN(daemon_, StartProgram(launch));
  const os::MonotonicClock clock;
  const Nanos deadline = clock.Now() + Seconds(20);
  while (!os::ConnectStream(folders_.runtime + "/api.sock").ok()) {
    if (os::WaitForEnd(daemon_.pidfd, Millis(50))) {
      (void)os::Reap(daemon_);
      daemon_ = {};
      return Unavailable("flexaid ended while it started; its log is " + launch.log_path + ".");
    }
    if (clock.Now() > deadline) {
      return DeadlineExceeded("flexaid took no connection within 20 s; its log is " + launch.log_path + ".");
    }
  }
  return {};
}

}  // namespace flexai::bench
