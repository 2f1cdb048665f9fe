#include "share/arbiter.h"

#include <algorithm>
#include <cassert>

#include "share/lease_page.h"

namespace flexai::share {
namespace {

// A draining command with no more than this left does not keep the next one off the device.
constexpr int64_t kAlmostDoneNs = 200'000;
// How much later than its hold an idle lease is taken back, if the executor did not give it back itself.
constexpr Nanos kHoldGrace = Micros(300);
// How often a command that outlasted its lease is looked at.
constexpr Nanos kAdoptedCheck = Millis(5);
// A change of budget smaller than this is not worth a write.
constexpr int64_t kBudgetStepNs = 20'000;

}  // namespace

Arbiter::Arbiter(const ArbiterOptions& options, LeasePort& port)
    : options_(options), port_(port), random_(options.seed) {
  std::fill(std::begin(last_active_), std::end(last_active_), Nanos{-options.recently.value - 1});
  std::fill(std::begin(owed_since_), std::end(owed_since_), Nanos{-1});
}

void Arbiter::AddVxpu(VxpuId id, const ComputeShare& share, Nanos now) {
  now_ = now;
  auto vxpu = std::unique_ptr<Vxpu>(new Vxpu{id, ShareAccount(share, now, options_.quantum)});
  vxpu->account.set_virtual_time(virtual_now_[static_cast<size_t>(share.priority)]);
  vxpus_[id] = std::move(vxpu);
}

void Arbiter::ResizeVxpu(VxpuId id, const ComputeShare& share, Nanos now) {
  now_ = now;
  ShareAccount& account = vxpus_.at(id)->account;
  account.Refill(now);
  const double from = virtual_now_[static_cast<size_t>(account.share().priority)];
  const double to = virtual_now_[static_cast<size_t>(share.priority)];
  // What it is due, in device time, survives a change of weight and of class.
  const double lag = (account.virtual_time() - from) * account.weight();
  account.SetShare(share);
  account.set_virtual_time(to + lag / account.weight());
}

void Arbiter::RemoveVxpu(VxpuId id) { vxpus_.erase(id); }

void Arbiter::AddClient(ClientId id, VxpuId vxpu, Nanos now) {
  now_ = now;
  assert(!clients_.contains(id));
  Client& client = clients_[id];
  client.id = id;
  client.vxpu = vxpus_.at(vxpu).get();
  client.created_at = now;
}

void Arbiter::RemoveClient(ClientId id, Nanos now) {
  now_ = now;
  Client& client = clients_.at(id);
  if (&client == successor_) {
    successor_ = nullptr;
    if (holder_ != nullptr) {
      port_.SetSuccessor(holder_->id, holder_->grant.lease, 0, 0);
    }
  }
  if (&client == holder_) {
    Charge(client, static_cast<double>(RunningNs(client)));
    holder_ = nullptr;
    if (successor_ != nullptr) {
      Promote();
    }
  }
  if (client.competing) {
    --client.vxpu->competing;
  }
  client.vxpu->waited_ns += client.waited_ns;
  clients_.erase(id);
}

void Arbiter::Look(ClientId id, Nanos now) {
  now_ = now;
  Observe(clients_.at(id), port_.Read(id));
}

void Arbiter::Decide(Nanos now) {
  now_ = now;
  deadline_ = {INT64_MAX};
  Refresh();
  AdvanceVirtualTime();
  UpdateOwed();
  // Each round ends a turn or starts one. Executors that give every lease back unused could go on for ever.
  constexpr int kMostRounds = 64;
  for (int round = 0;; ++round) {
    if (round == kMostRounds) {
      WakeAt(now_ + Millis(1));
      break;
    }
    if (holder_ != nullptr && TurnEnded()) {
      EndTurn();
    } else if (holder_ != nullptr && PassOver()) {
      continue;
    } else if (holder_ != nullptr ? !SteerTurn() : !StartTurn()) {
      break;
    }
  }
  WatchLeaving();
  UpdateOwed();
  WatchWaiting();
  WatchCommands();
}

// When somebody who waits becomes due by the clock alone.
void Arbiter::WatchWaiting() {
  for (const auto& [id, client] : clients_) {
    if (client.seen.want && !client.vxpu->account.Allowed()) {
      WakeAt(client.vxpu->account.AllowedAt());
    }
  }
  for (const Nanos since : owed_since_) {
    if (since.value >= 0 && options_.starvation.value > 0 && since + options_.starvation > now_) {
      WakeAt(since + options_.starvation);
    }
  }
}

// Rereads everybody who is on the device or about to be.
void Arbiter::Refresh() {
  for (auto& [id, client] : clients_) {
    if (&client == holder_ || &client == successor_ || client.seen.running > 0) {
      Observe(client, port_.Read(id));
    }
    if (client.frozen && client.seen.running == 0) {
      Thaw(client);  // its command had ended as it was frozen
    }
  }
}

bool Arbiter::TurnEnded() const {
  if (adopted_) {
    return holder_->seen.running == 0;
  }
  return holder_->seen.lease_done >= holder_->grant.lease || (holder_->revoked && holder_->seen.running == 0);
}

void Arbiter::EndTurn() {
  Client& client = *holder_;
  if (!adopted_) {
    CorrectTurn(client);
  }
  client.revoked = true;
  client.drained_at = client.seen.finished + client.seen.running;
  client.guaranteed = false;
  previous_ = client.id;
  holder_ = nullptr;
  adopted_ = false;
  if (successor_ != nullptr) {
    Promote();
    UpdateWaiting(*holder_);
  }
  UpdateWaiting(client);
}

// Gives the free device to whoever is due. False if nobody is.
bool Arbiter::StartTurn() {
  for (auto& [id, client] : clients_) {
    if (client.seen.running == 0 || client.stalled || client.frozen) {
      continue;
    }
    if (client.seen.head_start_ns == 0) {
      client.stalled = true;
      continue;
    }
    if (std::abs(client.seen.in_flight_ns - RunningNs(client)) > kAlmostDoneNs) {
      // It outlasted its turn, or came late out of the driver's preparations: it has the device in fact.
      holder_ = &client;
      adopted_ = true;
      client.in_force_at = now_;
      UpdateWaiting(client);
      return true;
    }
  }
  Client* next = Pick(nullptr);
  if (next == nullptr) {
    return false;
  }
  holder_ = next;
  adopted_ = next->frozen;
  if (next->frozen) {
    next->in_force_at = now_;
    Thaw(*next);
  } else {
    Issue(*next, 0);
  }
  UpdateWaiting(*next);
  return true;
}

// Keeps the terms, the successor and the claim of the present turn in line with who waits. True if the turn
// ended.
bool Arbiter::SteerTurn() {
  Client& client = *holder_;
  Client* other = ChooseNext();
  Client* next = other != nullptr && !other->frozen && !other->absent ? other : nullptr;
  if (adopted_) {
    // It may have given its lease back already, so that it passes nothing on; it rings when the command ends.
    WakeAt(now_ + kAdoptedCheck);
    return TurnEnded();
  }
  if (next != successor_ && SetSuccessor(next)) {
    return true;
  }
  if (successor_ != nullptr) {
    RenewPending(*successor_);
  }
  if (client.revoked) {
    return TurnEnded();
  }
  const int64_t hold = client.grant.hold_ns;
  const Grant terms = Terms(client, other);
  Grant comparable = terms;
  if (terms.until_used_ns != kUnlimitedNs && client.grant.until_used_ns != kUnlimitedNs &&
      std::abs(terms.until_used_ns - client.grant.until_used_ns) < kBudgetStepNs) {
    comparable.until_used_ns = client.grant.until_used_ns;
  }
  comparable.pass_lead_ns = (terms.pass_lead_ns == 0) == (client.grant.pass_lead_ns == 0)
                                ? client.grant.pass_lead_ns
                                : terms.pass_lead_ns;
  if (comparable != client.grant) {
    client.grant = terms;
    port_.Adjust(client.id, client.grant);
    Observe(client, port_.Read(client.id));
  }
  if (other == nullptr) {
    client.contended_at = {-1};
    return TurnEnded();
  }
  if (client.contended_at.value < 0) {
    client.contended_at = now_;
    client.used_when_contended = client.seen.used_ns;
  }
  bool take = Rank(*other) > Rank(client) && !client.guaranteed;
  if (client.idle_at.value >= 0) {
    // An executor that went idle under an open lease keeps it without watching the clock.
    const Nanos due = hold == kUnlimitedNs ? now_ : client.idle_at + Nanos{terms.hold_ns} + kHoldGrace;
    take = take || now_ >= due;
    if (!take) {
      WakeAt(due);
    }
  }
  if (take) {
    TakeBack(client);
  }
  return TurnEnded();
}

Arbiter::Usage Arbiter::ClientUsage(ClientId id, Nanos now) const {
  const Client& client = clients_.at(id);
  Usage usage{client.used_ns, client.waited_ns, &client == holder_, client.waiting_since.value >= 0};
  if (usage.waits) {
    usage.waited_ns += static_cast<double>((now - client.waiting_since).value);
  }
  return usage;
}

Arbiter::Usage Arbiter::VxpuUsage(VxpuId id, Nanos now) const {
  const Vxpu& vxpu = *vxpus_.at(id);
  Usage sum{vxpu.used_ns, vxpu.waited_ns, false, false};
  for (const auto& [client_id, client] : clients_) {
    if (client.vxpu == &vxpu) {
      const Usage one = ClientUsage(client_id, now);
      sum.waited_ns += one.waited_ns;
      sum.holds = sum.holds || one.holds;
      sum.waits = sum.waits || one.waits;
    }
  }
  return sum;
}

}  // namespace flexai::share
