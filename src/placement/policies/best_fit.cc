// best-fit: the node with the least left, as the mean of its idle CPU and its idle devices, each as a part of
// the largest node's.
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

constexpr double kMostCpuMilli = 128'000;
constexpr double kMostDeviceMilli = 8 * kWholeDevice;

class BestFit final : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const override {
    const double left = (static_cast<double>(node.cpu_free) / kMostCpuMilli +
                         static_cast<double>(node.free_milli()) / kMostDeviceMilli) /
                        2;
    return {static_cast<int32_t>((1 - left) * 100), TightestDevices(node, task)};
  }
};

}  // namespace

std::unique_ptr<NodeRater> MakeBestFit() { return std::make_unique<BestFit>(); }

}  // namespace flexai::placement
