#include "executor/opencl/cost.h"

#include <algorithm>
#include <bit>

namespace flexai::executor::opencl {

std::shared_ptr<KernelCost::Size> KernelCost::Entry(uint64_t items) {
  if (last_ < sizes_.size() && sizes_[last_]->items == items) {
    return sizes_[last_];
  }
  for (size_t i = 0; i < sizes_.size(); ++i) {
    if (sizes_[i]->items == items) {
      last_ = i;
      return sizes_[i];
    }
  }
  auto size = std::make_shared<Size>();
  size->items = items;
  if (sizes_.size() < kMostSizes) {
    last_ = sizes_.size();
    sizes_.push_back(size);
  } else {
    last_ = next_victim_;
    next_victim_ = (next_victim_ + 1) % kMostSizes;
    sizes_[last_] = size;
  }
  return size;
}

Nanos KernelCost::Predict(const Size& size) const {
  if (const Nanos known = size.cell.Predict(); known.value > 0) {
    return known;
  }
  const double guess = ns_per_item_ * static_cast<double>(size.items);
  return {static_cast<int64_t>(std::min(guess, 1e12))};
}

void KernelCost::Learn(Size& size, Nanos busy) {
  size.cell.Learn(busy);
  ns_per_item_ =
      static_cast<double>(size.cell.Predict().value) / static_cast<double>(std::max<uint64_t>(size.items, 1));
}

CostCell& TransferCost::Cell(Kind kind, uint64_t bytes) {
  return cells_[static_cast<uint32_t>(kind)][std::bit_width(bytes)];
}

Nanos TransferCost::Guess(uint64_t bytes) {
  return {5000 + static_cast<int64_t>(std::min<uint64_t>(bytes, 1ull << 50) / 4)};
}

}  // namespace flexai::executor::opencl
