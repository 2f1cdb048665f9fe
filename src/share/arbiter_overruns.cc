// Arbiter, the part that deals with turns that are not used, and with commands that do not end.
#include <fmt/format.h>

#include <algorithm>

#include "share/arbiter.h"
#include "share/lease_page.h"

namespace flexai::share {
namespace {

// How much longer than its budget of device time a contended turn may last.
constexpr Nanos kTurnGrace = Millis(5);

}  // namespace

// Ends the turn of a holder that does not use it while somebody waits. True if it did.
bool Arbiter::PassOver() {
  Client& client = *holder_;
  const Client* other = ChooseNext();
  if (other == nullptr || other->absent) {
    return false;
  }
  const LaneView& seen = client.seen;
  if (adopted_) {
    return Overran(*other);
  }
  if (seen.lease_taken < client.grant.lease && !client.revoked) {
    const Nanos due = client.in_force_at + options_.head_start;
    if (now_ < due) {
      WakeAt(due);
      return false;
    }
    client.absent = true;
    TakeBack(client);
    return TurnEnded();
  }
  if (seen.running > 0 && seen.head_start_ns == 0) {
    const Nanos due = std::max(client.in_force_at, Nanos{seen.head_entered_ns}) +
                      (seen.head_unknown ? options_.head_start : options_.known_head_start);
    if (now_ < due) {
      WakeAt(due);
      return false;
    }
    TakeBack(client);
    if (!TurnEnded() && client.seen.head_start_ns == 0) {
      client.stalled = true;
      EndTurn();
    }
    return true;
  }
  return Overran(*other) || Overstayed(*other);
}

// Takes back a lease that was held for longer than its budget of device time explains: its executor counts
// wrong.
bool Arbiter::Overstayed(const Client& other) {
  Client& client = *holder_;
  if (client.revoked || client.contended_at.value < 0 || client.grant.until_used_ns == kUnlimitedNs ||
      Rank(other) < Rank(client)) {
    return false;
  }
  const int64_t budget =
      std::max<int64_t>(0, client.grant.until_used_ns - static_cast<int64_t>(client.used_when_contended));
  const Nanos due = client.contended_at + Nanos{budget + budget / 4} + kTurnGrace;
  if (now_ < due) {
    WakeAt(due);
    return false;
  }
  TakeBack(client);
  return TurnEnded();
}

// Freezes a holder whose command runs far past its turn, on devices that can stop there. True if it did.
bool Arbiter::Overran(const Client& other) {
  Client& client = *holder_;
  if (!options_.can_freeze || client.seen.running == 0) {
    return false;
  }
  const bool above = Rank(other) > Rank(client) && !client.guaranteed;
  if (Rank(other) < Rank(client)) {
    return false;
  }
  const int64_t allowed = above ? 0 : std::max<int64_t>(0, LeadNs(client, other));
  const int64_t slack = above                         ? options_.freeze_for_higher.value
                        : client.charged_ahead_ns > 0 ? 0
                                                      : options_.freeze_after.value;
  const int64_t left = allowed + slack - RunningNs(client);
  if (left > 0) {
    WakeAt(now_ + Nanos{left});
    return false;
  }
  if (!adopted_) {
    TakeBack(client);
  }
  if (!TurnEnded()) {
    Freeze(client);
    EndTurn();
  }
  return true;
}

// Commands of turns that are over: those that do not end are frozen like a holder's, to run in turns of their
// own.
void Arbiter::WatchLeaving() {
  for (auto& [id, client] : clients_) {
    if (&client == holder_ || client.seen.running == 0 || client.frozen || client.stalled ||
        client.seen.head_start_ns == 0 || !options_.can_freeze) {
      continue;
    }
    const int64_t left = options_.freeze_after.value - RunningNs(client);
    if (left <= 0) {
      Freeze(client);
    } else {
      WakeAt(now_ + Nanos{left});
    }
  }
}

// Ends sessions whose command runs for longer than any may.
void Arbiter::WatchCommands() {
  if (options_.longest_command.value <= 0) {
    return;
  }
  for (auto& [id, client] : clients_) {
    if (client.seen.running == 0 || client.seen.head_start_ns == 0 || client.condemned || client.frozen) {
      continue;
    }
    const int64_t ran = client.charged_ahead_ns + RunningNs(client);
    if (ran >= options_.longest_command.value) {
      client.condemned = true;
      port_.Condemn(id, fmt::format("a command ran for {}, longer than the device's limit of {}",
                                    FormatNanos({ran}), FormatNanos(options_.longest_command)));
    } else {
      WakeAt(now_ + Nanos{options_.longest_command.value - ran});
    }
  }
}

}  // namespace flexai::share
