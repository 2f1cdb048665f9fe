// random: any node that has room, each with the same chance, and any of its devices.
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class RandomPolicy final : public Policy {
 public:
  explicit RandomPolicy(uint64_t seed) : random_(seed) {}

  using Policy::Choose;
  std::optional<Placement> Choose(const Cluster& cluster, const Request& request) override {
    const TaskShape& task = request.shape;
    std::vector<NodeId> feasible;
    for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
      if (request.Allows(node) && cluster.Fits(node, task)) {
        feasible.push_back(node);
      }
    }
    if (feasible.empty()) {
      return std::nullopt;
    }
    const NodeId node = feasible[random_.Below(feasible.size())];
    const TaskShape taken = cluster.TakenOn(node, task);
    std::vector<int32_t> devices;
    for (int32_t device = 0; device < cluster.nodes()[node].devices; ++device) {
      if (cluster.InService(node, device) && cluster.node_free(node).HasDevice(taken, device)) {
        devices.push_back(device);
      }
    }
    while (devices.size() > static_cast<size_t>(task.devices)) {
      devices.erase(devices.begin() + static_cast<ptrdiff_t>(random_.Below(devices.size())));
    }
    return Placement{node, node, devices};
  }

 private:
  Random random_;
};

}  // namespace

std::unique_ptr<Policy> MakeRandom(uint64_t seed) { return std::make_unique<RandomPolicy>(seed); }

}  // namespace flexai::placement
