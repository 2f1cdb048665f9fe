// A Lease without a keeper: every command enters at once, memory is counted in the process.
#pragma once

#include <mutex>
#include <vector>

#include "share/lease.h"

namespace flexai::share {

// One lane per element of `quotas`. Thread-safe.
class StandaloneLease final : public Lease {
 public:
  explicit StandaloneLease(std::vector<Bytes> quotas) : available_(std::move(quotas)) {}

  std::span<const std::atomic<uint32_t>* const> WakeWords() const override { return {}; }
  Entry TryEnter(uint32_t, Nanos) override { return Entry::kYes; }
  void Started(uint32_t, Nanos) override {}
  bool Finished(uint32_t, Nanos, Nanos, Nanos) override { return false; }
  void Abandon(uint32_t, Nanos) override {}
  void Idle(uint32_t) override {}
  Nanos Deadline() const override { return {INT64_MAX}; }
  void OnDeadline() override {}
  Status Charge(uint32_t lane, int64_t bytes) override;
  Bytes Available(uint32_t lane) const override;

 private:
  mutable std::mutex mutex_;
  std::vector<Bytes> available_;
};

}  // namespace flexai::share
