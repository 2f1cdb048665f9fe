// binpack: the node with the fewest idle devices, counting shares; and on it the fullest devices.
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class Binpack final : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const override {
    return {static_cast<int16_t>(kMostDevices * kWholeDevice - node.free_milli()),
            TightestDevices(node, task)};
  }
};

}  // namespace

std::unique_ptr<NodeRater> MakeBinpack() { return std::make_unique<Binpack>(); }

}  // namespace flexai::placement
