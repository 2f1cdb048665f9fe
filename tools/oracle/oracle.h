// The best that anybody could do on small instances, by exhaustive search, to hold policies against.
//
// It shares nothing with the product but the types of nodes and tasks: what fits is its own arithmetic.
// Thread safety: values.
#pragma once

#include <optional>
#include <vector>

#include "placement/batch_policy.h"
#include "simulator/openb.h"

namespace flexai::oracle {

struct Instance {
  std::vector<placement::NodeSpec> nodes;
  std::vector<placement::TaskShape> tasks;  // in the order of arrival; none ever leaves

  int64_t device_milli() const;  // of all nodes
};

// 3 or 4 nodes with up to 4 devices each and 6 to 8 in all, and 10 to 14 tasks that each fit on one of them
// when it is empty; the last is the first by which they ask for 130 % of the device time. Nodes and tasks are
// drawn evenly from the trace, again until they are such.
Instance DrawInstance(const simulator::Trace& trace, uint64_t seed);

// The most device time, in thousandths of a device, that any choice of tasks and places allocates. Nothing
// once `most_states` were looked at.
//
// `kAnyTasks`: any of the tasks, known beforehand: the clairvoyant optimum.
// `kWhatFits`: task by task, and what fits somewhere must be placed, as policies must; but the places are
// chosen knowing all that is to come. No policy that decides one by one can do better.
enum class Rule { kAnyTasks, kWhatFits };
std::optional<int64_t> MostAllocated(const Instance& instance, Rule rule, size_t most_states = 5'000'000);

// What the policy allocates. kInternal if it breaks a rule.
Result<int64_t> AllocatedBy(const Instance& instance, placement::BatchPolicy& policy);

}  // namespace flexai::oracle
