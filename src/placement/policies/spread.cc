// spread: the node with the most idle devices, counting shares; and on it the emptiest devices.
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class Spread final : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const override {
    return {static_cast<int16_t>(node.free_milli()), FirstDevices(node.FittingDevices(task), task.devices)};
  }
};

}  // namespace

std::unique_ptr<NodeRater> MakeSpread() { return std::make_unique<Spread>(); }

}  // namespace flexai::placement
