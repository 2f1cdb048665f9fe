// Randomness from the kernel, for what others must not guess.
#pragma once

#include <cstdint>

namespace flexai::os {

uint64_t RandomSeed();

}  // namespace flexai::os
