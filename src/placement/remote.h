// Remote placements: CPU and memory of one node, all devices of one other.
//
// Local first: a vXPU over the network costs what a scheduler can't see. Where nothing local fits, the two
// halves of the task are placed like tasks of their own, each by the policy's own rating: the devices go
// where that loses least, which is where CPU has run out, and the rest to a node whose CPU no device needs.
// So a task that fits somewhere, locally or remotely, is placed. Both nodes must be allowed. Thread safety:
// as the local policy.
#pragma once

#include "placement/policy.h"

namespace flexai::placement {

class RemotePolicy final : public Policy {
 public:
  explicit RemotePolicy(std::unique_ptr<Policy> local) : local_(std::move(local)) {}
  using Policy::Choose;
  std::optional<Placement> Choose(const Cluster& cluster, const Request& request) override;
  int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough) override {
    return local_->RoomFor(cluster, request, enough);
  }

 private:
  std::unique_ptr<Policy> local_;
};

}  // namespace flexai::placement
