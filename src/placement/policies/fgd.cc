// fgd: Fragmentation Gradient Descent. The node, and for a share the device, whose fragmentation grows least.
//
// Source: Weng et al., USENIX ATC 2023.
#include "placement/fragmentation.h"
#include "placement/gradient.h"
#include "placement/policies/policies.h"

namespace flexai::placement {
namespace {

class Fgd final : public Gradient {
 public:
  explicit Fgd(std::span<const TypicalTask> typical) : fragmentation_(typical) {}

 private:
  double Potential(const NodeState& node) const override { return fragmentation_(node); }

  Fragmentation fragmentation_;
};

}  // namespace

std::unique_ptr<NodeRater> MakeFgd(std::span<const TypicalTask> typical) {
  return std::make_unique<Fgd>(typical);
}

}  // namespace flexai::placement
