// best-fit: the node with the least left, as the mean of its idle CPU and its idle devices, each as a part of
// the largest node's.
#include "placement/policies/largest_node.h"
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class BestFit final : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const override {
    const double left = (PartOfCpu(node.cpu_free) + PartOfDevices(node.free_milli())) / 2;
    return {PartAsScore(1 - left, 100), TightestDevices(node, task)};
  }
};

}  // namespace

std::unique_ptr<NodeRater> MakeBestFit() { return std::make_unique<BestFit>(); }

}  // namespace flexai::placement
