// Who may give room to a job: whom the scheduler may end or move, and which members gangs can do without.
#include <algorithm>

#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

double InSeconds(Nanos time) { return static_cast<double>(time.value) * 1e-9; }

}  // namespace

// By priority, or because its queue has borrowed what is guaranteed to the job's.
bool Scheduler::MayEnd(const Job& victim, const Job& job) const {
  if (victim.spec.priority < job.spec.priority) {
    return true;
  }
  if (victim.spec.priority > job.spec.priority || victim.spec.queue == job.spec.queue) {
    return false;
  }
  // Devices of whatever model the victim has: it is those that the job will get.
  Resources need;
  for (const Role& role : job.spec.roles) {
    need.cpu_milli += role.min * role.shape.cpu_milli;
    need.memory_mib += role.min * role.shape.memory_mib;
    for (size_t model = 0; model < kMostModels; ++model) {
      if (victim.used.device_milli[model] > 0) {
        need.device_milli[model] +=
            role.min * cluster_.Taken(role.shape, static_cast<int32_t>(model)).device_milli();
        break;
      }
    }
  }
  return queues_.MayReclaim(job.spec.queue, need, victim.spec.queue, victim.used);
}

// Positions of the members that the gang can do without, the latest of each role, from the last down.
std::vector<size_t> Scheduler::BeyondLeast(const Job& job) {
  std::vector<int> left(job.spec.roles.size(), 0);
  for (const Member& member : job.members) {
    ++left[member.role];
  }
  std::vector<size_t> beyond;
  for (size_t i = job.members.size(); i-- > 0;) {
    const size_t role = job.members[i].role;
    if (left[role] > job.spec.roles[role].min) {
      --left[role];
      beyond.push_back(i);
    }
  }
  return beyond;
}

// Whether what `other` uses counts against a limit of `queue`.
bool Scheduler::SharesLimit(QueueId queue, QueueId other) const {
  for (std::optional<QueueId> at = queue; at.has_value(); at = queues_.parent(*at)) {
    if (queues_.IsLimited(*at) && queues_.Contains(*at, other)) {
      return true;
    }
  }
  return false;
}

std::vector<Scheduler::Victim> Scheduler::CandidatesFor(const Job& job, Means means, Nanos now,
                                                        Nanos* retry_at) const {
  std::vector<Victim> candidates;
  // Of its own priority only gangs with members to spare give room, unless jobs may be moved or a guarantee
  // be claimed.
  const bool any_equal = means == Means::kMove || guaranteed_[job.spec.queue];
  for (const auto& [priority, jobs] : running_) {
    if (priority > job.spec.priority) {
      break;
    }
    if (priority < job.spec.priority || any_equal) {
      for (const auto& [id, other] : jobs) {
        AddCandidates(job, other, means, now, retry_at, &candidates);
      }
      continue;
    }
    for (const JobId id : generous_) {
      if (const auto other = jobs.find(id); other != jobs.end()) {
        AddCandidates(job, other->second, means, now, retry_at, &candidates);
      }
    }
  }
  return candidates;
}

void Scheduler::AddCandidates(const Job& job, Job* running, Means means, Nanos now, Nanos* retry_at,
                              std::vector<Victim>* candidates) const {
  const Job& other = *running;
  if (!other.spec.preemptible) {
    return;
  }
  // Guarantees don't take back what was started in the same instant: two queues with jobs that are partly
  // within them would do so in turn.
  const bool whole = means == Means::kMove || MayEnd(other, job);
  const Nanos least_run = other.spec.priority < job.spec.priority ? Nanos{0} : Nanos{1};
  const Nanos free_at = std::max(MayEndFrom(other), other.started + least_run);
  if (whole && free_at <= now) {
    candidates->push_back({running, std::nullopt});
    return;
  }
  if (whole) {
    *retry_at = std::min(*retry_at, free_at);
  }
  // Members beyond what the gang needs go at any time, to anybody of its priority.
  for (const size_t member : BeyondLeast(other)) {
    candidates->push_back({running, member});
  }
}

Evictable Scheduler::EvictableOf(const Victim& victim, Means means, Nanos now) const {
  const Job& job = *victim.job;
  Evictable evictable;
  evictable.priority = victim.member.has_value() ? INT32_MIN : job.spec.priority;
  // What it has done is lost if it is ended, and a little more so that size counts for those just started.
  const double lost = means == Means::kEnd ? InSeconds(now - job.started) : 0;
  evictable.cost = victim.member.has_value() ? 0 : job.part * (lost + InSeconds(job.spec.restart_cost) + 1);
  evictable.parts = victim.member.has_value() ? std::span(job.parts).subspan(*victim.member, 1) : job.parts;
  return evictable;
}

}  // namespace flexai::placement
