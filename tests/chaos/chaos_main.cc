// Kills daemon, keeper, executors, applications and `flexai run` at random and checks after each kill that
// what must survive does, and that what was held comes back within a second.
//   flexai-chaos BUILD_FOLDER [KILLS [SEED]]
// The same seed picks the same victims; the moments depend on the machine.
#include <fmt/core.h>
#include <signal.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/random.h"
#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/process.h"

namespace {

using namespace flexai;
using nlohmann::json;

constexpr int kTenants = 4;
constexpr const char* kShare = "20%";
constexpr const char* kMemory = "64Mi";
constexpr Nanos kReturnBound = Seconds(1);

enum class Victim { kApplication, kRun, kExecutor, kDaemon, kKeeper };
constexpr const char* kVictimNames[] = {"application", "flexai run", "executor", "flexaid", "keeper"};

void SleepMillis(int64_t ms) {
  const timespec duration{ms / 1000, ms % 1000 * 1000000};
  nanosleep(&duration, nullptr);
}

// One `flexai run -- chaos_worker`.
struct Tenant {
  os::Process run;
  bool may_be_lost = false;  // something it depends on was killed
};

class Chaos {
 public:
  Chaos(std::string build, std::string folder, uint64_t seed)
      : build_(std::move(build)), folder_(std::move(folder)), random_(seed) {}

  Status Run(int kills) {
    FLEXAI_RETURN_IF_ERROR(StartDaemon());
    while (tenants_.size() < kTenants) {
      FLEXAI_RETURN_IF_ERROR(StartTenant());
    }
    std::map<Victim, int> counts;
    for (int kill = 0; kill < kills; ++kill) {
      SleepMillis(random_.Between(50, 600));
      FLEXAI_RETURN_IF_ERROR(ReapTenants());
      const Victim victim = PickVictim();
      ++counts[victim];
      const Status status = KillOne(victim);
      if (!status.ok()) {
        return status.WithContext(
            fmt::format("kill {} ({})", kill + 1, kVictimNames[static_cast<int>(victim)]));
      }
      if ((kill + 1) % 20 == 0) {
        fmt::print("{} kills, {} tenants finished with right results, {} lost with their victim\n", kill + 1,
                   right_, lost_);
        fflush(stdout);
      }
    }
    FLEXAI_RETURN_IF_ERROR(StopAll());
    for (const auto& [victim, count] : counts) {
      fmt::print("  {:12} killed {} times\n", kVictimNames[static_cast<int>(victim)], count);
    }
    fmt::print("{} tenants finished, every result right; {} were lost with their victim\n", right_, lost_);
    return {};
  }

  ~Chaos() {
    for (const Tenant& tenant : tenants_) {
      static_cast<void>(os::SignalProcess(tenant.run.pidfd, SIGKILL));
    }
    if (daemon_.pid > 0) {
      static_cast<void>(os::SignalProcess(daemon_.pidfd, SIGTERM));
      os::WaitForEnd(daemon_.pidfd, Seconds(5));
    }
  }

 private:
  std::vector<std::string> Env() const {
    return os::Environment({"FLEXAI_RUNTIME_DIR=" + folder_ + "/run", "FLEXAI_LOCK_DIR=" + folder_});
  }

  Status StartDaemon() {
    os::SpawnOptions options{.program = build_ + "/flexaid", .environment = Env()};
    FLEXAI_ASSIGN_OR_RETURN(daemon_, os::Spawn(options));
    return WaitFor(
        [&] {
          return Flexai({"devices", "-o", "json"}).ok();
        },
        Seconds(20), "flexaid does not answer");
  }

  Status StartTenant() {
    os::SpawnOptions options{.program = build_ + "/flexai", .environment = Env()};
    options.arguments = {"run",
                         "--share",
                         kShare,
                         "--memory",
                         kMemory,
                         "--",
                         build_ + "/chaos_worker",
                         fmt::format("0.{}", random_.Between(3, 9))};
    options.new_session = true;
    Tenant tenant;
    FLEXAI_ASSIGN_OR_RETURN(tenant.run, os::Spawn(options));
    tenants_.push_back(std::move(tenant));
    return {};
  }

  // A parsed answer of the command line program.
  Result<json> Flexai(const std::vector<std::string>& arguments) const {
    os::SpawnOptions options{.program = build_ + "/flexai", .arguments = arguments, .environment = Env()};
    FLEXAI_ASSIGN_OR_RETURN(const os::Output output, os::RunAndCapture(options, Seconds(20)));
    if (output.exit.signaled || output.exit.value != 0) {
      return Unavailable(fmt::format("flexai {} ended with {}", arguments[0], output.exit.value));
    }
    json answer = json::parse(output.out, nullptr, false);
    if (answer.is_discarded()) {
      return Internal(fmt::format("flexai {} printed no JSON: {}", arguments[0], output.out));
    }
    return answer;
  }

  template <typename Condition>
  Status WaitFor(Condition&& condition, Nanos bound, const std::string& otherwise) {
    const os::MonotonicClock clock;
    const Nanos end = clock.Now() + bound;
    while (!condition()) {
      if (clock.Now() > end) {
        return DeadlineExceeded(otherwise);
      }
      SleepMillis(5);
    }
    return {};
  }

  // Collects tenants that ended by themselves, checks how, and starts new ones.
  Status ReapTenants() {
    for (auto tenant = tenants_.begin(); tenant != tenants_.end();) {
      if (!os::HasEnded(tenant->run.pidfd)) {
        ++tenant;
        continue;
      }
      FLEXAI_ASSIGN_OR_RETURN(const os::ExitState exit, os::Reap(tenant->run));
      if (!exit.signaled && exit.value == 0) {
        ++right_;
      } else if (exit.value == 4) {
        return Internal("a tenant computed a wrong result");
      } else if (tenant->may_be_lost) {
        ++lost_;
      } else {
        return Internal(fmt::format("a tenant that nobody touched ended with {}{}",
                                    exit.signaled ? "signal " : "", exit.value));
      }
      tenant = tenants_.erase(tenant);
    }
    while (tenants_.size() < kTenants) {
      FLEXAI_RETURN_IF_ERROR(StartTenant());
    }
    return {};
  }

  Victim PickVictim() {
    const uint64_t roll = random_.Below(100);
    return roll < 35   ? Victim::kApplication
           : roll < 50 ? Victim::kRun
           : roll < 80 ? Victim::kExecutor
           : roll < 95 ? Victim::kDaemon
                       : Victim::kKeeper;
  }

  Status KillOne(Victim victim) {
    switch (victim) {
      case Victim::kApplication:
        return KillOfSession("pid");
      case Victim::kExecutor:
        return KillOfSession("executor_pid");
      case Victim::kRun:
        return KillRun();
      case Victim::kDaemon:
        return KillDaemon();
      case Victim::kKeeper:
        return KillKeeper();
    }
    return Internal("no such victim");
  }

  // The session that dies must be gone, with its executor, within the bound; all others must be there still.
  Status KillOfSession(const char* field) {
    FLEXAI_ASSIGN_OR_RETURN(const json sessions, Sessions());
    if (sessions.empty()) {
      return {};
    }
    const json& chosen = sessions[random_.Below(sessions.size())];
    const pid_t target = chosen.at(field).get<pid_t>();
    Result<os::UniqueFd> pidfd = os::OpenPidfd(target);
    if (!pidfd.ok()) {
      return {};  // it ended by itself meanwhile
    }
    MarkTenantOf(chosen.at("pid").get<pid_t>());
    FLEXAI_RETURN_IF_ERROR(os::SignalProcess(*pidfd, SIGKILL));
    const pid_t executor = chosen.at("executor_pid").get<pid_t>();
    const uint64_t id = chosen.at("session").get<uint64_t>();
    FLEXAI_RETURN_IF_ERROR(WaitFor([&] { return kill(executor, 0) != 0; }, kReturnBound,
                                   fmt::format("executor {} still runs", executor)));
    return WaitFor([&] { return !HasSession(id); }, kReturnBound,
                   fmt::format("session {} is still listed", id));
  }

  Status KillRun() {
    Tenant& tenant = tenants_[random_.Below(tenants_.size())];
    tenant.may_be_lost = true;
    const std::string name = fmt::format("{}", tenant.run.pid);
    FLEXAI_RETURN_IF_ERROR(os::SignalProcess(tenant.run.pidfd, SIGKILL));
    return WaitFor([&] { return CountVxpus() <= LiveTenants(); }, kReturnBound,
                   fmt::format("the vXPU of the killed flexai run {} is still there", name));
  }

  // Nobody may be disturbed: the same sessions go on, and the next daemon knows them.
  Status KillDaemon() {
    FLEXAI_RETURN_IF_ERROR(os::SignalProcess(daemon_.pidfd, SIGKILL));
    FLEXAI_RETURN_IF_ERROR(os::Reap(daemon_).status());
    SleepMillis(random_.Between(0, 400));
    return StartDaemon();
  }

  // All sessions of the device end; the daemon starts a new keeper, and new tenants work.
  Status KillKeeper() {
    // It may have gone with a flexaid that a tenant had started for itself; the next tenants bring it back.
    FLEXAI_RETURN_IF_ERROR(
        WaitFor([&] { return KeeperPid().ok(); }, Seconds(10), "no keeper is started for the tenants"));
    FLEXAI_ASSIGN_OR_RETURN(const pid_t keeper, KeeperPid());
    for (Tenant& tenant : tenants_) {
      tenant.may_be_lost = true;
    }
    Result<os::UniqueFd> pidfd = os::OpenPidfd(keeper);
    if (!pidfd.ok()) {
      return pidfd.status();
    }
    FLEXAI_RETURN_IF_ERROR(os::SignalProcess(*pidfd, SIGKILL));
    return WaitFor(
        [&] {
          const Result<pid_t> next = KeeperPid();
          return next.ok() && *next != keeper && *next > 0;
        },
        Seconds(10), "no new keeper was started");
  }

  Result<json> Sessions() const {
    FLEXAI_ASSIGN_OR_RETURN(const json answer, Flexai({"ps", "-o", "json"}));
    return answer.at("sessions");
  }
  bool HasSession(uint64_t id) const {
    const Result<json> sessions = Sessions();
    return !sessions.ok() || std::any_of(sessions->begin(), sessions->end(), [&](const json& session) {
      return session.at("session") == id && !session.at("ended").get<bool>();
    });
  }
  size_t CountVxpus() const {
    const Result<json> answer = Flexai({"ps", "-o", "json"});
    return answer.ok() ? answer->at("vxpus").size() : SIZE_MAX;
  }
  size_t LiveTenants() const {
    return static_cast<size_t>(std::count_if(tenants_.begin(), tenants_.end(), [](const Tenant& tenant) {
      return !os::HasEnded(tenant.run.pidfd);
    }));
  }
  // The keeper whose command line names a socket in our folder.
  Result<pid_t> KeeperPid() const {
    FLEXAI_ASSIGN_OR_RETURN(const std::vector<std::string> names, os::ListFolder("/proc"));
    for (const std::string& name : names) {
      const pid_t pid = std::atoi(name.c_str());
      const Result<std::string> line = os::ReadFile(fmt::format("/proc/{}/cmdline", name));
      if (pid > 0 && line.ok() && line->find("flexai-keeper") != std::string::npos &&
          line->find(folder_) != std::string::npos) {
        return pid;
      }
    }
    return NotFound("no keeper runs");
  }

  // The application is a child of the tenant's `flexai run`.
  void MarkTenantOf(pid_t application) {
    const Result<std::string> stat = os::ReadFile(fmt::format("/proc/{}/stat", application));
    if (!stat.ok()) {
      return;
    }
    const size_t after_name = stat->rfind(')');
    const pid_t parent = std::atoi(stat->c_str() + std::min(stat->size(), after_name + 4));
    for (Tenant& tenant : tenants_) {
      tenant.may_be_lost |= tenant.run.pid == parent;
    }
  }

  Status StopAll() {
    FLEXAI_RETURN_IF_ERROR(WaitFor([&] { return LiveTenants() == 0; }, Seconds(60), "tenants do not end"));
    for (const Tenant& tenant : tenants_) {
      FLEXAI_ASSIGN_OR_RETURN(const os::ExitState exit, os::Reap(tenant.run));
      (exit.value == 0 && !exit.signaled ? right_ : lost_) += 1;
    }
    tenants_.clear();
    FLEXAI_RETURN_IF_ERROR(WaitFor([&] { return CountVxpus() == 0; }, kReturnBound, "vXPUs are left behind"));
    return WaitFor(
        [&] {
          const Result<json> sessions = Sessions();
          return sessions.ok() && sessions->empty();
        },
        kReturnBound, "sessions are left behind");
  }

  const std::string build_;
  const std::string folder_;
  Random random_;
  os::Process daemon_;
  std::vector<Tenant> tenants_;
  int right_ = 0;
  int lost_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    fmt::print(stderr, "usage: flexai-chaos BUILD_FOLDER [KILLS [SEED]]\n");
    return 2;
  }
  const int kills = argc > 2 ? std::atoi(argv[2]) : 200;
  const uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : static_cast<uint64_t>(time(nullptr));
  char folder[] = "/tmp/flexai-chaos-XXXXXX";
  if (mkdtemp(folder) == nullptr) {
    fmt::print(stderr, "flexai-chaos: can't make a folder in /tmp\n");
    return 1;
  }
  fmt::print("{} kills, seed {}\n", kills, seed);
  Status status;
  {
    Chaos chaos(argv[1], folder, seed);
    status = chaos.Run(kills);
  }
  if (!status.ok()) {
    fmt::print("FAILED (seed {}, files in {}): {}\n", seed, folder, status.message());
    return 1;
  }
  static_cast<void>(os::RemoveFolder(folder));
  return 0;
}
