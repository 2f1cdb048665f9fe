// How much longer a job runs because devices are on another node than the program that uses them.
//
// The model: in each second that a task runs with its devices beside it, it waits for `round_trips` answers
// of them. Remotely each of these waits takes the link's latency more, so that a second's work takes
// 1 + round_trips * latency seconds. Members of a gang wait for each other, so that it is as slow as its
// slowest member. Its limits: the latency is the same however busy the link is; what is sent is within the
// bandwidth that the task reserves, and costs no time besides; calls that the program does not wait for cost
// nothing; and how often it waits is one number for its whole run, and the same on every model of device.
//
// Thread safety: none needed, nothing is kept.
#pragma once

#include <span>

#include "placement/cluster.h"
#include "placement/gang.h"

namespace flexai::simulator {

// 1 or more: by how much its time is multiplied. `round_trips` a second, by role.
double SlowdownOf(const placement::Cluster& cluster, std::span<const placement::Member> members,
                  std::span<const double> round_trips);

size_t RemoteMembers(std::span<const placement::Member> members);

}  // namespace flexai::simulator
