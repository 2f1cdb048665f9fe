#include "keeper/keeper.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "os/event_counter.h"

namespace flexai::keeper {

using share::ClientOf;
using share::SessionId;
using share::VxpuId;

namespace {

// More doorbells in such a time than any executor has reason to ring: two per handover and one per charge.
constexpr Nanos kRingWindow = Millis(50);
constexpr uint32_t kMostRings = 2000;

}  // namespace

Keeper::Keeper(Reactor& loop, ExecutorSource& executors, telemetry::Log& log, const Clock& clock,
               const Options& options)
    : loop_(loop),
      executors_(executors),
      log_(log),
      clock_(clock),
      options_(options),
      ledger_({options.memory, options.reserve, options.session_overhead}) {}

Result<std::unique_ptr<Keeper>> Keeper::Create(Reactor& loop, ExecutorSource& executors, telemetry::Log& log,
                                               const Clock& clock, const Options& options, uint64_t seed) {
  std::unique_ptr<Keeper> keeper(new Keeper(loop, executors, log, clock, options));
  Keeper* self = keeper.get();
  // Both are called from within the arbiter, so that what changes its clients is left to the loop.
  share::LeaseTable::Hooks hooks;
  hooks.freeze = [self](uint32_t slot, bool frozen) {
    if (Session* session = self->SessionOf(slot); session != nullptr && session->executor != nullptr) {
      session->executor->Freeze(frozen);
    }
  };
  hooks.condemn = [self](uint32_t slot, const std::string& reason) {
    if (const Session* session = self->SessionOf(slot); session != nullptr) {
      self->loop_.Post([self, id = session->id, reason] {
        if (const auto found = self->sessions_.find(id); found != self->sessions_.end()) {
          self->End(*found->second, reason);
        }
      });
    }
  };
  FLEXAI_ASSIGN_OR_RETURN(keeper->table_, share::LeaseTable::Create(std::move(hooks)));
  share::ArbiterOptions arbiter;
  arbiter.can_freeze = options.freeze;
  arbiter.longest_command = options.longest_command;
  arbiter.seed = seed;
  keeper->arbiter_ = std::make_unique<share::Arbiter>(arbiter, *keeper->table_);
  return keeper;
}

Keeper::~Keeper() {
  loop_.Cancel(decide_timer_);
  for (auto& [id, session] : sessions_) {
    loop_.Unwatch(session->application.get());
    loop_.Unwatch(table_->Doorbell(session->slot));
  }
  for (auto& [id, vxpu] : vxpus_) {
    if (vxpu.owner.valid()) {
      loop_.Unwatch(vxpu.owner.get());
    }
  }
}

share::LeaseTable::LaneTerms Keeper::TermsOf(VxpuId id) const {
  const share::VxpuSpec& spec = vxpus_.at(id).spec;
  return {id, spec.share, spec.memory};
}

// Sessions first: memory and shares are free only once their processes are gone.
void Keeper::Remove(VxpuId id, std::function<void()> when_gone) {
  Vxpu& vxpu = vxpus_.at(id);
  vxpu.removing = true;
  vxpu.when_gone.push_back(std::move(when_gone));
  for (const SessionId session : vxpu.sessions) {
    End(*sessions_.at(session), "its vXPU was removed");
  }
  EraseIfEmpty(id);
}

void Keeper::EraseIfEmpty(VxpuId id) {
  const auto found = vxpus_.find(id);
  if (found == vxpus_.end() || !found->second.removing || !found->second.sessions.empty()) {
    return;
  }
  if (found->second.owner.valid()) {
    loop_.Unwatch(found->second.owner.get());
  }
  const uid_t owner = found->second.spec.owner;
  const std::vector<std::function<void()>> when_gone = std::move(found->second.when_gone);
  log_.Info("vXPU {} '{}' removed", id, found->second.spec.name);
  vxpus_.erase(found);
  arbiter_->RemoveVxpu(id);
  ledger_.RemoveVxpu(id);
  if (std::none_of(vxpus_.begin(), vxpus_.end(),
                   [owner](const auto& v) { return v.second.spec.owner == owner; })) {
    executors_.Release(owner);
  }
  for (const auto& tell : when_gone) {
    tell();
  }
}

void Keeper::EndAll(std::function<void()> done) {
  if (vxpus_.empty()) {
    return done();
  }
  std::vector<VxpuId> ids;
  for (const auto& [id, vxpu] : vxpus_) {
    ids.push_back(id);
  }
  const auto left = std::make_shared<size_t>(ids.size());
  for (const VxpuId id : ids) {
    Remove(id, [left, done] {
      if (--*left == 0) {
        done();
      }
    });
  }
}

void Keeper::WatchDoorbell(SessionId id) {
  static_cast<void>(loop_.Watch(table_->Doorbell(sessions_.at(id)->slot), [this, id] { DoorbellRang(id); }));
}

void Keeper::DoorbellRang(SessionId id) {
  Session& session = *sessions_.at(id);
  os::DrainEventCounter(table_->Doorbell(session.slot));
  const Nanos now = clock_.Now();
  if (now - session.rings_since > kRingWindow) {
    session.rings_since = now;
    session.rings = 0;
  }
  if (++session.rings > kMostRings) {
    // It rings for nothing: not heard for a while, so that the others are served.
    loop_.Unwatch(table_->Doorbell(session.slot));
    loop_.At(now + kRingWindow, [this, id] {
      if (sessions_.contains(id)) {
        WatchDoorbell(id);
      }
    });
  }
  if (!session.competes) {
    return;
  }
  for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
    arbiter_->Look(ClientOf(session.slot, lane), clock_.Now());
  }
  Decide();  // before the account: who waits for the device waits for microseconds
  TakeReleases(session);
  AnswerCharges(session);
}

void Keeper::TakeReleases(const Session& session) {
  for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
    const Bytes released = table_->TakeReleased(ClientOf(session.slot, lane));
    if (released.value > 0) {
      ledger_.Release(session.id, session.vxpus[lane], released);
      ShowAvailable(session.vxpus[lane]);
    }
  }
}

void Keeper::AnswerCharges(const Session& session) {
  for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
    const share::ClientId client = ClientOf(session.slot, lane);
    const std::optional<Bytes> wanted = table_->PendingCharge(client);
    if (!wanted) {
      continue;
    }
    const VxpuId vxpu = session.vxpus[lane];
    Status charged = ledger_.Charge(session.id, vxpu, *wanted);
    if (!charged.ok()) {
      // Giving back does not ring, so that what others gave back may not have been counted yet.
      for (const SessionId other : vxpus_.at(vxpu).sessions) {
        TakeReleases(*sessions_.at(other));
      }
      charged = ledger_.Charge(session.id, vxpu, *wanted);
    }
    table_->AnswerCharge(client, charged.code(), ledger_.Available(vxpu));
    ShowAvailable(vxpu);
  }
}

void Keeper::ShowAvailable(VxpuId id) {
  for (const SessionId other : vxpus_.at(id).sessions) {
    const Session& session = *sessions_.at(other);
    for (uint32_t lane = 0; lane < session.vxpus.size(); ++lane) {
      if (session.vxpus[lane] == id) {
        table_->ShowAvailable(ClientOf(session.slot, lane), ledger_.Available(id));
      }
    }
  }
}

void Keeper::Decide() {
  arbiter_->Decide(clock_.Now());
  const Nanos at = arbiter_->NextDeadline();
  if (at == decide_at_) {
    return;
  }
  loop_.Cancel(decide_timer_);
  decide_at_ = at;
  if (at.value != INT64_MAX) {
    decide_timer_ = loop_.At(at, [this] {
      decide_at_ = {INT64_MAX};
      Decide();
    });
  }
}

}  // namespace flexai::keeper
