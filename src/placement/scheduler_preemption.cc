// How the scheduler makes room for a job: by members that gangs can do without, by moving jobs, by ending
// them.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "placement/remote_victims.h"
#include "placement/room.h"
#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

constexpr int kMostRounds = 8;  // of choosing victims, when the first choice does not do

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
  const Nanos free_at = other.started + std::max(other.spec.min_run, least_run);
  if (whole && free_at <= now) {
    candidates->push_back({running, std::nullopt});
    return;
  }
  if (whole) {
    *retry_at = std::min(*retry_at, free_at);
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
      candidates->push_back({running, i});
    }
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

// One try to make room for one job.
class Scheduler::RoomMaker {
 public:
  RoomMaker(Scheduler& scheduler, Job& job, Gang gang, Means means, Nanos now)
      : scheduler_(scheduler), job_(job), gang_(std::move(gang)), means_(means), now_(now) {
    // Others give for what it needs, not for what it could use besides.
    for (Role& role : gang_.roles) {
      role.max = role.min;
    }
  }

  bool Run(Nanos* retry_at, std::vector<Decision>* decisions) {
    candidates_ = scheduler_.CandidatesFor(job_, means_, now_, retry_at);
    for (const Victim& candidate : candidates_) {
      evictables_.push_back(scheduler_.EvictableOf(candidate, means_, now_));
    }
    for (int round = 0; round < kMostRounds && !candidates_.empty(); ++round) {
      Transaction transaction(scheduler_.cluster_, &scheduler_.constraints_);
      transaction_ = &transaction;
      if (!EvictUntilPlaced()) {
        return false;
      }
      SpareWhoFits();
      MoveWhoCan();
      if (const std::vector<size_t> exempt = WhoMustStay(); !exempt.empty()) {
        Drop(exempt);  // and try without them; the transaction takes everything back
        continue;
      }
      transaction.Commit();
      Carry(decisions);
      return true;
    }
    return false;
  }

 private:
  // What becomes of one who gives room.
  struct Fate {
    size_t candidate = 0;
    std::vector<Member> members;  // where it goes on; empty: it ends, or is a member that goes
  };

  const Job& JobOf(size_t candidate) const { return *candidates_[candidate].job; }
  bool IsMember(size_t candidate) const { return candidates_[candidate].member.has_value(); }

  // Takes candidates out until the gang is placed. False if all together don't suffice.
  bool EvictUntilPlaced() {
    gone_.clear();
    std::vector<bool> is_gone(candidates_.size(), false);
    const bool remote = std::any_of(gang_.roles.begin(), gang_.roles.end(),
                                    [](const Role& role) { return role.shape.remote != Remote::kNever; });
    const size_t steps = gang_.roles.size() * (remote ? kMostRemoteSteps : 1) + 2;
    for (size_t step = 0; step < steps; ++step) {
      placed_ = PlaceGang(transaction_, scheduler_.cluster_, &scheduler_.constraints_, scheduler_.policy_,
                          gang_, scheduler_.options_.most_attempts);
      if (placed_.outcome == GangResult::kPlaced) {
        return true;
      }
      std::vector<Evictable> left;
      std::vector<size_t> positions;  // of those left, in candidates_
      for (size_t i = 0; i < candidates_.size(); ++i) {
        if (!is_gone[i]) {
          left.push_back(evictables_[i]);
          positions.push_back(i);
        }
      }
      const std::optional<std::vector<size_t>> chosen = Choose(left);
      if (!chosen.has_value() || chosen->empty()) {
        return false;
      }
      for (const size_t i : *chosen) {
        const size_t candidate = positions[i];
        for (const Evictable::Part& part : evictables_[candidate].parts) {
          transaction_->Give(part.shape, JobOf(candidate).spec.rules, part.where);
        }
        gone_.push_back(candidate);
        is_gone[candidate] = true;
      }
    }
    return false;
  }

  // Who makes room for the role that has none; if none lacks room by itself, the largest gets more than it
  // needs.
  std::optional<std::vector<size_t>> Choose(std::span<const Evictable> left) const {
    const Role& role = gang_.roles[placed_.outcome == GangResult::kInfeasible ? placed_.role : 0];
    NodeSet nodes = scheduler_.constraints_.Allowed(gang_.rules);
    if (gang_.allowed != nullptr) {
      nodes &= *gang_.allowed;
    }
    const auto among = [&](const NodeSet& within) {
      const Request request{role.shape, &within};
      if (role.shape.remote != Remote::kNever) {
        const int more = placed_.outcome == GangResult::kInfeasible ? 0 : 1;
        return ChooseRemoteVictims(scheduler_.cluster_, request, role.min + more, left);
      }
      const int64_t needed = placed_.outcome == GangResult::kInfeasible
                                 ? role.min
                                 : RoomFor(scheduler_.cluster_, request, role.min) + 1;
      return ChooseVictims(scheduler_.cluster_, request, needed, left);
    };
    if (gang_.domains.empty()) {
      return among(nodes);
    }
    std::optional<std::vector<size_t>> best;
    double least = 0;
    for (const NodeSet& domain : gang_.domains) {
      NodeSet within = nodes;
      within &= domain;
      auto chosen = among(within);
      double cost = 0;
      for (const size_t i : chosen.value_or(std::vector<size_t>())) {
        cost += left[i].cost;
      }
      if (chosen.has_value() && (!best.has_value() || cost < least)) {
        best = std::move(chosen);
        least = cost;
      }
    }
    return best;
  }

  // Who still fits where it was stays, the dearest first.
  void SpareWhoFits() {
    std::sort(gone_.begin(), gone_.end(), [this](size_t a, size_t b) {
      return std::tie(evictables_[a].priority, evictables_[a].cost) >
             std::tie(evictables_[b].priority, evictables_[b].cost);
    });
    std::erase_if(gone_, [this](size_t candidate) {
      const size_t savepoint = transaction_->Savepoint();
      for (const Evictable::Part& part : evictables_[candidate].parts) {
        if (!transaction_->Take(part.shape, JobOf(candidate).spec.rules, part.where).ok()) {
          transaction_->Rollback(savepoint);
          return false;
        }
      }
      return true;
    });
  }

  void MoveWhoCan() {
    fates_.clear();
    for (const size_t candidate : gone_) {
      Fate& fate = fates_.emplace_back(Fate{candidate, {}});
      if (!IsMember(candidate) && scheduler_.options_.move) {
        fate.members = PlaceElsewhere(JobOf(candidate));
      }
    }
  }

  // With as many members as it has; empty if that can't be.
  std::vector<Member> PlaceElsewhere(const Job& job) {
    Gang gang;
    gang.rules = job.spec.rules;
    gang.roles = job.spec.roles;
    for (size_t role = 0; role < gang.roles.size(); ++role) {
      gang.roles[role].max =
          static_cast<int>(std::count_if(job.members.begin(), job.members.end(),
                                         [role](const Member& member) { return member.role == role; }));
    }
    NodeSet allowed;
    if (scheduler_.Leaves(job, now_, &allowed)) {
      gang.allowed = &allowed;
    }
    if (!job.spec.together.empty()) {
      gang.domains = scheduler_.DomainsOf(job.spec.together);
    }
    return PlaceGang(transaction_, scheduler_.cluster_, &scheduler_.constraints_, scheduler_.policy_, gang, 1)
        .members;
  }

  // Those who may be moved but not ended, and have no other place; and those whose queue falls below its
  // guarantee by the jobs that go before them.
  std::vector<size_t> WhoMustStay() {
    std::vector<size_t> exempt;
    std::vector<std::pair<QueueId, Resources>> refunded;
    for (const Fate& fate : fates_) {
      if (IsMember(fate.candidate) || !fate.members.empty()) {
        continue;
      }
      const Job& victim = JobOf(fate.candidate);
      if (means_ == Means::kMove || !scheduler_.MayEnd(victim, job_)) {
        exempt.push_back(fate.candidate);
      } else {
        scheduler_.queues_.Refund(victim.spec.queue, victim.used, now_);
        refunded.emplace_back(victim.spec.queue, victim.used);
      }
    }
    for (const auto& [queue, used] : refunded) {
      scheduler_.queues_.Charge(queue, used, now_);
    }
    return exempt;
  }

  void Drop(std::vector<size_t> exempt) {
    std::sort(exempt.begin(), exempt.end(), std::greater<>());
    for (const size_t candidate : exempt) {
      candidates_.erase(candidates_.begin() + static_cast<ptrdiff_t>(candidate));
      evictables_.erase(evictables_.begin() + static_cast<ptrdiff_t>(candidate));
    }
  }

  // The books of what the transaction has done.
  void Carry(std::vector<Decision>* decisions) {
    std::map<JobId, std::vector<size_t>> shrunk;  // members that go, by job
    for (Fate& fate : fates_) {
      const Victim& candidate = candidates_[fate.candidate];
      if (candidate.member.has_value()) {
        shrunk[candidate.job->spec.id].push_back(*candidate.member);
        continue;
      }
      Job* const victim = candidate.job;
      std::vector<Member> had = victim->members;
      scheduler_.Vacate(victim, now_);
      if (!fate.members.empty()) {
        scheduler_.Occupy(victim, std::move(fate.members), now_);
        decisions->push_back({Decision::kMove, victim->spec.id, victim->members, job_.spec.id,
                              fmt::format("job '{}' fits only where it was", job_.spec.name)});
        continue;
      }
      victim->state = kPending;
      scheduler_.Enqueue(*victim);
      decisions->push_back(
          {Decision::kEnd, victim->spec.id, std::move(had), job_.spec.id, WhyEnded(*victim)});
    }
    for (auto& [id, leaving] : shrunk) {
      Job* victim = scheduler_.Find(id);
      std::vector<Member> members = victim->members;
      std::sort(leaving.begin(), leaving.end(), std::greater<>());
      for (const size_t member : leaving) {
        members.erase(members.begin() + static_cast<ptrdiff_t>(member));
      }
      scheduler_.Vacate(victim, now_);
      scheduler_.Occupy(victim, std::move(members), now_);
      decisions->push_back(
          {Decision::kShrink, id, victim->members, job_.spec.id,
           fmt::format("it can do with fewer members, and job '{}' needs the room", job_.spec.name)});
    }
    scheduler_.Start(&job_, std::move(placed_.members), now_, "others made room for it", decisions);
  }

  std::string WhyEnded(const Job& victim) const {
    if (victim.spec.priority < job_.spec.priority) {
      return fmt::format("job '{}' has priority {} and this one {}", job_.spec.name, job_.spec.priority,
                         victim.spec.priority);
    }
    return fmt::format("queue '{}' had borrowed what is guaranteed to queue '{}' of job '{}'",
                       scheduler_.queues_.spec(victim.spec.queue).name,
                       scheduler_.queues_.spec(job_.spec.queue).name, job_.spec.name);
  }

  Scheduler& scheduler_;
  Job& job_;
  Gang gang_;
  const Means means_;
  const Nanos now_;
  std::vector<Victim> candidates_;
  std::vector<Evictable> evictables_;   // by candidate
  Transaction* transaction_ = nullptr;  // of the round, like all that follows
  GangResult placed_;
  std::vector<size_t> gone_;  // candidates
  std::vector<Fate> fates_;
};

bool Scheduler::MakeRoom(Job* job, const Gang& gang, Means means, Nanos now, Nanos* retry_at,
                         std::vector<Decision>* decisions) {
  if (means == Means::kMove) {
    // What does not fit into all that is idle fits nowhere by moving others.
    int64_t needed = 0;
    for (const Role& role : gang.roles) {
      needed += role.min * role.shape.device_milli();
    }
    if (needed > cluster_.device_capacity() - cluster_.device_taken()) {
      return false;
    }
  }
  return RoomMaker(*this, *job, gang, means, now).Run(retry_at, decisions);
}

}  // namespace flexai::placement
