#include "placement/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <queue>
#include <utility>

#include "placement/remote_room.h"

namespace flexai::placement {
namespace {

Resources ResourcesOf(const Cluster& cluster, const TaskShape& shape, int model) {
  Resources used;
  used.cpu_milli = shape.cpu_milli;
  used.memory_mib = shape.memory_mib;
  if (shape.devices > 0) {
    used.device_milli[static_cast<size_t>(model)] = cluster.Taken(shape, model).device_milli();
  }
  return used;
}

// What the members that the roles need take together, with all devices as if of the first model.
Resources NeedOf(std::span<const Role> roles) {
  Resources need;
  for (const Role& role : roles) {
    need.cpu_milli += role.min * role.shape.cpu_milli;
    need.memory_mib += role.min * role.shape.memory_mib;
    need.device_milli[0] += role.min * role.shape.device_milli();
  }
  return need;
}

// Whether not even all of `left` is enough for the members that the roles need, if each role had it by itself
// but for what counts whatever the model. Of models with steps the one that takes the least counts there.
bool LimitsLack(const Headroom& left, std::span<const Role> roles, const Cluster& cluster, ModelSet models) {
  Headroom total = left;
  total.model_milli.fill(Headroom::kUnbounded);
  for (const Role& role : roles) {
    if (role.min == 0) {
      continue;
    }
    int64_t fitting = 0;
    int64_t least = Headroom::kUnbounded;
    for (int model = 0; model < kMostModels; ++model) {
      if (role.shape.devices > 0 && (role.shape.models & models & OneModel(model)) != 0) {
        const int64_t each = cluster.Taken(role.shape, model).device_milli();
        least = std::min(least, each);
        const int64_t room = std::max<int64_t>(left.model_milli[static_cast<size_t>(model)], 0);
        fitting += std::min<int64_t>(room / each, role.min);  // unbounded ones must not overflow the sum
      }
    }
    if (least == Headroom::kUnbounded) {
      least = 0;  // no devices, or none that the cluster has
    } else if (fitting < role.min) {
      return true;
    }
    const auto lacks = [&role](int64_t amount, int64_t* of) {
      *of -= role.min * amount;
      return amount > 0 && *of < 0;
    };
    if (lacks(role.shape.cpu_milli, &total.cpu_milli) || lacks(role.shape.memory_mib, &total.memory_mib) ||
        lacks(least, &total.device_milli)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Resources UsedBy(const JobSpec& job, const std::vector<Member>& members, const Cluster& cluster) {
  Resources used;
  for (const Member& member : members) {
    used +=
        ResourcesOf(cluster, job.roles[member.role].shape, cluster.nodes()[member.where.device_node].model);
  }
  return used;
}

Scheduler::Scheduler(Cluster& cluster, Constraints& constraints, QueueTree& queues, Policy& policy,
                     const SchedulerOptions& options)
    : cluster_(cluster),
      constraints_(constraints),
      queues_(queues),
      policy_(policy),
      options_(options),
      empty_(cluster.Idle()) {
  for (const NodeSpec& node : cluster.nodes()) {
    capacity_.cpu_milli += node.cpu_milli;
    capacity_.memory_mib += node.memory_mib;
    capacity_.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * kWholeDevice;
    models_ |= node.devices > 0 ? OneModel(node.model) : 0;
  }
  for (QueueId queue = 0; queue < queues.size(); ++queue) {
    bool limited = false;
    bool guaranteed = false;
    for (std::optional<QueueId> at = queue; at.has_value(); at = queues.parent(*at)) {
      limited = limited || queues.IsLimited(*at);
      guaranteed = guaranteed || IsNamed(queues.spec(*at).guaranteed);
    }
    limited_.push_back(limited);
    any_limited_ = any_limited_ || limited;
    guaranteed_.push_back(guaranteed);
  }
}

std::span<const NodeSet> Scheduler::DomainsOf(const std::string& label) const {
  const auto [entry, is_new] = domains_.try_emplace(label);
  if (is_new) {
    entry->second = constraints_.Domains(label);
  }
  return entry->second;
}

// The gang as it may be placed now; it points into `space`.
Gang Scheduler::GangOf(const Job& job, Nanos now, Space* space) const {
  Gang gang;
  gang.roles = job.spec.roles;
  gang.rules = job.spec.rules;
  space->headroom = HeadroomFor(job);
  gang.headroom = space->headroom.has_value() ? &*space->headroom : nullptr;
  if (Leaves(job, now, &space->allowed)) {
    gang.allowed = &space->allowed;
  }
  if (!job.spec.together.empty()) {
    gang.domains = DomainsOf(job.spec.together);
  }
  return gang;
}

// What limits leave; nothing if there are none.
std::optional<Headroom> Scheduler::HeadroomFor(const Job& job) const {
  return limited_[job.spec.queue] ? std::optional(queues_.HeadroomOf(job.spec.queue, NeedOf(job.spec.roles)))
                                  : std::nullopt;
}

// The queue at its limit that keeps the gang from starting; null if there is none. Which models the members
// of several roles would share is left to placing them.
std::optional<QueueId> Scheduler::AtLimit(const Job& job) const {
  if (!limited_[job.spec.queue]) {
    return std::nullopt;
  }
  const Resources need = NeedOf(job.spec.roles);
  const auto lacks = [this, &job](const Headroom& left) {
    return LimitsLack(left, job.spec.roles, cluster_, models_);
  };
  for (std::optional<QueueId> at = job.spec.queue; at.has_value(); at = queues_.parent(*at)) {
    if (queues_.IsLimited(*at) && lacks(queues_.OwnHeadroom(*at, need))) {
      return at;
    }
  }
  return lacks(queues_.HeadroomOf(job.spec.queue, need)) ? std::optional(job.spec.queue) : std::nullopt;
}

void Scheduler::Start(Job* job, std::vector<Member> members, Nanos now, std::string reason,
                      std::vector<Decision>* decisions) {
  Dequeue(*job);
  job->state = kAssumed;
  job->started = now;
  Occupy(job, std::move(members), now);
  decisions->push_back({Decision::kStart, job->spec.id, job->members, 0, std::move(reason)});
  DropReservations();  // its own binds nobody any more
}

// Whether nodes that its rules match have room for each role by itself when nothing runs. Who could not is
// not worth a look at all that runs, each time that something ends.
bool Scheduler::CouldFit(const JobSpec& job) const {
  return std::all_of(job.roles.begin(), job.roles.end(), [&](const Role& role) {
    return RoomAtMost(empty_, {role.shape, &constraints_.Matching(job.rules)}, role.min) >= role.min;
  });
}

bool Scheduler::TryStart(Job* job, Bucket* bucket, Nanos now, std::vector<Decision>* decisions) {
  bucket->retry_at = Nanos{INT64_MAX};
  if (job->spec.window.has_value() && !job->spec.window->Open(now)) {
    bucket->retry_at = job->spec.window->NextOpening(now);
    return false;
  }
  Space space;
  const Gang gang = GangOf(*job, now, &space);
  const bool at_limit = AtLimit(*job).has_value();
  if (!at_limit) {
    Transaction transaction(cluster_, &constraints_);
    GangResult placed =
        PlaceGang(&transaction, cluster_, &constraints_, policy_, gang, options_.most_attempts);
    if (placed.outcome == GangResult::kPlaced) {
      transaction.Commit();
      Start(job, std::move(placed.members), now, "it is its turn and it fits", decisions);
      return true;
    }
  }
  if (!bucket->possible.has_value()) {
    bucket->possible = CouldFit(job->spec);
  }
  if (!*bucket->possible) {
    return false;
  }
  if (options_.move && !at_limit && now >= std::max(bucket->move_at, next_move_)) {
    next_move_ = now + options_.move_every;
    bucket->move_at = now + Nanos{10 * options_.move_every.value};
    if (MakeRoom(job, gang, Means::kMove, now, &bucket->retry_at, decisions)) {
      return true;
    }
  }
  if (options_.preempt && MakeRoom(job, gang, Means::kEnd, now, &bucket->retry_at, decisions)) {
    return true;
  }
  if (at_limit) {
    return false;  // no node is what it waits for
  }
  const Nanos reserve_at = job->spec.submitted + options_.reserve_after;
  if (now < reserve_at) {
    bucket->retry_at = std::min(bucket->retry_at, reserve_at);
  } else {
    Reserve(*job, gang, now);
  }
  return false;
}

// Changes with whatever may let jobs of that kind start. Of gangs of several roles that is anything, since a
// bounded search that missed a place may find one when nodes are fuller.
uint64_t Scheduler::MayStartAt(const BucketKey& key) const {
  return freed_ + (key.roles.size() > 1 ? taken_ : 0);
}

Nanos Scheduler::NextCycle() const {
  Nanos next{INT64_MAX};
  for (const auto& [key, bucket] : buckets_) {
    next = std::min(next, bucket.failed_at == MayStartAt(key) ? bucket.retry_at : Nanos{0});
  }
  return next;
}

std::vector<Decision> Scheduler::Cycle(Nanos now) {
  std::vector<Decision> decisions;
  DropReservations();
  freed_ += std::exchange(granted_, 0) == options_.most_reservations ? 1 : 0;
  // Once more whenever somebody gave room, which may be more than was needed and let in who was tried before.
  // That ends: jobs are ended for higher priorities, or once for guarantees, and moved once.
  const auto changes = [this] { return freed_ + (waiting_of_roles_ > 0 ? taken_ : 0); };
  for (uint64_t seen = 0; seen != changes();) {
    seen = changes();
    // From the highest down. Jobs that are ended on the way come up again when it is their turn.
    for (auto highest = buckets_.rbegin(); highest != buckets_.rend();) {
      BucketKey first;
      first.priority = highest->first.priority;
      CyclePriority(first.priority, now, &decisions);
      highest = std::make_reverse_iterator(buckets_.lower_bound(first));
    }
  }
  if (waiting_ == 0) {
    Grow(now, &decisions);
  }
  return decisions;
}

void Scheduler::CyclePriority(int32_t priority, Nanos now, std::vector<Decision>* decisions) {
  // For each queue the buckets worth a try, that of the oldest job on top.
  struct Entry {
    Nanos submitted;
    JobId job = 0;
    const BucketKey* key = nullptr;
    Bucket* bucket = nullptr;
    bool operator>(const Entry& other) const {
      return std::tie(submitted, job) > std::tie(other.submitted, other.job);
    }
  };
  std::map<QueueId, std::priority_queue<Entry, std::vector<Entry>, std::greater<>>> queues;
  std::vector<bool> pending(queues_.size(), false);
  BucketKey first;
  first.priority = priority;
  for (auto at = buckets_.lower_bound(first); at != buckets_.end() && at->first.priority == priority; ++at) {
    Bucket& bucket = at->second;
    if (bucket.failed_at != MayStartAt(at->first) || now >= bucket.retry_at) {
      const auto& [submitted, job] = *bucket.jobs.begin();
      queues[at->first.queue].push({submitted, job, &at->first, &bucket});
      pending[at->first.queue] = true;
    }
  }
  while (const std::optional<QueueId> next = queues_.Next(pending, now)) {
    auto& of_queue = queues[*next];
    const Entry entry = of_queue.top();
    of_queue.pop();
    Bucket* const bucket = entry.bucket;
    const bool last = bucket->jobs.size() == 1;  // the bucket goes with it when it starts
    const uint64_t before = MayStartAt(*entry.key);
    if (!TryStart(Find(entry.job), bucket, now, decisions)) {
      bucket->failed_at = before;
    } else if (!last) {
      const auto& [submitted, job] = *bucket->jobs.begin();
      of_queue.push({submitted, job, entry.key, bucket});
    }
    pending[*next] = !of_queue.empty();
  }
}

void Scheduler::Grow(Nanos now, std::vector<Decision>* decisions) {
  const std::vector<JobId> elastic(elastic_.begin(), elastic_.end());
  for (const JobId id : elastic) {
    Job* job = Find(id);
    const size_t before = job->members.size();
    while (GrowByOne(job, now)) {
    }
    if (job->members.size() > before) {
      decisions->push_back({Decision::kGrow, id, job->members, 0, "nobody waits for what is idle"});
    }
  }
}

// One by one, since limits are asked for what is needed and must see what was added. A gang that has to stay
// in one domain grows within it.
bool Scheduler::GrowByOne(Job* job, Nanos now) {
  std::vector<NodeSet> domains;
  if (!job->spec.together.empty()) {
    for (const NodeSet& domain : DomainsOf(job->spec.together)) {
      const bool holds_all =
          std::all_of(job->members.begin(), job->members.end(), [&domain](const Member& member) {
            return domain.Has(member.where.cpu_node) && domain.Has(member.where.device_node);
          });
      if (holds_all) {
        domains.push_back(domain);
      }
    }
    if (domains.empty()) {
      return false;  // it was adopted where it may not be, or labels have changed
    }
  }
  for (size_t role = 0; role < job->spec.roles.size(); ++role) {
    const Role& of = job->spec.roles[role];
    const auto have = std::count_if(job->members.begin(), job->members.end(),
                                    [role](const Member& member) { return member.role == role; });
    if (have >= of.max) {
      continue;
    }
    Job one = *job;
    one.spec.roles = {{of.shape, 1, 1}};
    if (AtLimit(one).has_value()) {
      continue;
    }
    Space space;
    Gang gang = GangOf(one, now, &space);
    gang.domains = domains;
    Transaction transaction(cluster_, &constraints_);
    const GangResult placed = PlaceGang(&transaction, cluster_, &constraints_, policy_, gang, 1);
    if (placed.outcome != GangResult::kPlaced) {
      continue;
    }
    transaction.Commit();
    std::vector<Member> members = job->members;
    members.push_back({role, placed.members[0].where});
    const uint64_t freed = freed_;  // nothing is: the books are closed and opened again
    Vacate(job, now);
    Occupy(job, std::move(members), now);
    freed_ = freed;
    return true;
  }
  return false;
}

}  // namespace flexai::placement
