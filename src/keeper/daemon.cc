#include "keeper/daemon.h"

#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <functional>

#include "keeper/executor.h"
#include "keeper/executor_pool.h"
#include "keeper/keeper.h"
#include "keeper/server.h"
#include "os/event_loop.h"
#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/random.h"
#include "os/scheduling.h"
#include "os/user.h"
#include "telemetry/log.h"

namespace flexai::keeper {
namespace {

constexpr Nanos kIdleExit = Seconds(60);
constexpr Nanos kIdleCheck = Seconds(10);
// Shorter than that of applications, longer than that of an executor's engine: where a turn passes, the next
// executor must run first.
constexpr Nanos kTimeSlice = Millis(1);

}  // namespace

Status RunKeeper(const Options& options) {
  telemetry::Log log("flexai-keeper", telemetry::LogLevel::kInfo, telemetry::LogLayout::kPlain);
  const Result<os::UniqueFd> lock = os::LockFile(options.lock);
  if (!lock.ok()) {
    return lock.status().code() == Code::kAlreadyExists
               ? AlreadyExists(fmt::format("device {} already has a keeper on this machine", options.device))
               : lock.status();
  }
  os::RaiseOpenFileLimit();
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(options.log_dir));
  const os::MonotonicClock clock;
  FLEXAI_ASSIGN_OR_RETURN(const std::unique_ptr<os::EventLoop> loop, os::EventLoop::Create());
  LoopReactor reactor(*loop);
  ExecutorPool executors(*loop, log, options);
  FLEXAI_ASSIGN_OR_RETURN(const std::unique_ptr<Keeper> keeper,
                          Keeper::Create(reactor, executors, log, clock, options, os::RandomSeed()));
  const auto shut_down = [&] { keeper->EndAll([&] { loop->Stop(); }); };
  Server server(*loop, log, *keeper, shut_down);
  FLEXAI_RETURN_IF_ERROR(loop->WatchSignals({SIGTERM, SIGINT, SIGHUP}, [&](int signal) {
    if (signal != SIGHUP) {
      log.Info("ending on signal {}", signal);
      shut_down();
    }
  }));
  FLEXAI_RETURN_IF_ERROR(server.Listen(options.socket));
  os::SetNiceness(os::Niceness() - kKeeperAhead);
  if (const Status sliced = os::SetTimeSlice(kTimeSlice); !sliced.ok()) {
    log.Warning("{}", sliced.message());
  }
  log.Info("keeping device {} with {} of memory, of which {} stay free", options.device,
           FormatBytes(options.memory), FormatBytes(options.reserve));

  Nanos busy_at = clock.Now();
  std::function<void()> check_idle = [&] {
    if (!keeper->idle() || server.connected()) {
      busy_at = clock.Now();
    }
    if (clock.Now() - busy_at >= kIdleExit) {
      log.Info("nothing left to keep");
      loop->Stop();
      return;
    }
    loop->After(kIdleCheck, check_idle);
  };
  loop->After(kIdleCheck, check_idle);
  return loop->Run();
}

}  // namespace flexai::keeper
