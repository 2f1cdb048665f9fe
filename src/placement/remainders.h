// What is left of a device that is partly taken, and how much of it nobody will use.
//
// Tasks that want a share of a device leave remainders. A remainder is worth what the best combination of
// shares that still fits it takes; shares that are scarce don't count, since most remainders of that size
// will never see one. A share is scarce if, with the typical tasks packed into devices by size, largest
// first, it fills less than half of the places that larger ones left for it; one that needs devices of its
// own is not. The packing is of fractions of tasks, as in the cutting stock problem (P. Gilmore and R.
// Gomory, Operations Research 9, 1961), by best fit instead of a linear program.
#pragma once

#include <array>
#include <span>

#include "placement/demand.h"

namespace flexai::placement {

class Remainders {
 public:
  explicit Remainders(std::span<const TypicalTask> typical);

  // Of a device with that much free, in thousandths of a device: what will stay unused. None of a free one.
  int32_t Waste(int32_t free_milli) const { return waste_[static_cast<size_t>(free_milli)]; }
  int32_t Waste(const NodeState& node) const;

 private:
  std::array<int32_t, kWholeDevice + 1> waste_{};
};

}  // namespace flexai::placement
