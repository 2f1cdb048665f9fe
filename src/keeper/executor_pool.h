// Executors kept warm, so that a session starts as fast as its program: one spare per tenant that has vXPUs.
//
// Thread safety: used on its event loop's thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "keeper/executor.h"
#include "keeper/options.h"
#include "keeper/tenant.h"
#include "os/event_loop.h"
#include "telemetry/log.h"

namespace flexai::keeper {

// At most a few tenants have one: those who started something last.
class ExecutorPool final : public ExecutorSource {
 public:
  ExecutorPool(os::EventLoop& loop, telemetry::Log& log, const Options& options);
  ~ExecutorPool() override;

  void Expect(uid_t tenant, Nanos delay) override;
  void Release(uid_t tenant) override;
  Result<std::unique_ptr<ExecutorHandle>> Take(uid_t tenant) override;

 private:
  struct Spare {
    std::unique_ptr<Executor> executor;  // null: not started, or it failed
    uint64_t start_timer = 0;
    uint64_t end_timer = 0;
    uint64_t used = 0;  // order of use
  };

  Result<std::unique_ptr<Executor>> Start(uid_t tenant);
  void StartSpare(uid_t tenant);
  void Drop(uid_t tenant);

  os::EventLoop& loop_;
  telemetry::Log& log_;
  const Options& options_;
  Tenants tenants_;
  std::map<uid_t, Spare> spares_;
  uint64_t started_ = 0;
  uint64_t uses_ = 0;
};

}  // namespace flexai::keeper
