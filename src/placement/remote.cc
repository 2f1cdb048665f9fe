#include "placement/remote.h"

namespace flexai::placement {

std::optional<Placement> RemotePolicy::Choose(const Cluster& cluster, const Request& request) {
  const TaskShape& task = request.shape;
  std::optional<Placement> where = local_->Choose(cluster, request);
  if (where.has_value() || task.devices == 0) {
    return where;
  }
  TaskShape devices = task;
  devices.cpu_milli = 0;
  devices.memory_mib = 0;
  const std::optional<Placement> device_half = local_->Choose(cluster, Request{devices, request.allowed});
  if (!device_half.has_value()) {
    return std::nullopt;
  }
  const std::optional<Placement> cpu_half =
      local_->Choose(cluster, Request{{task.cpu_milli, task.memory_mib, 0, 0, kAnyModel}, request.allowed});
  if (!cpu_half.has_value()) {
    return std::nullopt;
  }
  return Placement{cpu_half->cpu_node, device_half->device_node, device_half->devices};
}

}  // namespace flexai::placement
