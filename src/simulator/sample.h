// A cluster and tasks like those of the public openb trace, built in, so that measurements and tests need no
// data from elsewhere.
//
// Source of the counts: Q. Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with
// Fragmentation Gradient Descent", USENIX ATC 2023; the node list and the default pod list of
// github.com/hkust-adsl/kubernetes-scheduler-simulator (Apache-2.0). Thread safety: immutable values.
#pragma once

#include "simulator/openb.h"

namespace flexai::simulator {

inline constexpr size_t kSampleNodes = 1'213;  // of the trace, with 6,212 devices

// All 15 node types of the trace, in the proportions that they have there, and in groups as there; of
// kSampleNodes exactly as many. The pods are those of the 45 shapes that occur at least 15 times, one after
// another: 98 % of all pods and 96 % of the device time that all ask for. Pods of a shape have the median
// memory of theirs.
Trace SampleTrace(size_t nodes = kSampleNodes);

}  // namespace flexai::simulator
