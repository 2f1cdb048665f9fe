#include "placement/remote.h"

#include "placement/remote_room.h"

namespace flexai::placement {

TaskShape DeviceHalf(const TaskShape& task) {
  TaskShape half = task;
  half.cpu_milli = 0;
  half.memory_mib = 0;
  half.remote = Remote::kNever;
  half.link_mbit = 0;
  return half;
}

TaskShape CpuHalf(const TaskShape& task) { return {task.cpu_milli, task.memory_mib, 0, 0, kAnyModel}; }

std::optional<Placement> RemotePolicy::Choose(const Cluster& cluster, const Request& request) {
  const TaskShape& task = request.shape;
  if (task.remote != Remote::kOnly) {
    std::optional<Placement> where = local_->Choose(cluster, request);
    if (where.has_value() || task.remote == Remote::kNever || task.devices == 0) {
      return where;
    }
  }
  return ChooseHalves(cluster, request);
}

int64_t RemotePolicy::RoomFor(const Cluster& cluster, const Request& request, int64_t enough) {
  if (request.shape.remote == Remote::kNever || request.shape.devices == 0) {
    return local_->RoomFor(cluster, request, enough);
  }
  return Choose(cluster, request).has_value() ? RoomAtMost(cluster, request, enough) : 0;
}

void RemotePolicy::Survey(const Cluster& cluster) {
  const size_t nodes = cluster.nodes().size();
  if (!domains_.empty()) {
    return;
  }
  lenders_ = NodeSet(nodes);
  domains_.assign(static_cast<size_t>(cluster.links().domain_count()), NodeSet(nodes));
  for (NodeId node = 0; node < nodes; ++node) {
    const NodeSpec& spec = cluster.nodes()[node];
    domains_[cluster.links().described() ? static_cast<size_t>(spec.domain) : 0].Add(node);
    if (spec.lends) {
      lenders_.Add(node);
    }
  }
}

// The nodes that are allowed and whose links to the domain have the bandwidth.
NodeSet RemotePolicy::Reached(const Cluster& cluster, const Request& request, int32_t domain) const {
  NodeSet reached(cluster.nodes().size());
  for (size_t other = 0; other < domains_.size(); ++other) {
    if (cluster.links().HasRoom(domain, static_cast<int32_t>(other), request.shape.link_mbit)) {
      reached |= domains_[other];
    }
  }
  if (request.allowed != nullptr) {
    reached &= *request.allowed;
  }
  return reached;
}

std::optional<Placement> RemotePolicy::ChooseHalves(const Cluster& cluster, const Request& request) {
  Survey(cluster);
  const TaskShape device_half = DeviceHalf(request.shape);
  const TaskShape cpu_half = CpuHalf(request.shape);
  NodeSet lending = lenders_;
  if (request.allowed != nullptr) {
    lending &= *request.allowed;
  }
  // Whichever node of a domain has the devices, the same nodes are reached: the best stands for its domain.
  while (const auto devices = local_->Choose(cluster, Request{device_half, &lending})) {
    const NodeId node = devices->device_node;
    const int32_t domain = cluster.links().described() ? cluster.nodes()[node].domain : 0;
    const NodeSet& of_domain = domains_[static_cast<size_t>(domain)];
    NodeSet reached = Reached(cluster, request, domain);
    const bool itself = reached.Has(node) && cluster.Fits(node, cpu_half);
    reached.Remove(node);
    if (const auto cpu = local_->Choose(cluster, Request{cpu_half, &reached})) {
      return Placement{cpu->cpu_node, node, devices->devices};
    }
    if (itself) {  // the only one with CPU: it takes the devices of another
      NodeSet others = lending;
      others &= of_domain;
      others.Remove(node);
      if (const auto other = local_->Choose(cluster, Request{device_half, &others})) {
        return Placement{node, other->device_node, other->devices};
      }
    }
    lending -= of_domain;
  }
  return std::nullopt;
}

}  // namespace flexai::placement
