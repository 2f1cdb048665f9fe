// Keeper, the part that starts and ends sessions.
#include <fmt/core.h>

#include <array>
#include <utility>

#include "keeper/keeper.h"

namespace flexai::keeper {

using share::ClientOf;
using share::SessionId;
using share::VxpuId;

namespace {

// After a session has started the next spare waits until the program had the processor for its own start.
constexpr Nanos kSpareDelay = Millis(500);
// Host memory of an executor beside its device memory: libraries, compilers, staging.
constexpr uint64_t kExecutorMemory = 2ull << 30;

std::string HowItEnded(const os::ExitState& exit) {
  return fmt::format("its executor ended with {} {}", exit.signaled ? "signal" : "status", exit.value);
}

}  // namespace

Keeper::Session* Keeper::SessionOf(uint32_t slot) {
  for (auto& [id, session] : sessions_) {
    if (session->slot == slot) {
      return session.get();
    }
  }
  return nullptr;
}

// Enters the session everywhere but in the competition for the device, and waits for its executor.
Status Keeper::Admit(std::unique_ptr<Session> admitted) {
  Session& session = *admitted;
  const SessionId id = session.id;
  if (sessions_.contains(id)) {
    return AlreadyExists(fmt::format("there is already a session {}", id));
  }
  FLEXAI_RETURN_IF_ERROR(ledger_.AddSession(session.id, session.vxpus));
  std::vector<share::LeaseTable::LaneTerms> lanes;
  for (const VxpuId vxpu : session.vxpus) {
    lanes.push_back(TermsOf(vxpu));
    session.start.vxpus.push_back({vxpu, vxpus_.at(vxpu).spec.memory});
  }
  const Result<uint32_t> slot = table_->Open(lanes);
  if (!slot.ok()) {
    ledger_.RemoveSession(session.id);
    return slot.status();
  }
  session.slot = *slot;
  Result<std::unique_ptr<ExecutorHandle>> executor = executors_.Take(session.uid);
  if (!executor.ok()) {
    table_->Close(session.slot);
    ledger_.RemoveSession(session.id);
    return executor.status();
  }
  session.executor = *std::move(executor);
  session.started_at = clock_.Now();
  for (const VxpuId vxpu : session.vxpus) {
    vxpus_.at(vxpu).sessions.insert(id);
  }
  session.executor->SetEvents({[this, id](const Status& ready) { ExecutorReady(id, ready); },
                               [this, id](os::ExitState exit) {
                                 // Not from within the executor, which goes with the session.
                                 loop_.Post([this, id, exit] { ExecutorEnded(id, exit); });
                               }});
  static_cast<void>(loop_.Watch(session.application.get(), [this, id] {
    Session& ended = *sessions_.at(id);
    loop_.Unwatch(ended.application.get());
    End(ended, "its program ended");
  }));
  sessions_.emplace(id, std::move(admitted));
  WatchDoorbell(id);
  if (session.executor->ready()) {
    ExecutorReady(id, *session.executor->ready());
  }
  return {};
}

void Keeper::ExecutorReady(SessionId id, const Status& status) {
  Session& session = *sessions_.at(id);
  if (session.ending) {
    return;
  }
  Status begun = status;
  if (begun.ok()) {
    begun = Begin(session);
  }
  if (!begun.ok()) {
    Abort(id, begun);
    return;
  }
  log_.Info("session {} of '{}' (process {}, uid {}) has executor {}", id, session.command, session.pid,
            session.uid, session.executor->pid());
  executors_.Expect(session.uid, kSpareDelay);
  Answer answer;
  answer.body = {{"executor_pid", session.executor->pid()}, {"log", session.log_path}};
  answer.fds = {session.executor->pidfd().get()};
  std::exchange(session.on_start, nullptr)(answer);
}

Status Keeper::Begin(Session& session) {
  FLEXAI_ASSIGN_OR_RETURN(const share::LeaseFds lease, table_->Fds(session.slot));
  std::array<int, share::kStartFdCount> fds{};
  fds[share::kFdChannel] = session.channel.get();
  fds[share::kFdArena] = session.arena.get();
  fds[share::kFdStdout] = session.output.get();
  fds[share::kFdOwnPage] = lease.own_page.get();
  fds[share::kFdGrantPage] = lease.grant_page.get();
  fds[share::kFdBoardPage] = lease.board_page.get();
  fds[share::kFdDoorbell] = lease.doorbell.get();
  LimitExecutor(session);
  FLEXAI_RETURN_IF_ERROR(session.executor->Assign(share::EncodeStart(session.start), fds, session.log_path));
  session.channel.Reset();
  session.arena.Reset();
  session.output.Reset();
  for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
    arbiter_->AddClient(ClientOf(session.slot, lane), session.vxpus[lane], clock_.Now());
  }
  session.competes = true;
  return {};
}

// The sum of the quotas and what any executor needs; never a reason not to start.
void Keeper::LimitExecutor(const Session& session) {
  uint64_t bytes = kExecutorMemory + options_.session_overhead.value;
  for (const VxpuId id : session.vxpus) {
    bytes += vxpus_.at(id).spec.memory.value;
  }
  if (const Status limited = session.executor->LimitMemory({bytes}); !limited.ok()) {
    log_.Warning("session {}: {}", session.id, limited.message());
  }
}

// The session never began: what its starter is told, instead of an executor.
void Keeper::Abort(SessionId id, const Status& why) {
  Session& session = *sessions_.at(id);
  log_.Error("session {} of '{}' did not start: {}", id, session.command, why.message());
  if (session.on_start) {
    std::exchange(session.on_start, nullptr)(Answer{why.WithContext("no session on this device"), {}, {}});
  }
  session.ending = true;
  session.executor->Kill();
}

void Keeper::End(Session& session, const std::string& why) {
  if (session.ending) {
    return;
  }
  session.ending = true;
  log_.Info("session {} of '{}' is ended: {}", session.id, session.command, why);
  session.executor->Note(fmt::format("the session is ended: {}", why));
  session.executor->Kill();
}

void Keeper::ExecutorEnded(SessionId id, os::ExitState exit) {
  Session& session = *sessions_.at(id);
  if (!session.ending) {
    log_.Warning("session {} of '{}': {}", id, session.command, HowItEnded(exit));
    session.executor->Note(HowItEnded(exit));
  }
  if (session.on_start) {
    std::exchange(session.on_start, nullptr)(
        Answer{Unavailable(fmt::format("no session on this device: {}", HowItEnded(exit))), {}, {}});
  }
  Erase(id);
  Decide();
}

void Keeper::Erase(SessionId id) {
  const auto found = sessions_.find(id);
  const std::unique_ptr<Session> session = std::move(found->second);
  sessions_.erase(found);
  loop_.Unwatch(session->application.get());
  loop_.Unwatch(table_->Doorbell(session->slot));
  if (session->competes) {
    for (uint32_t lane = 0; lane < session->vxpus.size(); ++lane) {
      arbiter_->RemoveClient(ClientOf(session->slot, lane), clock_.Now());
    }
  }
  table_->Close(session->slot);
  ledger_.RemoveSession(id);
  for (const VxpuId vxpu : session->vxpus) {
    vxpus_.at(vxpu).sessions.erase(id);
    ShowAvailable(vxpu);
    EraseIfEmpty(vxpu);
  }
  for (const auto& tell : session->when_gone) {
    tell();
  }
}

}  // namespace flexai::keeper
