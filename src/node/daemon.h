// flexaid as a whole: what it needs before it serves, its sockets, its signals, its orderly end.
//
// Dies well: keepers and executors are no part of this process's life. After kill -9 the next flexaid adopts
// them; at an orderly end they stay too, but for keepers that hold nothing.
//
// Thread safety: used on one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/status.h"
#include "node/api.h"
#include "node/attach_broker.h"
#include "node/config.h"
#include "node/http_server.h"
#include "node/id_source.h"
#include "node/pool.h"
#include "node/runtime_paths.h"
#include "os/event_loop.h"
#include "os/monotonic_clock.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace flexai::node {

struct DaemonOptions {
  Config config;
  RuntimePaths paths;
  std::string lock_directory;
  std::string keeper_program, executor_program;
  std::string version;
  uint64_t description_hash = 0;  // of the calls this build forwards
  uint32_t uid = 0;
  int32_t pid = 0;
  bool embedded = false;  // for one user's `flexai run`: ends when nothing is left to serve
};

class Daemon {
 public:
  // Takes the folder's lock, finds the devices, adopts what runs. kAlreadyExists if another flexaid serves
  // the folder. Finding no device is no failure: the daemon serves that answer.
  static Result<std::unique_ptr<Daemon>> Create(DaemonOptions options, telemetry::Log& log);
  ~Daemon();

  // Serves until told to end (signal, API, idle). `ready` runs once when the sockets accept.
  Status Run(std::function<void()> ready);

 private:
  Daemon(DaemonOptions options, telemetry::Log& log) : options_(std::move(options)), log_(log) {}
  Status Prepare();
  Status Listen();
  void FindDevices();
  void Housekeep();
  void OnSignal(int signal);
  void End(bool keepers);

  const DaemonOptions options_;
  telemetry::Log& log_;
  os::MonotonicClock clock_;
  telemetry::MetricRegistry metrics_;
  os::UniqueFd lock_;
  std::unique_ptr<os::EventLoop> loop_;
  std::optional<IdSource> ids_;
  std::optional<Pool> pool_;
  std::optional<Api> api_;
  std::optional<HttpServer> http_;
  std::optional<AttachBroker> broker_;
  std::thread finder_;  // looks for devices again, on SIGHUP
  bool finding_ = false;
  std::optional<Nanos> idle_since_;
  bool ending_ = false;
};

}  // namespace flexai::node
