// Arbiter, the part that writes pages: the terms of leases, successors, revocations, freezing.
#include <algorithm>
#include <cmath>
#include <utility>

#include "share/arbiter.h"
#include "share/lease_page.h"

namespace flexai::share {
namespace {

// What a holder may keep the device for without counting it: in all, and in each turn.
constexpr double kUnexplainedNs = 10e6;
constexpr double kHandoverNs = 300e3;

}  // namespace

// Device time until `client` leads `other` by one quantum.
int64_t Arbiter::LeadNs(const Client& client, const Client& other) const {
  double behind = 0;
  if (client.vxpu == other.vxpu) {
    behind = other.virtual_time - client.virtual_time;
  } else {
    const ShareAccount& mine = client.vxpu->account;
    behind = (DueTime(other) - mine.virtual_time()) * mine.weight();
  }
  constexpr double kMost = 60e9;
  return static_cast<int64_t>(std::min(behind, kMost)) + options_.quantum.value;
}

// What `client`, holding the device, is granted while `other` (null: nobody) is the best of those who wait.
Grant Arbiter::Terms(const Client& client, const Client* other) const {
  Grant grant = client.grant;
  const int64_t used = static_cast<int64_t>(client.seen.used_ns);
  const int64_t allowance = client.vxpu->account.AllowanceNs();
  const size_t c = ClassOf(client);
  grant.until_used_ns = kUnlimitedNs;
  grant.hold_ns = kUnlimitedNs;
  grant.pass_lead_ns = 0;
  grant.in_flight_limit_ns = options_.in_flight.value;
  for (size_t above = c + 1; above < kClasses; ++above) {
    if (now_ - last_active_[above] <= options_.recently) {
      grant.in_flight_limit_ns = options_.in_flight_below.value;
    }
  }
  if (other != nullptr) {
    grant.pass_lead_ns = static_cast<int64_t>(lead_ns_);
    grant.hold_ns = options_.hold.value;
    if (client.guaranteed || Rank(*other) > Rank(client)) {
      grant.until_used_ns = static_cast<int64_t>(client.used_at_start) + options_.quantum.value;
    } else if (Rank(*other) < Rank(client)) {
      grant.hold_ns = options_.hold_above.value;
    } else {
      grant.until_used_ns = used + LeadNs(client, *other);
    }
  }
  if (allowance != INT64_MAX) {
    grant.until_used_ns = std::min(grant.until_used_ns, used + allowance);
  }
  return grant;
}

// What `client` is granted before its turn has begun: a quantum after what it still has on the device.
int64_t Arbiter::FirstBudget(const Client& client) const {
  const int64_t allowance = std::min(client.vxpu->account.AllowanceNs(), options_.quantum.value);
  return static_cast<int64_t>(client.seen.used_ns) + client.seen.in_flight_ns + allowance;
}

// The last command of the pending client's turn before may have taken far longer than was predicted as its
// lease was issued. With nothing left of that it would give the lease back as soon as it gets it.
void Arbiter::RenewPending(Client& pending) {
  const int64_t budget = FirstBudget(pending);
  if (budget - pending.grant.until_used_ns > options_.quantum.value / 4) {
    pending.grant.until_used_ns = budget;
    port_.Adjust(pending.id, pending.grant);
  }
}

// Gives `client` a new lease: in force at once, or pending until it is passed with `token`.
void Arbiter::Issue(Client& client, uint32_t token) {
  client.guaranteed = IsOwed(client);
  client.revoked = false;
  client.contended_at = {-1};
  client.idle_at = {-1};
  client.in_force_at = now_;
  client.used_at_start = client.seen.used_ns;
  client.grant.lease += 1;
  client.grant.pass_token = token;
  client.grant.until_used_ns = FirstBudget(client);
  client.grant.hold_ns = options_.hold.value;
  client.grant.in_flight_limit_ns = Terms(client, nullptr).in_flight_limit_ns;
  client.grant.pass_lead_ns = 0;
  port_.Issue(client.id, client.grant);
}

// The successor's lease has come into force.
void Arbiter::Promote() {
  holder_ = successor_;
  successor_ = nullptr;
  adopted_ = false;
  holder_->guaranteed = IsOwed(*holder_);
  holder_->in_force_at = now_;
  holder_->grant.pass_token = 0;
  port_.Adjust(holder_->id, holder_->grant);
  Observe(*holder_, port_.Read(holder_->id));
  if (holder_->seen.lease_taken < holder_->grant.lease) {
    port_.Ring(holder_->id);
  }
}

void Arbiter::Withdraw(Client& pending) {
  pending.revoked = true;
  const LaneView view = port_.Read(pending.id);
  pending.drained_at = view.finished + view.running;
  port_.Revoke(pending.id, pending.grant.lease);
}

// Publishes who comes next (null: nobody). Returns true if the holder has given back meanwhile; it may then
// have passed to the successor of before, which stays.
bool Arbiter::SetSuccessor(Client* next) {
  const uint64_t lease = holder_->grant.lease;
  if (successor_ != nullptr) {
    port_.SetSuccessor(holder_->id, lease, 0, 0);
    Observe(*holder_, port_.Read(holder_->id));
    if (TurnEnded()) {
      return true;
    }
    Withdraw(*successor_);
    successor_ = nullptr;
  }
  if (next == nullptr) {
    return false;
  }
  const uint32_t token = static_cast<uint32_t>(random_.Next() >> 32) | 1;
  Issue(*next, token);
  successor_ = next;
  port_.SetSuccessor(holder_->id, lease, next->id, token);
  Observe(*holder_, port_.Read(holder_->id));
  return TurnEnded();
}

// Revokes the client's lease. If it has no command submitted the turn is over now, else when it gives back.
void Arbiter::TakeBack(Client& client) {
  if (!client.revoked) {
    client.revoked = true;
    port_.Revoke(client.id, client.grant.lease);
  }
  const LaneView view = port_.Read(client.id);
  client.drained_at = view.finished + view.running;
  Observe(client, view);
}

void Arbiter::Freeze(Client& client) {
  const int64_t ran = RunningNs(client);
  Charge(client, static_cast<double>(ran));
  client.charged_ahead_ns += ran;
  port_.Freeze(client.id, true);
  client.frozen = true;
  client.frozen_at = now_;
}

void Arbiter::Thaw(Client& client) {
  port_.Freeze(client.id, false);
  client.frozen = false;
  client.frozen_ns += (now_ - client.frozen_at).value;
  client.slice_at = now_;
}

// How early to pass leases on, from the time the device stood idle between two turns. To be late costs that
// time; to be early costs more, since two executors on one processor take it from each other for whole
// scheduler slices.
void Arbiter::LearnLead(double gap_ns) {
  constexpr double kWantedGap = 6e3, kLongestStep = 3e3, kRetreat = 12e3, kMostLead = 120e3;
  if (gap_ns > kHandoverNs) {
    return;  // the lead is not what that comes from
  }
  if (gap_ns < -kHandoverNs) {
    lead_ns_ /= 2;  // a scheduler slice
  }
  lead_ns_ += gap_ns < 0 ? -kRetreat : std::clamp((gap_ns - kWantedGap) / 8, -kLongestStep, kLongestStep);
  lead_ns_ = std::clamp(lead_ns_, 0.0, kMostLead);
}

// At the end of a turn: what the executor's own counting cannot know.
void Arbiter::CorrectTurn(Client& client) {
  const LaneView& seen = client.seen;
  const double used = static_cast<double>(seen.used_ns - client.used_at_start);
  const auto before = clients_.find(previous_);
  const bool ran = seen.lease_taken == client.grant.lease && seen.first_start_ns != 0;
  double shared = 0;
  if (ran && before != clients_.end() && &before->second != &client && before->second.seen.last_end_ns > 0) {
    const double gap = static_cast<double>(seen.first_start_ns - before->second.seen.last_end_ns);
    if (gap < 0) {
      // Two commands on the device at once: each had half of it.
      shared = std::min(-gap, used) / 2;
      Charge(client, -shared);
      Charge(before->second, -shared);
    }
    LearnLead(gap);
  }
  // Time a holder kept the device from others beyond what its own counting and the gaps any driver leaves
  // explain. Kept as a balance, so that one late look of the keeper costs nobody anything and a habit does.
  if (client.contended_at.value >= 0) {
    const double held = static_cast<double>((now_ - client.contended_at).value);
    const double counted = static_cast<double>(seen.used_ns - client.used_when_contended) +
                           static_cast<double>(client.charged_ahead_ns) - shared;
    client.unexplained_ns =
        std::max(-kUnexplainedNs, client.unexplained_ns + held - counted * 5 / 4 - kHandoverNs);
    if (client.unexplained_ns > 0) {
      Charge(client, std::exchange(client.unexplained_ns, 0));
    }
  }
}

}  // namespace flexai::share
