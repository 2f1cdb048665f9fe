// Rates a place by how much a potential of the node grows when the task goes there: what fgd and hi have in
// common.
//
// Source: Weng et al., USENIX ATC 2023, algorithm 1, with the score of its published simulator: the change,
// through a sigmoid, as a whole number up to 100. That it is coarse matters: among equals the first node
// wins, which packs.
#pragma once

#include "placement/scored_policy.h"

namespace flexai::placement {

class Gradient : public NodeRater {
 public:
  Rating Rate(const NodeState& node, const TaskShape& task) const final;

 private:
  // What is lost for tasks to come, in thousandths of a device.
  virtual double Potential(const NodeState& node) const = 0;
};

}  // namespace flexai::placement
