#include "placement/scheduler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <queue>
#include <utility>

#include "placement/room.h"

namespace flexai::placement {
namespace {

constexpr size_t kEndedRemembered = 65'536;

Resources ResourcesOf(const TaskShape& shape, int model) {
  Resources used;
  used.cpu_milli = shape.cpu_milli;
  used.memory_mib = shape.memory_mib;
  if (shape.devices > 0) {
    used.device_milli[static_cast<size_t>(model)] = shape.device_milli();
  }
  return used;
}

// For whole gangs: the members that it needs, on devices of that model.
Resources NeedOf(const JobSpec& job, int model) {
  Resources need;
  for (const Role& role : job.roles) {
    for (int i = 0; i < role.min; ++i) {
      need += ResourcesOf(role.shape, model);
    }
  }
  return need;
}

}  // namespace

Resources UsedBy(const JobSpec& job, const std::vector<Member>& members, const std::vector<NodeSpec>& nodes) {
  Resources used;
  for (const Member& member : members) {
    used += ResourcesOf(job.roles[member.role].shape, nodes[member.where.device_node].model);
  }
  return used;
}

Scheduler::Scheduler(Cluster& cluster, Constraints& constraints, QueueTree& queues, Policy& policy,
                     const SchedulerOptions& options)
    : cluster_(cluster), constraints_(constraints), queues_(queues), policy_(policy), options_(options) {
  for (const NodeSpec& node : cluster.nodes()) {
    capacity_.cpu_milli += node.cpu_milli;
    capacity_.memory_mib += node.memory_mib;
    capacity_.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * kWholeDevice;
  }
  for (QueueId queue = 0; queue < queues.size(); ++queue) {
    bool limited = false;
    for (std::optional<QueueId> at = queue; at.has_value(); at = queues.parent(*at)) {
      limited = limited || IsNamed(queues.spec(*at).limit) || !queues.spec(*at).borrow;
    }
    limited_.push_back(limited);
  }
}

// Jobs and their books.

Scheduler::Job* Scheduler::Find(JobId id) {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : &found->second;
}
const Scheduler::Job* Scheduler::Find(JobId id) const { return const_cast<Scheduler*>(this)->Find(id); }

std::optional<Scheduler::State> Scheduler::state(JobId job) const {
  const Job* found = Find(job);
  return found == nullptr ? std::nullopt : std::optional(found->state);
}
const JobSpec* Scheduler::spec(JobId job) const {
  const Job* found = Find(job);
  return found == nullptr ? nullptr : &found->spec;
}
const std::vector<Member>* Scheduler::members(JobId job) const {
  const Job* found = Find(job);
  return found == nullptr ? nullptr : &found->members;
}

Scheduler::BucketKey Scheduler::KeyOf(const JobSpec& spec) {
  BucketKey key{spec.priority, spec.queue, spec.roles, spec.rules, spec.together, 0, ""};
  // Rounded up to a power of two, so that there are few.
  key.expected_run = spec.expected_run.value <= 0
                         ? 0
                         : static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(
                               std::min<int64_t>(spec.expected_run.value, int64_t{1} << 61))));
  key.window = spec.window.has_value() ? spec.window->Text() : "";
  return key;
}

void Scheduler::Enqueue(const Job& job) {
  Bucket& bucket = buckets_[KeyOf(job.spec)];
  bucket.jobs.emplace(job.spec.submitted, job.spec.id);
  ++waiting_;
}

void Scheduler::Dequeue(const Job& job) {
  const auto bucket = buckets_.find(KeyOf(job.spec));
  assert(bucket != buckets_.end());
  bucket->second.jobs.erase({job.spec.submitted, job.spec.id});
  --waiting_;
  if (bucket->second.jobs.empty()) {
    buckets_.erase(bucket);
  }
}

void Scheduler::Occupy(Job* job, std::vector<Member> members, Nanos now) {
  job->members = std::move(members);
  job->used = UsedBy(job->spec, job->members, cluster_.nodes());
  queues_.Charge(job->spec.queue, job->used, now);
  ++running_[job->spec.priority];
  size_t most = 0;
  for (const Role& role : job->spec.roles) {
    most += static_cast<size_t>(role.max);
  }
  if (job->members.size() < most) {
    elastic_.insert(job->spec.id);
  }
  if (constraints_.Moves(job->spec.rules)) {
    ++freed_;  // a task in one domain may open another
  }
}

void Scheduler::Vacate(Job* job, Nanos now) {
  queues_.Refund(job->spec.queue, job->used, now);
  const auto of_priority = running_.find(job->spec.priority);
  if (--of_priority->second == 0) {
    running_.erase(of_priority);
  }
  elastic_.erase(job->spec.id);
  job->members.clear();
  job->used = {};
  ++freed_;
}

void Scheduler::Release(Job* job, Nanos now) {
  for (const Member& member : job->members) {
    cluster_.Give(job->spec.roles[member.role].shape, member.where);
    constraints_.Gone(job->spec.rules, member.where.cpu_node);
  }
  Vacate(job, now);
}

Status Scheduler::Check(const JobSpec& spec) const {
  const auto bad = [&spec](std::string_view what) {
    return InvalidArgument(fmt::format("job '{}' {}", spec.name, what));
  };
  if (jobs_.contains(spec.id) || ended_.contains(spec.id)) {
    return AlreadyExists(fmt::format("job '{}' has a number that is known already: {}", spec.name, spec.id));
  }
  if (spec.queue >= queues_.size() || !queues_.is_leaf(spec.queue)) {
    return bad("is in a queue that does not exist or has queues below it");
  }
  int64_t needed = 0;
  for (const Role& role : spec.roles) {
    const TaskShape& shape = role.shape;
    if (role.min < 0 || role.max < role.min || role.max < 1) {
      return bad("has a role whose number of members is not 0 <= min <= max, with max at least 1");
    }
    if (shape.cpu_milli < 0 || shape.memory_mib < 0 || shape.devices < 0 || shape.devices > kMostDevices ||
        (shape.devices > 0) != (shape.share_milli > 0) || shape.share_milli > kWholeDevice) {
      return bad("asks for amounts that no node can have");
    }
    needed += role.min;
  }
  if (needed < 1) {
    return bad("needs no member to start");
  }
  return {};
}

Status Scheduler::Submit(JobSpec job, Nanos now) {
  FLEXAI_RETURN_IF_ERROR(Check(job));
  (void)now;
  const JobId id = job.id;
  Job& added = jobs_[id];
  added.spec = std::move(job);
  Enqueue(added);
  return {};
}

Status Scheduler::Adopt(JobSpec job, std::vector<Member> members, Nanos now) {
  Job* known = Find(job.id);
  if (known == nullptr) {
    FLEXAI_RETURN_IF_ERROR(Check(job));
  } else if (known->state != kPending) {
    for (const Member& member : known->members) {
      cluster_.Give(known->spec.roles[member.role].shape, member.where);
      constraints_.Gone(known->spec.rules, member.where.cpu_node);
    }
  }
  // What is known to run makes way for what is said to run, or comes back.
  Status status;
  {
    const JobSpec& spec = known == nullptr ? job : known->spec;
    Transaction transaction(cluster_, &constraints_);
    for (const Member& member : members) {
      if (member.role >= spec.roles.size() || member.where.cpu_node >= cluster_.nodes().size() ||
          member.where.device_node >= cluster_.nodes().size()) {
        status =
            InvalidArgument(fmt::format("job '{}' runs on nodes or in roles that don't exist", spec.name));
      } else {
        status = transaction.Take(spec.roles[member.role].shape, spec.rules, member.where);
      }
      if (!status.ok()) {
        break;
      }
    }
    if (status.ok()) {
      transaction.Commit();
    }
  }
  if (!status.ok()) {
    if (known != nullptr) {
      for (const Member& member : known->members) {
        const Status back = cluster_.Take(known->spec.roles[member.role].shape, member.where);
        assert(back.ok());
        (void)back;
        constraints_.Placed(known->spec.rules, member.where.cpu_node);
      }
    }
    return status.WithContext("job '" + (known == nullptr ? job : known->spec).name + "'");
  }
  if (known == nullptr) {
    known = &jobs_[job.id];
    known->spec = std::move(job);
  } else if (known->state == kPending) {
    Dequeue(*known);
  } else {
    Vacate(known, now);
  }
  if (known->state != kRunning) {
    known->started = now;
  }
  known->state = kRunning;
  Occupy(known, std::move(members), now);
  return {};
}

Status Scheduler::Confirm(JobId id) {
  Job* job = Find(id);
  if (job == nullptr) {
    return NotFound(fmt::format("there is no job {}", id));
  }
  if (job->state == kPending) {
    return FailedPrecondition(fmt::format("job '{}' has not been started", job->spec.name));
  }
  job->state = kRunning;
  return {};
}

void Scheduler::Forget(JobId id, Nanos now) {
  Job* job = Find(id);
  if (job != nullptr && job->state != kPending) {
    Release(job, now);
    job->state = kPending;
    Enqueue(*job);
  }
}

void Scheduler::Remove(JobId id, Nanos now) {
  if (ended_.insert(id).second) {
    if (ended_order_.size() < kEndedRemembered) {
      ended_order_.push_back(id);
    } else {
      ended_.erase(std::exchange(ended_order_[ended_next_++ % kEndedRemembered], id));
    }
  }
  Job* job = Find(id);
  if (job == nullptr) {
    return;
  }
  if (job->state == kPending) {
    Dequeue(*job);
    ++freed_;  // it may have had a reservation
  } else {
    Release(job, now);
  }
  jobs_.erase(id);
}

void Scheduler::SetNode(NodeId node, NodeIdentity identity) {
  constraints_.SetNode(node, std::move(identity));
  domains_.clear();
  ++freed_;
}

std::vector<Decision> Scheduler::LoseNode(NodeId node, Nanos now) {
  NodeIdentity identity = constraints_.node(node);
  identity.in_service = false;
  SetNode(node, std::move(identity));
  std::vector<Decision> decisions;
  for (auto& [id, job] : jobs_) {
    const bool there = std::any_of(job.members.begin(), job.members.end(), [node](const Member& member) {
      return member.where.cpu_node == node || member.where.device_node == node;
    });
    if (there) {
      decisions.push_back(
          {Decision::kEnd, id, job.members, 0, fmt::format("node {} is gone", cluster_.nodes()[node].name)});
      Forget(id, now);
    }
  }
  return decisions;
}

// The cycle.

std::span<const NodeSet> Scheduler::DomainsOf(const std::string& label) const {
  const auto [entry, is_new] = domains_.try_emplace(label);
  if (is_new) {
    entry->second = constraints_.Domains(label);
  }
  return entry->second;
}

// The gang as it may be placed now; nothing if the queues' limits leave no model of device for it, and then
// `*blocking` is the queue.
std::optional<Gang> Scheduler::GangOf(const Job& job, Nanos now, NodeSet* allowed, QueueId* blocking) const {
  ModelSet within = limited_[job.spec.queue] ? 0 : kAnyModel;
  std::optional<QueueId> blocked;
  for (size_t model = 0; model < kMostModels && limited_[job.spec.queue]; ++model) {
    if (capacity_.device_milli[model] == 0 && model != 0) {
      continue;
    }
    const std::optional<QueueId> by =
        queues_.Blocking(job.spec.queue, NeedOf(job.spec, static_cast<int>(model)));
    if (!by.has_value()) {
      within |= OneModel(static_cast<int>(model));
    } else if (!blocked.has_value()) {
      blocked = by;
    }
  }
  Gang gang;
  gang.roles = job.spec.roles;
  gang.rules = job.spec.rules;
  for (Role& role : gang.roles) {
    if (blocked.has_value() && role.shape.devices > 0) {
      role.shape.models &= within;
    }
    if (within == 0 || (role.shape.devices > 0 && role.shape.models == 0)) {
      *blocking = blocked.value_or(job.spec.queue);
      return std::nullopt;
    }
  }
  if (Barred(job, now, allowed)) {
    NodeSet all(cluster_.nodes().size(), true);
    all -= *allowed;
    *allowed = std::move(all);
    gang.allowed = allowed;
  }
  if (!job.spec.together.empty()) {
    gang.domains = DomainsOf(job.spec.together);
  }
  return gang;
}

void Scheduler::Start(Job* job, std::vector<Member> members, Nanos now, std::string reason,
                      std::vector<Decision>* decisions) {
  Dequeue(*job);
  job->state = kAssumed;
  job->started = now;
  Occupy(job, std::move(members), now);
  decisions->push_back({Decision::kStart, job->spec.id, job->members, 0, std::move(reason)});
}

bool Scheduler::TryStart(Job* job, Bucket* bucket, Nanos now, std::vector<Decision>* decisions) {
  bucket->retry_at = Nanos{INT64_MAX};
  if (job->spec.window.has_value() && !job->spec.window->Open(now)) {
    bucket->retry_at = job->spec.window->NextOpening(now);
    return false;
  }
  NodeSet allowed;
  QueueId blocking = 0;
  const std::optional<Gang> gang = GangOf(*job, now, &allowed, &blocking);
  if (!gang.has_value()) {
    return false;
  }
  {
    Transaction transaction(cluster_, &constraints_);
    GangResult placed =
        PlaceGang(&transaction, cluster_, &constraints_, policy_, *gang, options_.most_attempts);
    if (placed.outcome == GangResult::kPlaced) {
      transaction.Commit();
      Start(job, std::move(placed.members), now, "it is its turn and it fits", decisions);
      return true;
    }
  }
  if (options_.move && MakeRoom(job, *gang, Means::kMove, now, &bucket->retry_at, decisions)) {
    return true;
  }
  if (options_.preempt && MakeRoom(job, *gang, Means::kEnd, now, &bucket->retry_at, decisions)) {
    return true;
  }
  const Nanos reserve_at = job->spec.submitted + options_.reserve_after;
  if (now < reserve_at) {
    bucket->retry_at = std::min(bucket->retry_at, reserve_at);
  } else {
    Reserve(*job, *gang, now);
  }
  return false;
}

Nanos Scheduler::NextCycle() const {
  Nanos next{INT64_MAX};
  for (const auto& [key, bucket] : buckets_) {
    next = std::min(next, bucket.failed_at == freed_ ? bucket.retry_at : Nanos{0});
  }
  return next;
}

std::vector<Decision> Scheduler::Cycle(Nanos now) {
  std::vector<Decision> decisions;
  DropReservations();
  moves_left_ = options_.most_moves;
  // Once more whenever somebody gave room, which may be more than was needed and let in who was tried before.
  // That ends: jobs are ended for higher priorities or for guarantees only, those not twice, and moves are
  // counted.
  uint64_t freed = 0;
  while (std::exchange(freed, freed_) != freed_) {
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
    const BucketKey* bucket = nullptr;
    bool operator>(const Entry& other) const {
      return std::tie(submitted, job) > std::tie(other.submitted, other.job);
    }
  };
  std::map<QueueId, std::priority_queue<Entry, std::vector<Entry>, std::greater<>>> queues;
  std::vector<bool> pending(queues_.size(), false);
  BucketKey first;
  first.priority = priority;
  for (auto at = buckets_.lower_bound(first); at != buckets_.end() && at->first.priority == priority; ++at) {
    const Bucket& bucket = at->second;
    if (bucket.failed_at != freed_ || now >= bucket.retry_at) {
      const auto& [submitted, job] = *bucket.jobs.begin();
      queues[at->first.queue].push({submitted, job, &at->first});
      pending[at->first.queue] = true;
    }
  }
  while (const std::optional<QueueId> next = queues_.Next(pending, now)) {
    auto& of_queue = queues[*next];
    const Entry entry = of_queue.top();
    of_queue.pop();
    const auto at = buckets_.find(*entry.bucket);
    Job* const job = Find(entry.job);
    const size_t jobs = at->second.jobs.size();
    // The bucket goes with its last job.
    const BucketKey key = *entry.bucket;
    const uint64_t freed_before = freed_;
    if (TryStart(job, &at->second, now, decisions)) {
      if (jobs > 1) {
        const auto& [submitted, id] = *buckets_.at(key).jobs.begin();
        of_queue.push({submitted, id, &buckets_.find(key)->first});
      }
    } else {
      at->second.failed_at = freed_before;
    }
    pending[*next] = !of_queue.empty();
  }
}

void Scheduler::Grow(Nanos now, std::vector<Decision>* decisions) {
  const std::vector<JobId> elastic(elastic_.begin(), elastic_.end());
  for (const JobId id : elastic) {
    Job* job = Find(id);
    std::vector<int> have(job->spec.roles.size(), 0);
    for (const Member& member : job->members) {
      ++have[member.role];
    }
    Job more = *job;
    int wanted = 0;
    for (size_t role = 0; role < have.size(); ++role) {
      more.spec.roles[role].max -= have[role];
      more.spec.roles[role].min = 0;
      wanted += more.spec.roles[role].max;
    }
    std::vector<Member> members = job->members;
    for (; wanted > 0; --wanted) {
      // One by one, since limits are asked for those that are needed.
      Job one = more;
      one.spec.roles.clear();
      for (size_t role = 0; role < have.size(); ++role) {
        if (more.spec.roles[role].max > 0) {
          one.spec.roles = {{more.spec.roles[role].shape, 1, 1}};
          NodeSet allowed;
          QueueId blocking = 0;
          const std::optional<Gang> gang = GangOf(one, now, &allowed, &blocking);
          Transaction transaction(cluster_, &constraints_);
          GangResult placed;
          if (gang.has_value() && job->spec.together.empty()) {
            placed = PlaceGang(&transaction, cluster_, &constraints_, policy_, *gang, 1);
          }
          if (placed.outcome != GangResult::kPlaced) {
            more.spec.roles[role].max = 0;
            continue;
          }
          transaction.Commit();
          --more.spec.roles[role].max;
          members.push_back({role, placed.members[0].where});
          break;
        }
      }
    }
    if (members.size() > job->members.size()) {
      const uint64_t freed = freed_;
      Vacate(job, now);
      Occupy(job, std::move(members), now);
      freed_ = freed;
      decisions->push_back({Decision::kGrow, id, job->members, 0, "nobody waits for what is idle"});
    }
  }
}

Status Scheduler::Audit() const {
  Cluster expected(cluster_.nodes());
  std::vector<Resources> used(queues_.size());
  size_t waiting = 0;
  for (const auto& [id, job] : jobs_) {
    if (job.state == kPending) {
      ++waiting;
      const auto bucket = buckets_.find(KeyOf(job.spec));
      if (!job.members.empty() || bucket == buckets_.end() ||
          !bucket->second.jobs.contains({job.spec.submitted, id})) {
        return Internal(fmt::format("job '{}' waits, but not in its bucket", job.spec.name));
      }
      continue;
    }
    std::vector<int> members(job.spec.roles.size(), 0);
    for (const Member& member : job.members) {
      ++members[member.role];
      FLEXAI_RETURN_IF_ERROR(expected.Take(job.spec.roles[member.role].shape, member.where)
                                 .WithContext("job '" + job.spec.name + "' is over-allocated"));
    }
    for (size_t role = 0; role < members.size(); ++role) {
      if (members[role] < job.spec.roles[role].min || members[role] > job.spec.roles[role].max) {
        return Internal(fmt::format("job '{}' is placed in part", job.spec.name));
      }
    }
    used[job.spec.queue] += job.used;
  }
  size_t in_buckets = 0;
  for (const auto& [key, bucket] : buckets_) {
    in_buckets += bucket.jobs.size();
  }
  if (waiting != waiting_ || waiting != in_buckets) {
    return Internal("jobs that wait are lost or counted twice");
  }
  for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
    if (!(expected.state_of_node(node) == cluster_.state_of_node(node)) ||
        expected.memory_free(node) != cluster_.memory_free(node)) {
      return Internal(fmt::format("node {} does not hold what its jobs take", cluster_.nodes()[node].name));
    }
  }
  for (QueueId queue = 0; queue < queues_.size(); ++queue) {
    if (queues_.is_leaf(queue) && !(queues_.used(queue) == used[queue])) {
      return Internal(fmt::format("queue '{}' is not charged what its jobs use", queues_.spec(queue).name));
    }
  }
  return queues_.Audit();
}

}  // namespace flexai::placement
