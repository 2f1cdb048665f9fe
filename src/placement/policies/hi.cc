// hi: fragmentation, and two losses that it does not see. Devices that the node's CPU can't feed are stranded
// whatever the next task asks for; and remainders of devices that no common share fits are wasted for good.
//
// Fragmentation is an expectation over the next task; what is stranded or wasted stays so for all tasks to
// come, and counts for more. By how much was found on draws from the typical tasks, and is not critical
// (docs/placement.md).
#include "placement/fragmentation.h"
#include "placement/gradient.h"
#include "placement/policies/policies.h"
#include "placement/remainders.h"
#include "placement/stranding.h"

namespace flexai::placement {
namespace {

constexpr double kStranded = 3;
constexpr double kWasted = 8;

class Hi final : public Gradient {
 public:
  Hi(std::span<const TypicalTask> typical, const HiParameters& parameters)
      : fragmentation_(typical),
        cpu_per_device_(parameters.cpu_per_device),
        remainders_(typical, parameters.least_common_share) {}

 private:
  double Potential(const NodeState& node) const override {
    return fragmentation_(node) + kStranded * Stranded(node, cpu_per_device_) +
           kWasted * remainders_.Waste(node);
  }

  Fragmentation fragmentation_;
  double cpu_per_device_;
  Remainders remainders_;
};

}  // namespace

std::unique_ptr<NodeRater> MakeHi(std::span<const TypicalTask> typical, const HiParameters& parameters) {
  return std::make_unique<Hi>(typical, parameters);
}

}  // namespace flexai::placement
