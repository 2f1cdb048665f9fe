#include "keeper/executor_pool.h"

#include <algorithm>

#include "os/cgroup.h"

namespace flexai::keeper {
namespace {

// A spare holds a loaded platform: more than 100 MB for some.
constexpr size_t kMostSpares = 4;
// Programs are often run one after another, each with a vXPU of its own.
constexpr Nanos kLinger = Seconds(30);

}  // namespace

ExecutorPool::ExecutorPool(os::EventLoop& loop, telemetry::Log& log, const Options& options)
    : loop_(loop), log_(log), options_(options), tenants_(options.cache_dir) {
  os::Cgroup::RemoveAbandoned(options.device);
}

ExecutorPool::~ExecutorPool() {
  while (!spares_.empty()) {
    Drop(spares_.begin()->first);
  }
}

Result<std::unique_ptr<Executor>> ExecutorPool::Start(uid_t tenant) {
  FLEXAI_ASSIGN_OR_RETURN(const Tenants::Place place, tenants_.Prepare(tenant));
  return Executor::Start(loop_, log_, options_.executor, options_.device, ++started_, place);
}

void ExecutorPool::Expect(uid_t tenant, Nanos delay) {
  Spare& spare = spares_[tenant];
  spare.used = ++uses_;
  loop_.Cancel(spare.end_timer);
  if (spare.executor == nullptr) {
    loop_.Cancel(spare.start_timer);
    spare.start_timer = loop_.After(delay, [this, tenant] { StartSpare(tenant); });
  }
  if (spares_.size() > kMostSpares) {
    const auto oldest = std::min_element(spares_.begin(), spares_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    });
    Drop(oldest->first);
  }
}

void ExecutorPool::StartSpare(uid_t tenant) {
  Spare& spare = spares_.at(tenant);
  Result<std::unique_ptr<Executor>> executor = Start(tenant);
  if (!executor.ok()) {
    log_.Error("no spare executor for user {}: {}", tenant, executor.status().message());
    return;
  }
  spare.executor = *std::move(executor);
  // One that ends by itself is not started again before somebody asks for it, and is then told why it failed.
  spare.executor->SetEvents({nullptr, [this, tenant](os::ExitState exit) {
                               log_.Warning("a spare executor of user {} ended ({} {})", tenant,
                                            exit.signaled ? "signal" : "exit status", exit.value);
                               loop_.Post([this, tenant] { Drop(tenant); });
                             }});
}

void ExecutorPool::Release(uid_t tenant) {
  const auto found = spares_.find(tenant);
  if (found != spares_.end()) {
    loop_.Cancel(found->second.end_timer);
    found->second.end_timer = loop_.After(kLinger, [this, tenant] { Drop(tenant); });
  }
}

void ExecutorPool::Drop(uid_t tenant) {
  const auto found = spares_.find(tenant);
  if (found != spares_.end()) {
    loop_.Cancel(found->second.start_timer);
    loop_.Cancel(found->second.end_timer);
    spares_.erase(found);
  }
}

Result<std::unique_ptr<ExecutorHandle>> ExecutorPool::Take(uid_t tenant) {
  std::unique_ptr<Executor> executor;
  if (const auto found = spares_.find(tenant); found != spares_.end()) {
    executor = std::move(found->second.executor);
  }
  if (executor != nullptr && executor->ended()) {
    executor.reset();  // its end was told already, and would not be told again
  }
  if (executor == nullptr) {
    FLEXAI_ASSIGN_OR_RETURN(executor, Start(tenant));
  }
  executor->SetEvents({});
  return std::unique_ptr<ExecutorHandle>(std::move(executor));
}

}  // namespace flexai::keeper
