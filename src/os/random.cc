#include "os/random.h"

#include <sys/random.h>

namespace flexai::os {

uint64_t RandomSeed() {
  uint64_t seed = 0;
  while (getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
  }
  return seed;
}

}  // namespace flexai::os
