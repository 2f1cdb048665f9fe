// Arbiter, the part that knows who is due: observations, charges, virtual time and the order of claims.
#include <algorithm>

#include "share/arbiter.h"

namespace flexai::share {

// Claims that no honest executor makes.
bool Arbiter::Plausible(const Client& client, const LaneView& view) const {
  constexpr uint32_t kMostRunning = 1 << 16;
  constexpr uint64_t kMostUsedNs = 1'000'000'000'000'000'000;  // 30 years
  return view.used_ns <= kMostUsedNs && view.lease_done <= client.grant.lease &&
         view.lease_taken <= client.grant.lease && view.running <= kMostRunning &&
         (!client.revoked || view.finished <= client.drained_at) && view.used_ns >= client.seen.used_ns &&
         view.finished >= client.seen.finished && view.lease_done >= client.seen.lease_done;
}

void Arbiter::Observe(Client& client, LaneView view) {
  if (client.condemned) {
    return;
  }
  // A device's clock that was moved to ours may run ahead by a little; a lie may by more.
  for (int64_t* claim :
       {&view.first_start_ns, &view.head_entered_ns, &view.head_start_ns, &view.last_end_ns}) {
    *claim = std::clamp<int64_t>(*claim, 0, now_.value);
  }
  constexpr int64_t kMostInFlightNs = 3'600'000'000'000;
  view.in_flight_ns = std::clamp<int64_t>(view.in_flight_ns, 0, kMostInFlightNs);
  if (!Plausible(client, view)) {
    client.condemned = true;
    port_.Condemn(client.id, "the executor wrote impossible values to its lease page");
    return;
  }
  const LaneView& seen = client.seen;
  if (view.finished == seen.finished) {
    view.used_ns =
        seen.used_ns;  // it is written before `finished`: the end that it belongs to is yet to be seen
  } else {
    // A client cannot have used more than all the time there was.
    const double most = static_cast<double>((now_ - client.created_at).value) - client.used_ns;
    const double claimed = static_cast<double>(view.used_ns - seen.used_ns);
    const double ahead = static_cast<double>(client.charged_ahead_ns + client.frozen_ns);
    Charge(client, std::min(claimed - ahead, most));
    client.charged_ahead_ns = 0;
    client.frozen_ns = 0;
    client.slice_at = {-1};
  }
  const bool idle = !view.want && view.running == 0;
  if (!idle || view.finished != seen.finished) {
    client.idle_at = {-1};
  }
  if (idle && client.idle_at.value < 0) {
    client.idle_at = now_;
  }
  if (view.want != seen.want || view.running != seen.running || view.lease_done != seen.lease_done ||
      view.lease_taken != seen.lease_taken || view.finished != seen.finished) {
    client.absent = false;
  }
  if (view.running == 0 || view.head_start_ns == 0 || view.finished != seen.finished) {
    client.running_since = {-1};
  }
  if (view.running > 0 && view.head_start_ns != 0 && client.running_since.value < 0) {
    client.running_since = now_;
  }
  if (view.head_start_ns != 0 || view.running == 0) {
    client.stalled = false;
  }
  client.seen = view;
  UpdateWaiting(client);
}

void Arbiter::Charge(Client& client, double ns) {
  client.vxpu->account.Charge(ns);
  client.vxpu->used_ns += ns;
  client.used_ns += ns;
  client.virtual_time += ns;
  busy_ns_ += ns;
}

// Whether the client takes part in the competition. One that comes back to it is owed little for its absence.
void Arbiter::UpdateCompetition(Client& client) {
  Vxpu& vxpu = *client.vxpu;
  const bool works = client.seen.want || client.seen.running > 0;
  const bool competes =
      works && !client.absent && !client.stalled && !client.condemned && vxpu.account.Allowed();
  if (competes && !client.competing) {
    double least = client.virtual_time;
    bool alone = true;
    for (const auto& [id, other] : clients_) {
      if (other.vxpu == &vxpu && other.competing) {
        least = alone ? other.virtual_time : std::min(least, other.virtual_time);
        alone = false;
      }
    }
    client.virtual_time = std::max(client.virtual_time, least - static_cast<double>(options_.credit.value));
    if (++vxpu.competing == 1) {
      vxpu.account.Rejoin(virtual_now_[ClassOf(client)], options_.credit);
    }
  } else if (!competes && client.competing) {
    --vxpu.competing;
  }
  client.competing = competes;
}

void Arbiter::UpdateWaiting(Client& client) {
  const bool waits = client.seen.want && &client != holder_;
  if (waits && client.waiting_since.value < 0) {
    client.waiting_since = now_;
  } else if (!waits && client.waiting_since.value >= 0) {
    client.waited_ns += static_cast<double>((now_ - client.waiting_since).value);
    client.waiting_since = {-1};
  }
}

// The virtual time of a class is that of its competitor who is furthest behind; it never goes back.
void Arbiter::AdvanceVirtualTime() {
  double least[kClasses];
  bool any[kClasses] = {};
  for (const auto& [id, client] : clients_) {
    const size_t c = ClassOf(client);
    if (client.competing) {
      const double at = client.vxpu->account.virtual_time();
      least[c] = any[c] ? std::min(least[c], at) : at;
      any[c] = true;
    }
  }
  for (size_t c = 0; c < kClasses; ++c) {
    if (any[c]) {
      virtual_now_[c] = std::max(virtual_now_[c], least[c]);
    }
  }
  for (auto& [id, client] : clients_) {
    client.vxpu->account.Refill(now_);
    UpdateCompetition(client);
    if (client.competing) {
      last_active_[ClassOf(client)] = now_;
    }
  }
}

// Since when a class waits without a turn.
void Arbiter::UpdateOwed() {
  bool waits[kClasses] = {};
  for (const auto& [id, client] : clients_) {
    waits[ClassOf(client)] |= Eligible(client);
  }
  for (size_t c = 0; c < kClasses; ++c) {
    if (!waits[c] || (holder_ != nullptr && ClassOf(*holder_) == c)) {
      owed_since_[c] = {-1};
    } else if (owed_since_[c].value < 0) {
      owed_since_[c] = now_;
    }
  }
}

bool Arbiter::Eligible(const Client& client) const {
  const bool ready = client.frozen ? client.seen.running > 0 : client.seen.want;
  return ready && &client != holder_ && !client.stalled && !client.condemned &&
         client.vxpu->account.Allowed();
}

// The class, or above all classes if the client's has waited for the starvation bound.
int Arbiter::Rank(const Client& client) const {
  return static_cast<int>(ClassOf(client)) + (IsOwed(client) ? static_cast<int>(kClasses) : 0);
}

bool Arbiter::IsOwed(const Client& client) const {
  const Nanos since = owed_since_[ClassOf(client)];
  return options_.starvation.value > 0 && since.value >= 0 && now_ - since >= options_.starvation;
}

// Device time that the command at the head has run and was not charged for.
int64_t Arbiter::RunningNs(const Client& client) const {
  if (client.seen.running == 0 || client.seen.head_start_ns == 0 || client.frozen) {
    return 0;
  }
  // By its own words, but not for less than we have watched it.
  int64_t since = std::max(client.seen.last_end_ns, client.seen.head_start_ns);
  if (client.running_since.value >= 0) {
    since = std::min(since, client.running_since.value);
  }
  since = std::max(since, client.slice_at.value);
  return std::max<int64_t>(0, now_.value - since);
}

// The vXPU's virtual time, counting what its client still has on the device.
double Arbiter::DueTime(const Client& client) const {
  constexpr int64_t kMostPredictedNs = 10'000'000;
  const bool draining = client.seen.running > 0 && !client.stalled && !client.frozen;
  const int64_t open = draining ? std::max(std::clamp<int64_t>(client.seen.in_flight_ns, 0, kMostPredictedNs),
                                           RunningNs(client))
                                : 0;
  return client.vxpu->account.virtual_time() + static_cast<double>(open) / client.vxpu->account.weight();
}

bool Arbiter::Before(const Client& a, const Client& b) const {
  if (a.absent != b.absent) {
    return !a.absent;
  }
  if (const int x = Rank(a), y = Rank(b); x != y) {
    return x > y;
  }
  if (a.vxpu != b.vxpu) {
    if (const double x = DueTime(a), y = DueTime(b); x != y) {
      return x < y;
    }
  } else if (a.virtual_time != b.virtual_time) {
    return a.virtual_time < b.virtual_time;
  }
  return a.waiting_since != b.waiting_since ? a.waiting_since < b.waiting_since : a.id < b.id;
}

Arbiter::Client* Arbiter::Pick(const Client* except) {
  Client* best = nullptr;
  for (auto& [id, client] : clients_) {
    if (&client != except && Eligible(client) && (best == nullptr || Before(client, *best))) {
      best = &client;
    }
  }
  return best;
}

// Who comes after the holder. A successor that is already published stays unless another is clearly ahead of
// it.
Arbiter::Client* Arbiter::ChooseNext() {
  Client* best = Pick(holder_);
  if (best == nullptr || successor_ == nullptr || best == successor_ || !Eligible(*successor_) ||
      successor_->absent || Rank(*best) != Rank(*successor_)) {
    return best;
  }
  const double ahead = DueTime(*successor_) - DueTime(*best);
  const double margin = static_cast<double>(options_.quantum.value) / 2 / best->vxpu->account.weight();
  return ahead > margin ? best : successor_;
}

}  // namespace flexai::share
