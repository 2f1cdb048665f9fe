// Remote placements: CPU and memory of one node, all devices of one other.
//
// Local first, unless the task must be remote: a vXPU over the network costs what a scheduler can't see.
// Where nothing local fits, the two halves of the task are placed like tasks of their own, each by the
// policy's own rating: the devices go where that loses least, which is where CPU has run out, and the rest to
// a node whose CPU no device needs. Links are no part of the rating: they only rule out what they can't
// carry. Both nodes must be allowed, that of the devices must lend them, and the link between them must have
// the task's bandwidth left. What fits so, locally or remotely, is placed; to find it takes at most four
// decisions of the local policy for each network domain.
//
// Thread safety: as the local policy.
#pragma once

#include "placement/policy.h"

namespace flexai::placement {

// The parts of a task that is placed remotely, as tasks of their own.
TaskShape DeviceHalf(const TaskShape& task);
TaskShape CpuHalf(const TaskShape& task);

class RemotePolicy final : public Policy {
 public:
  explicit RemotePolicy(std::unique_ptr<Policy> local) : local_(std::move(local)) {}
  using Policy::Choose;
  std::optional<Placement> Choose(const Cluster& cluster, const Request& request) override;
  int64_t RoomFor(const Cluster& cluster, const Request& request, int64_t enough) override;

 private:
  std::optional<Placement> ChooseHalves(const Cluster& cluster, const Request& request);
  NodeSet Reached(const Cluster& cluster, const Request& request, int32_t domain) const;
  void Survey(const Cluster& cluster);

  std::unique_ptr<Policy> local_;
  // Of the cluster, made when first needed:
  NodeSet lenders_;
  std::vector<NodeSet> domains_;
};

}  // namespace flexai::placement
