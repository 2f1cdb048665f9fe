#include "placement/remote_victims.h"

#include <algorithm>

#include "placement/remote.h"

namespace flexai::placement {

std::optional<std::vector<size_t>> ChooseRemoteVictims(const Cluster& cluster, const Request& request,
                                                       int64_t needed,
                                                       std::span<const Evictable> candidates) {
  const bool must = request.shape.remote == Remote::kOnly;
  if (!must) {
    auto victims = ChooseVictims(cluster, request, needed, candidates);
    if (victims.has_value() && !victims->empty()) {
      return victims;
    }
  }
  NodeSet lending(cluster.nodes().size());
  for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
    // Of several members some may be local, where nobody lends.
    if (request.Allows(node) && (cluster.nodes()[node].lends || (!must && needed > 1))) {
      lending.Add(node);
    }
  }
  for (const Request& half :
       {Request{DeviceHalf(request.shape), &lending}, Request{CpuHalf(request.shape), request.allowed}}) {
    auto victims = ChooseVictims(cluster, half, needed, candidates);
    if (!victims.has_value() || !victims->empty()) {
      return victims;
    }
  }
  std::vector<size_t> remote;
  std::vector<size_t> all;
  for (size_t i = 0; i < candidates.size(); ++i) {
    all.push_back(i);
    if (std::any_of(candidates[i].parts.begin(), candidates[i].parts.end(),
                    [](const Evictable::Part& part) { return part.where.remote(); })) {
      remote.push_back(i);
    }
  }
  return remote.empty() ? all : remote;
}

}  // namespace flexai::placement
