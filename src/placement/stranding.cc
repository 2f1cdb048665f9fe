#include "placement/stranding.h"

namespace flexai::placement {

double CpuPerDevice(std::span<const TypicalTask> typical) {
  double cpu = 0;
  double devices = 0;
  for (const TypicalTask& task : typical) {
    if (task.shape.devices > 0) {
      cpu += task.popularity * static_cast<double>(task.shape.cpu_milli);
      devices += task.popularity * static_cast<double>(task.shape.device_milli());
    }
  }
  return devices > 0 ? cpu / devices : 0;
}

}  // namespace flexai::placement
