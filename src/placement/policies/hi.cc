// hi: fragmentation, and two losses that it does not see. Devices that the node's CPU can't feed are stranded
// whatever the next task asks for; and remainders of devices that no common share fits are wasted for good.
//
// Fragmentation is an expectation over the next task; what is stranded or wasted stays so for all tasks to
// come, and counts twice. How much CPU a device needs, and which shares are common, follow from the typical
// tasks.
#include <algorithm>

#include "placement/fragmentation.h"
#include "placement/gradient.h"
#include "placement/policies/policies.h"
#include "placement/remainders.h"

namespace flexai::placement {
namespace {

constexpr double kForGood = 2;

// CPU per device that typical tasks ask for, both in thousandths.
double CpuPerDevice(std::span<const TypicalTask> typical) {
  double cpu = 0;
  double devices = 0;
  for (const TypicalTask& task : typical) {
    if (task.shape.devices > 0) {
      cpu += task.popularity * static_cast<double>(task.shape.cpu_milli);
      devices += task.popularity * static_cast<double>(task.shape.device_milli());
    }
  }
  return devices > 0 ? cpu / devices : 0;
}

class Hi final : public Gradient {
 public:
  explicit Hi(std::span<const TypicalTask> typical)
      : typical_(typical), cpu_per_device_(CpuPerDevice(typical)), remainders_(typical) {}

 private:
  double Potential(const NodeState& node) const override {
    return Fragmentation(node, typical_) + kForGood * (Stranded(node) + remainders_.Waste(node));
  }

  double Stranded(const NodeState& node) const {
    if (cpu_per_device_ <= 0) {
      return 0;
    }
    const double fed = static_cast<double>(node.cpu_free) / cpu_per_device_;
    return std::max(0.0, static_cast<double>(node.free_milli()) - fed);
  }

  std::span<const TypicalTask> typical_;
  double cpu_per_device_;
  Remainders remainders_;
};

}  // namespace

std::unique_ptr<NodeRater> MakeHi(std::span<const TypicalTask> typical) {
  return std::make_unique<Hi>(typical);
}

}  // namespace flexai::placement
