// dot-product: the node whose idle CPU and devices point least in another direction than the task's demand.
//
// Source: R. Grandl et al., "Multi-resource Packing for Cluster Schedulers" (Tetris), SIGCOMM 2014: the
// alignment of demand and what is left. As in the published comparison a smaller product wins, so that
// nodes with little left fill up first.
#include "placement/policies/largest_node.h"
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class DotProduct final : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const override {
    const double product = PartOfCpu(node.cpu_free) * PartOfCpu(task.cpu_milli) +
                           PartOfDevices(node.free_milli()) * PartOfDevices(task.device_milli());
    return {PartAsScore(1 - product / 2, 20'000), TightestDevices(node, task)};
  }
};

}  // namespace

std::unique_ptr<NodeRater> MakeDotProduct() { return std::make_unique<DotProduct>(); }

}  // namespace flexai::placement
