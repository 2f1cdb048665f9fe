#include "share/share_account.h"

#include <algorithm>
#include <cmath>

namespace flexai::share {
namespace {

// A limited vXPU waits at most about this long for its next turn, however small its limit.
constexpr double kLongestPauseNs = 100e6;
// What a limited vXPU may catch up with after it waited.
constexpr double kLongestQueueNs = 30e6;

}  // namespace

ShareAccount::ShareAccount(const ComputeShare& share, Nanos now, Nanos quantum)
    : share_(share), quantum_ns_(static_cast<double>(quantum.value)), refilled_at_(now) {
  tokens_ = TurnTokens();
}

void ShareAccount::SetShare(const ComputeShare& share) {
  share_ = share;
  tokens_ = std::min(tokens_, TurnTokens());
  dry_ = limited() && tokens_ < TurnTokens();
}

// Tokens that a turn of one quantum needs, given those that come in while it lasts.
double ShareAccount::TurnTokens() const {
  return std::min(quantum_ns_ * (1 - Rate()), kLongestPauseNs * Rate());
}

void ShareAccount::Charge(double ns) {
  virtual_time_ += ns / weight();
  tokens_ -= ns;
  if (limited() && tokens_ <= 0) {
    dry_ = true;
  }
}

void ShareAccount::Rejoin(double now, Nanos credit) {
  virtual_time_ = std::max(virtual_time_, now - static_cast<double>(credit.value) / weight());
}

void ShareAccount::Refill(Nanos now) {
  // The bucket is deeper than a turn by what comes in while the turn waits for those of others.
  const double depth = TurnTokens() + kLongestQueueNs * Rate();
  tokens_ = std::min(depth, tokens_ + static_cast<double>((now - refilled_at_).value) * Rate());
  refilled_at_ = now;
  if (dry_ && tokens_ >= TurnTokens()) {
    dry_ = false;
  }
}

int64_t ShareAccount::AllowanceNs() const {
  return limited() ? static_cast<int64_t>(std::max(0.0, tokens_) / (1 - Rate())) : INT64_MAX;
}

Nanos ShareAccount::AllowedAt() const {
  const double missing = std::max(0.0, TurnTokens() - tokens_);
  return {refilled_at_.value + static_cast<int64_t>(std::ceil(missing / std::max(Rate(), 1e-6)))};
}

}  // namespace flexai::share
