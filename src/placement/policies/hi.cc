// hi: the node, and for a share the device, where hi's potential grows least (hi_potential.h).
#include "placement/gradient.h"
#include "placement/policies/hi_potential.h"
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class Hi final : public Gradient {
 public:
  Hi(std::span<const TypicalTask> typical, const HiParameters& parameters)
      : potential_(typical, parameters) {}

 private:
  double Potential(const NodeState& node) const override { return potential_(node); }

  HiPotential potential_;
};

}  // namespace

std::unique_ptr<NodeRater> MakeHi(std::span<const TypicalTask> typical, const HiParameters& parameters) {
  return std::make_unique<Hi>(typical, parameters);
}

}  // namespace flexai::placement
