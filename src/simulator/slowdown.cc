#include "simulator/slowdown.h"

#include <algorithm>

namespace flexai::simulator {

double SlowdownOf(const placement::Cluster& cluster, std::span<const placement::Member> members,
                  std::span<const double> round_trips) {
  double slowest = 1;
  for (const placement::Member& member : members) {
    const double latency_s = static_cast<double>(cluster.Latency(member.where).value) * 1e-9;
    slowest = std::max(slowest, 1 + round_trips[member.role] * latency_s);
  }
  return slowest;
}

size_t RemoteMembers(std::span<const placement::Member> members) {
  return static_cast<size_t>(std::count_if(
      members.begin(), members.end(), [](const placement::Member& each) { return each.where.remote(); }));
}

}  // namespace flexai::simulator
