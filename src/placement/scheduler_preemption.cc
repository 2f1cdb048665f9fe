// How the scheduler makes room for a job: by members that gangs can do without, by moving jobs, by ending
// them.
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "placement/room.h"
#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

constexpr int kMostRounds = 8;  // of choosing victims, when the first choice does not do

// The largest part of anything that it uses. Devices of all models count alike, since it is work that is
// lost.
double PartOf(const Resources& capacity, const Resources& used) {
  const auto part = [](int64_t amount, int64_t of) {
    return of == 0 ? 0 : static_cast<double>(amount) / static_cast<double>(of);
  };
  return std::max({part(used.cpu_milli, capacity.cpu_milli), part(used.memory_mib, capacity.memory_mib),
                   part(used.total_device_milli(), capacity.total_device_milli())});
}

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
        need.device_milli[model] += role.min * role.shape.device_milli();
        break;
      }
    }
  }
  return queues_.MayReclaim(job.spec.queue, need, victim.spec.queue, victim.used);
}

std::vector<Scheduler::Victim> Scheduler::CandidatesFor(const Job& job, Means means, Nanos now,
                                                        Nanos* retry_at) const {
  std::vector<Victim> candidates;
  // Nobody runs below, and nobody in other queues can be reclaimed from: what is most often so, at a glance.
  const bool any_below = !running_.empty() && running_.begin()->first < job.spec.priority;
  const bool may_reclaim = means == Means::kEnd && queues_.size() > 1;
  if (means == Means::kEnd && !any_below && !may_reclaim && elastic_.empty()) {
    return candidates;
  }
  for (const auto& [id, other] : jobs_) {
    if (other.state == kPending || !other.spec.preemptible || other.spec.priority > job.spec.priority) {
      continue;
    }
    // Guarantees don't take back what was started in the same instant: two queues with jobs that are partly
    // within them would do so in turn.
    const bool whole = means == Means::kMove || MayEnd(other, job);
    const Nanos least_run = other.spec.priority < job.spec.priority ? Nanos{0} : Nanos{1};
    const Nanos free_at = other.started + std::max(other.spec.min_run, least_run);
    if (whole && free_at > now) {
      *retry_at = std::min(*retry_at, free_at);
    } else if (whole) {
      candidates.push_back({id, std::nullopt});
    }
    if (whole && free_at <= now) {
      continue;
    }
    // Members beyond what the gang needs go at any time, to anybody of its priority.
    std::vector<int> left(other.spec.roles.size(), 0);
    for (const Member& member : other.members) {
      ++left[member.role];
    }
    for (size_t i = other.members.size(); i-- > 0;) {
      const size_t role = other.members[i].role;
      if (left[role] > other.spec.roles[role].min) {
        --left[role];
        candidates.push_back({id, i});
      }
    }
  }
  return candidates;
}

Evictable Scheduler::EvictableOf(const Victim& victim, Means means, Nanos now) const {
  const Job& job = *Find(victim.job);
  Evictable evictable;
  evictable.priority = victim.member.has_value() ? INT32_MIN : job.spec.priority;
  const double share = PartOf(capacity_, job.used);
  // What it has done is lost if it is ended, and a little more so that size counts for those just started.
  const double lost = means == Means::kEnd ? InSeconds(now - job.started) : 0;
  evictable.cost = victim.member.has_value() ? 0 : share * (lost + InSeconds(job.spec.restart_cost) + 1);
  for (size_t i = 0; i < job.members.size(); ++i) {
    if (!victim.member.has_value() || *victim.member == i) {
      evictable.parts.push_back({job.spec.roles[job.members[i].role].shape, job.members[i].where});
    }
  }
  return evictable;
}

bool Scheduler::MakeRoom(Job* job, Gang gang, Means means, Nanos now, Nanos* retry_at,
                         std::vector<Decision>* decisions) {
  // Others give for what it needs, not for what it could use besides.
  for (Role& role : gang.roles) {
    role.max = role.min;
  }
  if (means == Means::kMove) {
    // What does not fit into all that is idle fits nowhere by moving others.
    int64_t needed = 0;
    for (const Role& role : gang.roles) {
      needed += role.min * role.shape.device_milli();
    }
    if (moves_left_ <= 0 || needed > cluster_.device_capacity() - cluster_.device_taken()) {
      return false;
    }
    --moves_left_;
  }
  std::vector<Victim> candidates = CandidatesFor(*job, means, now, retry_at);
  if (candidates.empty()) {
    return false;
  }
  std::vector<Evictable> evictables;
  for (const Victim& candidate : candidates) {
    evictables.push_back(EvictableOf(candidate, means, now));
  }

  for (int round = 0; round < kMostRounds; ++round) {
    Transaction transaction(cluster_, &constraints_);
    const auto rules_of = [this, &candidates](size_t i) { return Find(candidates[i].job)->spec.rules; };
    const auto give = [&](size_t i) {
      for (const Evictable::Part& part : evictables[i].parts) {
        transaction.Give(part.shape, rules_of(i), part.where);
      }
    };
    // Members go for good, so that the next choice is among the others.
    std::vector<size_t> gone;
    std::vector<bool> is_gone(candidates.size(), false);
    GangResult placed;
    for (size_t step = 0; step <= gang.roles.size() + 1; ++step) {
      placed = PlaceGang(&transaction, cluster_, &constraints_, policy_, gang, options_.most_attempts);
      if (placed.outcome == GangResult::kPlaced) {
        break;
      }
      std::vector<Evictable> left;
      std::vector<size_t> left_index;
      for (size_t i = 0; i < candidates.size(); ++i) {
        if (!is_gone[i]) {
          left.push_back(evictables[i]);
          left_index.push_back(i);
        }
      }
      // The role that has no room; if none by itself, the largest has to get more than it needs.
      const Role& role = gang.roles[placed.outcome == GangResult::kInfeasible ? placed.role : 0];
      NodeSet nodes = constraints_.Allowed(gang.rules);
      if (gang.allowed != nullptr) {
        nodes &= *gang.allowed;
      }
      std::optional<std::vector<size_t>> chosen;
      const auto choose = [&](const NodeSet& among) {
        const Request request{role.shape, &among};
        const int64_t needed =
            placed.outcome == GangResult::kInfeasible ? role.min : RoomFor(cluster_, request, role.min) + 1;
        return ChooseVictims(cluster_, request, needed, left);
      };
      if (gang.domains.empty()) {
        chosen = choose(nodes);
      }
      double least = 0;
      for (const NodeSet& domain : gang.domains) {
        NodeSet within = nodes;
        within &= domain;
        auto of_domain = choose(within);
        double cost = 0;
        for (const size_t i : of_domain.value_or(std::vector<size_t>())) {
          cost += left[i].cost;
        }
        if (of_domain.has_value() && (!chosen.has_value() || cost < least)) {
          chosen = std::move(of_domain);
          least = cost;
        }
      }
      if (!chosen.has_value() || chosen->empty()) {
        return false;
      }
      for (const size_t i : *chosen) {
        give(left_index[i]);
        gone.push_back(left_index[i]);
        is_gone[left_index[i]] = true;
      }
    }
    if (placed.outcome != GangResult::kPlaced) {
      return false;
    }

    // Who still fits where it was stays, the dearest first.
    std::sort(gone.begin(), gone.end(), [&evictables](size_t a, size_t b) {
      return std::tie(evictables[a].priority, evictables[a].cost) >
             std::tie(evictables[b].priority, evictables[b].cost);
    });
    const auto stays = [&](size_t i) {
      const size_t savepoint = transaction.Savepoint();
      for (const Evictable::Part& part : evictables[i].parts) {
        if (!transaction.Take(part.shape, rules_of(i), part.where).ok()) {
          transaction.Rollback(savepoint);
          return false;
        }
      }
      return true;
    };
    gone.erase(std::remove_if(gone.begin(), gone.end(), stays), gone.end());

    // Each of the others goes on elsewhere if it can, and if that is what we may do.
    struct Fate {
      size_t victim = 0;
      std::vector<Member> members;  // empty: ended
    };
    std::vector<Fate> fates;
    std::vector<size_t> stuck;
    for (const size_t i : gone) {
      Fate fate{i, {}};
      const Job& victim = *Find(candidates[i].job);
      if (!candidates[i].member.has_value() && options_.move) {
        Gang again;
        again.rules = victim.spec.rules;
        again.roles = victim.spec.roles;
        for (size_t role = 0; role < again.roles.size(); ++role) {
          again.roles[role].max =
              static_cast<int>(std::count_if(victim.members.begin(), victim.members.end(),
                                             [role](const Member& member) { return member.role == role; }));
        }
        std::erase_if(again.roles, [](const Role& role) { return role.max < 1; });
        NodeSet allowed;
        if (Barred(victim, now, &allowed)) {
          NodeSet all(cluster_.nodes().size(), true);
          all -= allowed;
          allowed = std::move(all);
          again.allowed = &allowed;
        }
        if (!victim.spec.together.empty()) {
          again.domains = DomainsOf(victim.spec.together);
        }
        if (again.roles.size() == victim.spec.roles.size()) {
          GangResult moved = PlaceGang(&transaction, cluster_, &constraints_, policy_, again, 1);
          if (moved.outcome == GangResult::kPlaced) {
            fate.members = std::move(moved.members);
          }
        }
      }
      if (means == Means::kMove && fate.members.empty() && !candidates[i].member.has_value()) {
        stuck.push_back(i);
      }
      fates.push_back(std::move(fate));
    }
    // A queue that gives may fall below its guarantee by the second of its jobs, though not by the first.
    if (means == Means::kEnd && stuck.empty()) {
      std::vector<std::pair<QueueId, Resources>> refunded;
      for (const Fate& fate : fates) {
        const Job& victim = *Find(candidates[fate.victim].job);
        if (candidates[fate.victim].member.has_value()) {
          continue;
        }
        if (!MayEnd(victim, *job)) {
          stuck.push_back(fate.victim);
        } else {
          queues_.Refund(victim.spec.queue, victim.used, now);
          refunded.emplace_back(victim.spec.queue, victim.used);
        }
      }
      for (const auto& [queue, used] : refunded) {
        queues_.Charge(queue, used, now);
      }
    }
    if (!stuck.empty()) {
      std::sort(stuck.begin(), stuck.end(), std::greater<>());
      for (const size_t i : stuck) {
        candidates.erase(candidates.begin() + static_cast<ptrdiff_t>(i));
        evictables.erase(evictables.begin() + static_cast<ptrdiff_t>(i));
      }
      continue;  // which takes everything back
    }

    transaction.Commit();
    std::map<JobId, std::vector<size_t>> shrunk;  // members that go, by job
    for (Fate& fate : fates) {
      if (candidates[fate.victim].member.has_value()) {
        shrunk[candidates[fate.victim].job].push_back(*candidates[fate.victim].member);
        continue;
      }
      Job* victim = Find(candidates[fate.victim].job);
      std::vector<Member> had = victim->members;
      Vacate(victim, now);
      if (fate.members.empty()) {
        victim->state = kPending;
        Enqueue(*victim);
        const std::string why =
            victim->spec.priority < job->spec.priority
                ? fmt::format("job '{}' has priority {} and this one {}", job->spec.name, job->spec.priority,
                              victim->spec.priority)
                : fmt::format("queue '{}' had borrowed what is guaranteed to queue '{}' of job '{}'",
                              queues_.spec(victim->spec.queue).name, queues_.spec(job->spec.queue).name,
                              job->spec.name);
        decisions->push_back({Decision::kEnd, victim->spec.id, std::move(had), job->spec.id, why});
      } else {
        Occupy(victim, std::move(fate.members), now);
        decisions->push_back({Decision::kMove, victim->spec.id, victim->members, job->spec.id,
                              fmt::format("job '{}' fits only where it was", job->spec.name)});
      }
    }
    for (auto& [id, leaving] : shrunk) {
      Job* victim = Find(id);
      std::vector<Member> members = victim->members;
      std::sort(leaving.begin(), leaving.end(), std::greater<>());
      for (const size_t member : leaving) {
        members.erase(members.begin() + static_cast<ptrdiff_t>(member));
      }
      Vacate(victim, now);
      Occupy(victim, std::move(members), now);
      decisions->push_back(
          {Decision::kShrink, id, victim->members, job->spec.id,
           fmt::format("it can do with fewer members, and job '{}' needs the room", job->spec.name)});
    }
    Start(job, std::move(placed.members), now, "others made room for it", decisions);
    return true;
  }
  return false;
}

}  // namespace flexai::placement
