// What commands cost, learned from those that ran: the leases are cut by these predictions.
//
// Thread safety: used under the graph's lock; CostTable::Cell also before a command is enqueued, by the
// engine.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/units.h"

namespace flexai::executor::opencl {

// A running mean of durations; 0 until something was learned.
class CostCell {
 public:
  Nanos Predict() const { return {mean_ns_}; }
  void Learn(Nanos busy) {
    constexpr int64_t kWeight = 4;
    const int64_t measured = busy.value > 0 ? busy.value : 1;
    // A single long one was likely interrupted on the way; a second one says that they take longer now.
    const int64_t believed = std::min(measured, 2 * std::max(mean_ns_, last_ns_));
    mean_ns_ = mean_ns_ == 0 ? measured : mean_ns_ + (believed - mean_ns_) / kWeight;
    last_ns_ = measured;
  }

 private:
  int64_t mean_ns_ = 0;
  int64_t last_ns_ = 0;
};

// The costs of one kernel by its global size. An unknown size is predicted by the rate of a known one.
class KernelCost {
 public:
  struct Size {
    uint64_t items = 0;  // global work items
    CostCell cell;
  };

  // The entry for that many items; stays valid as long as someone holds it.
  std::shared_ptr<Size> Entry(uint64_t items);
  Nanos Predict(const Size& size) const;
  void Learn(Size& size, Nanos busy);

 private:
  static constexpr size_t kMostSizes = 64;

  std::vector<std::shared_ptr<Size>> sizes_;  // the last one used is looked at first
  size_t last_ = 0;
  size_t next_victim_ = 0;
  double ns_per_item_ = 0;
};

// The costs of copies and fills, by kind and order of magnitude of their size.
class TransferCost {
 public:
  static constexpr uint32_t kKinds = 4;
  enum class Kind : uint8_t { kRead, kWrite, kCopy, kFill };

  CostCell& Cell(Kind kind, uint64_t bytes);
  // A guess where nothing was learned: 5 us and 4 bytes per nanosecond.
  static Nanos Guess(uint64_t bytes);

 private:
  CostCell cells_[kKinds][65];
};

}  // namespace flexai::executor::opencl
