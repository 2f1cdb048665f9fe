#include "node/daemon.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "os/files.h"
#include "os/user.h"

namespace flexai::node {
namespace {

constexpr Nanos kHousekeepInterval = Seconds(10);
constexpr Nanos kShortestInterval = Millis(100);
constexpr Nanos kShutdownPatience = Seconds(3);

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::Create(DaemonOptions options, telemetry::Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(options), log));
  FLEXAI_RETURN_IF_ERROR(daemon->Prepare());
  return daemon;
}

Daemon::~Daemon() {
  if (finder_.joinable()) {
    finder_.join();
  }
  // The users of the loop go before it.
  broker_.reset();
  http_.reset();
  api_.reset();
  pool_.reset();
}

Status Daemon::Prepare() {
  os::RaiseOpenFileLimit();
  const RuntimePaths& paths = options_.paths;
  const bool everybody = options_.config.access == Access::kEverybody;
  FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(paths.directory, everybody ? 0755 : 0700));
  FLEXAI_RETURN_IF_ERROR(os::MakeOwnFolder(paths.log_directory(), 0700));
  Result<os::UniqueFd> lock = os::LockFile(paths.daemon_lock(), 0600);
  if (!lock.ok()) {
    return lock.status().code() == Code::kAlreadyExists
               ? AlreadyExists(fmt::format("another flexaid already serves {}", paths.directory))
               : lock.status();
  }
  lock_ = *std::move(lock);
  FLEXAI_ASSIGN_OR_RETURN(ids_, IdSource::Open(paths.id_file()));
  FLEXAI_ASSIGN_OR_RETURN(loop_, os::EventLoop::Create());
  FLEXAI_RETURN_IF_ERROR(
      loop_->WatchSignals({SIGTERM, SIGINT, SIGHUP}, [this](int signal) { OnSignal(signal); }));
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // whoever started us may have a limit on files; what is too large then fails

  PoolOptions pool;
  pool.config = options_.config;
  pool.paths = paths;
  pool.lock_directory = options_.lock_directory;
  pool.keeper_program = options_.keeper_program;
  pool.executor_program = options_.executor_program;
  pool.version = options_.version;
  pool.uid = options_.uid;
  pool_.emplace(*loop_, log_, metrics_, *ids_, std::move(pool));
  api_.emplace(*pool_, metrics_, clock_,
               ApiOptions{options_.version, options_.uid, options_.pid, options_.embedded},
               [this](bool keepers) { End(keepers); });
  http_.emplace(*loop_, [this](HttpRequest request, HttpServer::Respond respond) {
    api_->Handle(std::move(request), std::move(respond));
  });
  broker_.emplace(*loop_, log_, *pool_, options_.description_hash);
  return {};
}

Status Daemon::Run(std::function<void()> ready) {
  Result<Inventory> inventory = Probe(options_.executor_program);
  if (!inventory.ok()) {
    log_.Error("{}", inventory.status().message());
    inventory = Inventory{{}, {inventory.status().message()}};
  }
  for (const std::string& error : inventory->errors) {
    log_.Warning("{}", error);
  }
  Status listening;
  pool_->SetInventory(*std::move(inventory), [this, &listening, ready = std::move(ready)] {
    pool_->AdoptLogs();
    listening = Listen();
    if (!listening.ok()) {
      return loop_->Stop();
    }
    for (const DeviceState* state : pool_->devices()) {
      log_.Info("device {}: {} ({}), {} for vXPUs", state->device.id, state->device.name, state->device.type,
                FormatBytes(state->memory));
    }
    ready();
    if (!options_.embedded) {
      pool_->StartKeepers();  // their spare executors make the first attach fast
    }
    Housekeep();
  });
  const Status ran = loop_->Run();
  ids_->Close();
  return listening.ok() ? ran : listening;
}

Status Daemon::Listen() {
  const mode_t mode = options_.config.access == Access::kEverybody ? 0666 : 0600;
  FLEXAI_RETURN_IF_ERROR(broker_->Listen(options_.paths.attach_socket(), mode));
  FLEXAI_RETURN_IF_ERROR(http_->ListenUnix(options_.paths.api_socket(), mode));
  if (options_.config.http_listen) {
    const ListenAddress& address = *options_.config.http_listen;
    FLEXAI_RETURN_IF_ERROR(http_->ListenTcp(address.host, address.port).status());
    log_.Info("status and metrics at http://{}:{}", address.host, address.port);
  }
  log_.Info("flexaid {} serves {}", options_.version, options_.paths.directory);
  return {};
}

void Daemon::FindDevices() {
  if (finding_) {
    return;
  }
  if (finder_.joinable()) {
    finder_.join();
  }
  finding_ = true;
  finder_ = std::thread([this] {
    auto found = std::make_shared<Result<Inventory>>(Probe(options_.executor_program));
    loop_->Post([this, found] {
      finding_ = false;
      if (!found->ok()) {
        return log_.Error("{}", found->status().message());
      }
      log_.Info("looked for devices again: {} found", (*found)->devices.size());
      pool_->SetInventory(*std::move(*found), [this] {
        if (!options_.embedded) {
          pool_->StartKeepers();
        }
      });
    });
  });
}

void Daemon::Housekeep() {
  if (ending_) {
    return;
  }
  pool_->Refresh([this] {
    const bool idle = pool_->vxpu_count() == 0 && pool_->session_count() == 0 && http_->connections() == 0;
    if (!idle) {
      idle_since_.reset();
    } else if (!idle_since_) {
      idle_since_ = clock_.Now();
    }
    if (options_.embedded && idle && clock_.Now() - *idle_since_ >= options_.config.idle_exit) {
      log_.Info("nothing left to serve: ending");
      return End(/*keepers=*/true);
    }
    const Nanos interval = options_.embedded ? std::clamp(Nanos{options_.config.idle_exit.value / 4},
                                                          kShortestInterval, kHousekeepInterval)
                                             : kHousekeepInterval;
    loop_->After(interval, [this] { Housekeep(); });
  });
}

void Daemon::OnSignal(int signal) {
  if (signal == SIGHUP) {
    return FindDevices();
  }
  log_.Info("ending on signal {}; sessions and their keepers stay", signal);
  End(/*keepers=*/false);
}

void Daemon::End(bool keepers) {
  if (std::exchange(ending_, true)) {
    return;
  }
  http_->StopListening();
  broker_->StopListening();
  // A moment for the answer that is being written.
  loop_->After(kShortestInterval, [this, keepers] {
    pool_->ShutDownKeepers(/*idle_only=*/!keepers, [this] { loop_->Stop(); });
    loop_->After(kShutdownPatience, [this] { loop_->Stop(); });
  });
}

}  // namespace flexai::node
