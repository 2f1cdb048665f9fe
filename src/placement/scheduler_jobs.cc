// What the scheduler knows of its jobs, and what it is told from outside.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <utility>

#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

constexpr size_t kEndedRemembered = 65'536;

// The largest part of anything that it uses. Devices of all models count alike, since it is work that is
// lost.
double PartOf(const Resources& capacity, const Resources& used) {
  const auto part = [](int64_t amount, int64_t of) {
    return of == 0 ? 0 : static_cast<double>(amount) / static_cast<double>(of);
  };
  return std::max({part(used.cpu_milli, capacity.cpu_milli), part(used.memory_mib, capacity.memory_mib),
                   part(used.total_device_milli(), capacity.total_device_milli())});
}

}  // namespace

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
  waiting_of_roles_ += job.spec.roles.size() > 1 ? 1 : 0;
}

void Scheduler::Dequeue(const Job& job) {
  const auto bucket = buckets_.find(KeyOf(job.spec));
  assert(bucket != buckets_.end());
  bucket->second.jobs.erase({job.spec.submitted, job.spec.id});
  --waiting_;
  waiting_of_roles_ -= job.spec.roles.size() > 1 ? 1 : 0;
  if (bucket->second.jobs.empty()) {
    buckets_.erase(bucket);
  }
}

void Scheduler::Occupy(Job* job, std::vector<Member> members, Nanos now) {
  job->members = std::move(members);
  job->parts.clear();
  for (const Member& member : job->members) {
    job->parts.push_back({job->spec.roles[member.role].shape, member.where});
  }
  job->used = UsedBy(job->spec, job->members, cluster_);
  job->part = PartOf(capacity_, job->used);
  queues_.Charge(job->spec.queue, job->used, now);
  running_[job->spec.priority].emplace(job->spec.id, job);
  ++taken_;
  size_t least = 0;
  size_t most = 0;
  for (const Role& role : job->spec.roles) {
    least += static_cast<size_t>(role.min);
    most += static_cast<size_t>(role.max);
  }
  if (job->members.size() > least) {
    generous_.insert(job->spec.id);
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
  of_priority->second.erase(job->spec.id);
  if (of_priority->second.empty()) {
    running_.erase(of_priority);
  }
  elastic_.erase(job->spec.id);
  generous_.erase(job->spec.id);
  job->members.clear();
  job->parts.clear();
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
        (shape.devices > 0) != (shape.share_milli > 0) || shape.share_milli > kWholeDevice ||
        shape.device_memory_mib < 0 || (shape.device_memory_mib > 0 && shape.devices == 0)) {
      return bad("asks for amounts that no node can have");
    }
    if (shape.link_mbit < 0 || (shape.remote == Remote::kOnly && shape.devices == 0)) {
      return bad("must be remote without devices, or reserves less than no bandwidth");
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
  for (auto& [key, bucket] : buckets_) {
    bucket.possible.reset();
  }
  DropReservationsOn(node);
  ++freed_;
}

std::vector<Decision> Scheduler::LoseNode(NodeId node, Nanos now) {
  NodeIdentity identity = constraints_.node(node);
  identity.in_service = false;
  SetNode(node, std::move(identity));
  const auto on_node = [node](const Member& member) {
    return member.where.cpu_node == node || member.where.device_node == node;
  };
  return EndWhere(on_node, fmt::format("node {} is gone", cluster_.nodes()[node].name), now);
}

std::vector<Decision> Scheduler::LoseDevice(NodeId node, int32_t device, Nanos now) {
  cluster_.SetInService(node, device, false);
  DropReservationsOn(node);
  const auto on_device = [node, device](const Member& member) {
    const std::vector<int32_t>& devices = member.where.devices;
    return member.where.device_node == node &&
           std::find(devices.begin(), devices.end(), device) != devices.end();
  };
  return EndWhere(on_device, fmt::format("device {} of node {} is lost", device, cluster_.nodes()[node].name),
                  now);
}

void Scheduler::RestoreDevice(NodeId node, int32_t device) {
  cluster_.SetInService(node, device, true);
  ++freed_;
}

std::vector<Decision> Scheduler::EndWhere(const std::function<bool(const Member&)>& uses,
                                          const std::string& reason, Nanos now) {
  std::vector<Decision> decisions;
  for (auto& [id, job] : jobs_) {
    if (std::any_of(job.members.begin(), job.members.end(), uses)) {
      decisions.push_back({Decision::kEnd, id, job.members, 0, reason});
      Forget(id, now);
    }
  }
  return decisions;
}

Status Scheduler::Audit() const {
  Cluster expected = cluster_.Idle();
  for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
    for (int32_t device = 0; device < cluster_.nodes()[node].devices; ++device) {
      expected.SetInService(node, device, cluster_.InService(node, device));
    }
  }
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
        !(expected.node_free(node) == cluster_.node_free(node))) {
      return Internal(fmt::format("node {} does not hold what its jobs take", cluster_.nodes()[node].name));
    }
  }
  if (!expected.links().SameRoom(cluster_.links())) {
    return Internal("links do not carry what jobs reserve");
  }
  for (QueueId queue = 0; queue < queues_.size(); ++queue) {
    if (queues_.is_leaf(queue) && !(queues_.used(queue) == used[queue])) {
      return Internal(fmt::format("queue '{}' is not charged what its jobs use", queues_.spec(queue).name));
    }
  }
  return queues_.Audit();
}

}  // namespace flexai::placement
