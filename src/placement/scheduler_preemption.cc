// How the scheduler makes room for a job: by members that gangs can do without, by moving jobs, by ending
// them.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <tuple>
#include <utility>

#include "placement/remote_victims.h"
#include "placement/room.h"
#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

constexpr int kMostRounds = 8;  // of choosing victims, when the first choice does not do

}  // namespace

// One try to make room for one job.
class Scheduler::RoomMaker {
 public:
  RoomMaker(Scheduler& scheduler, Job& job, Gang gang, Means means, Nanos now)
      : scheduler_(scheduler),
        job_(job),
        gang_(std::move(gang)),
        means_(means),
        now_(now),
        books_(scheduler.queues_) {
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
      const Outcome outcome = Try(&RoomMaker::EvictUntilPlaced, decisions);
      if (outcome != Outcome::kSomeMustStay) {
        if (outcome == Outcome::kMade || proven_) {
          return outcome == Outcome::kMade;
        }
        break;
      }
    }
    if (means_ != Means::kEnd) {
      return false;
    }
    KeepLower();
    return !candidates_.empty() && Try(&RoomMaker::EvictAll, decisions) == Outcome::kMade;
  }

 private:
  enum class Outcome { kMade, kNoRoom, kSomeMustStay };
  // What becomes of one who gives room.
  struct Fate {
    size_t candidate = 0;
    std::vector<Member> members;  // where it goes on; empty: it ends, or is a member that goes
  };

  const Job& JobOf(size_t candidate) const { return *candidates_[candidate].job; }
  bool IsMember(size_t candidate) const { return candidates_[candidate].member.has_value(); }

  // `evict` takes candidates out and places the gang. Candidates that turn out to have to stay are dropped.
  Outcome Try(bool (RoomMaker::*evict)(), std::vector<Decision>* decisions) {
    Transaction transaction(scheduler_.cluster_, &scheduler_.constraints_);
    transaction_ = &transaction;
    gone_.clear();
    is_gone_.assign(candidates_.size(), false);
    const bool placed = (this->*evict)();
    if (placed) {
      SpareWhoFits();
      MoveWhoCan();
    }
    books_.Undo();
    if (!placed) {
      return Outcome::kNoRoom;
    }
    if (const std::vector<size_t> exempt = WhoMustStay(); !exempt.empty()) {
      Drop(exempt);
      return Outcome::kSomeMustStay;
    }
    transaction.Commit();
    Carry(decisions);
    return Outcome::kMade;
  }

  void Evict(size_t candidate) {
    for (const Evictable::Part& part : evictables_[candidate].parts) {
      transaction_->Give(part.shape, JobOf(candidate).spec.rules, part.where);
    }
    if (scheduler_.any_limited_) {
      books_.Refund(JobOf(candidate).spec.queue, UsedBy(candidate));
    }
    gone_.push_back(candidate);
    is_gone_[candidate] = true;
  }

  Resources UsedBy(size_t candidate) const {
    const Job& job = JobOf(candidate);
    return IsMember(candidate) ? placement::UsedBy(job.spec, {job.members[*candidates_[candidate].member]},
                                                   scheduler_.cluster_)
                               : job.used;
  }

  // The gang's place, as limits are without those who are gone.
  bool Place() {
    headroom_ = scheduler_.HeadroomFor(job_);
    gang_.headroom = headroom_.has_value() ? &*headroom_ : nullptr;
    placed_ = PlaceGang(transaction_, scheduler_.cluster_, &scheduler_.constraints_, scheduler_.policy_,
                        gang_, scheduler_.options_.most_attempts);
    return placed_.outcome == GangResult::kPlaced;
  }

  // Takes candidates out until the gang is placed. False if all together don't suffice, which may be proven.
  bool EvictUntilPlaced() {
    proven_ = false;
    if (!EvictForLimits()) {
      proven_ = true;
      return false;
    }
    const bool remote = std::any_of(gang_.roles.begin(), gang_.roles.end(),
                                    [](const Role& role) { return role.shape.remote != Remote::kNever; });
    const size_t steps = gang_.roles.size() * (remote ? kMostRemoteSteps : 1) + 2;
    for (size_t step = 0; step < steps; ++step) {
      if (Place()) {
        return true;
      }
      std::vector<Evictable> left;
      std::vector<size_t> positions;  // of those left, in candidates_
      for (size_t i = 0; i < candidates_.size(); ++i) {
        if (!is_gone_[i]) {
          left.push_back(evictables_[i]);
          positions.push_back(i);
        }
      }
      const std::optional<std::vector<size_t>> chosen = Choose(left);
      if (!chosen.has_value() || chosen->empty()) {
        return false;
      }
      for (const size_t i : *chosen) {
        Evict(positions[i]);
      }
    }
    return false;
  }

  // Takes the cheapest out that count against its limits, until they leave it enough.
  bool EvictForLimits() {
    if (!scheduler_.AtLimit(job_).has_value()) {
      return true;
    }
    std::vector<size_t> cheapest(candidates_.size());
    std::iota(cheapest.begin(), cheapest.end(), size_t{0});
    SortByCost(&cheapest, std::less<>());
    for (const size_t candidate : cheapest) {
      const Job& victim = JobOf(candidate);
      if (scheduler_.SharesLimit(job_.spec.queue, victim.spec.queue)) {
        Evict(candidate);
        if (!scheduler_.AtLimit(job_).has_value()) {
          return true;
        }
      }
    }
    return false;
  }

  // The last resort, where a choice did not do and yet it may fit.
  bool EvictAll() {
    for (size_t candidate = 0; candidate < candidates_.size(); ++candidate) {
      Evict(candidate);
    }
    return !scheduler_.AtLimit(job_).has_value() && Place();
  }

  // By priority, then by cost.
  template <typename Order>
  void SortByCost(std::vector<size_t>* candidates, Order order) const {
    std::stable_sort(candidates->begin(), candidates->end(), [this, order](size_t a, size_t b) {
      return order(std::tie(evictables_[a].priority, evictables_[a].cost),
                   std::tie(evictables_[b].priority, evictables_[b].cost));
    });
  }

  void KeepLower() {
    std::vector<size_t> others;
    for (size_t candidate = 0; candidate < candidates_.size(); ++candidate) {
      if (JobOf(candidate).spec.priority >= job_.spec.priority) {
        others.push_back(candidate);
      }
    }
    Drop(std::move(others));
  }

  // Who makes room for the role that has none; if none lacks room by itself, the largest gets more than it
  // needs.
  std::optional<std::vector<size_t>> Choose(std::span<const Evictable> left) {
    const Role& role = gang_.roles[placed_.outcome == GangResult::kInfeasible ? placed_.role : 0];
    TaskShape shape = role.shape;
    if (headroom_.has_value() && shape.devices > 0) {
      for (int model = 0; model < kMostModels; ++model) {
        if (!headroom_->Fits(scheduler_.cluster_.Taken(shape, model), model)) {
          shape.models &= ~OneModel(model);
        }
      }
    }
    NodeSet nodes = scheduler_.constraints_.Allowed(gang_.rules);
    if (gang_.allowed != nullptr) {
      nodes &= *gang_.allowed;
    }
    const auto among = [&](const NodeSet& within) {
      const Request request{shape, &within};
      if (shape.remote != Remote::kNever) {
        const int more = placed_.outcome == GangResult::kInfeasible ? 0 : 1;
        return ChooseRemoteVictims(scheduler_.cluster_, request, role.min + more, left);
      }
      const int64_t needed = placed_.outcome == GangResult::kInfeasible
                                 ? role.min
                                 : RoomFor(scheduler_.cluster_, request, role.min) + 1;
      return ChooseVictims(scheduler_.cluster_, request, needed, left);
    };
    std::optional<std::vector<size_t>> best;
    if (gang_.domains.empty()) {
      best = among(nodes);
    }
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
    proven_ = !best.has_value() && placed_.outcome == GangResult::kInfeasible &&
              shape.models == role.shape.models && !scheduler_.constraints_.Moves(gang_.rules);
    return best;
  }

  // Who still fits where it was stays, the dearest first.
  void SpareWhoFits() {
    const Resources used = placement::UsedBy(job_.spec, placed_.members, scheduler_.cluster_);
    SortByCost(&gone_, std::greater<>());
    std::erase_if(gone_, [this, &used](size_t candidate) { return Fits(candidate, used); });
    if (scheduler_.any_limited_) {
      books_.Charge(job_.spec.queue, used);
    }
  }

  // Takes its place again, unless the gang is in its way: there, by limits of queues, or by their rules.
  bool Fits(size_t candidate, const Resources& used_by_gang) {
    const Job& victim = JobOf(candidate);
    const size_t savepoint = transaction_->Savepoint();
    bool fits = true;
    for (const Evictable::Part& part : evictables_[candidate].parts) {
      fits = fits && transaction_->Take(part.shape, victim.spec.rules, part.where).ok();
    }
    fits = fits && (victim.spec.rules != gang_.rules || RulesHold());
    if (fits && scheduler_.any_limited_) {
      const QueueId queue = victim.spec.queue;
      books_.Charge(queue, UsedBy(candidate));
      fits = !scheduler_.SharesLimit(job_.spec.queue, queue) ||
             !scheduler_.queues_.Blocking(job_.spec.queue, used_by_gang).has_value();
      if (!fits) {
        books_.Refund(queue, UsedBy(candidate));
      }
    }
    if (!fits) {
      transaction_->Rollback(savepoint);
    }
    return fits;
  }

  // Whether each of the gang's members would still be allowed where it is.
  bool RulesHold() {
    Constraints& constraints = scheduler_.constraints_;
    return !constraints.Moves(gang_.rules) ||
           std::all_of(placed_.members.begin(), placed_.members.end(), [&](const Member& member) {
             constraints.Gone(gang_.rules, member.where.cpu_node);
             const bool allowed = constraints.Allowed(gang_.rules).Has(member.where.cpu_node);
             constraints.Placed(gang_.rules, member.where.cpu_node);
             return allowed;
           });
  }

  void MoveWhoCan() {
    fates_.clear();
    for (const size_t candidate : gone_) {
      Fate& fate = fates_.emplace_back(Fate{candidate, {}});
      if (!IsMember(candidate) && scheduler_.options_.move) {
        fate.members = PlaceElsewhere(JobOf(candidate));
        if (scheduler_.any_limited_ && !fate.members.empty()) {
          books_.Charge(JobOf(candidate).spec.queue,
                        placement::UsedBy(JobOf(candidate).spec, fate.members, scheduler_.cluster_));
        }
      }
    }
  }

  // With the members that it has, or as many of them as there is room for; empty if not with the least.
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
    const std::optional<Headroom> headroom = scheduler_.HeadroomFor(job);
    gang.headroom = headroom.has_value() ? &*headroom : nullptr;
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
    QueueTrial before(scheduler_.queues_);
    for (const Fate& fate : fates_) {
      if (IsMember(fate.candidate) || !fate.members.empty()) {
        continue;
      }
      const Job& victim = JobOf(fate.candidate);
      if (means_ == Means::kMove || !scheduler_.MayEnd(victim, job_)) {
        exempt.push_back(fate.candidate);
      } else {
        before.Refund(victim.spec.queue, victim.used);
      }
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
                              WhyMoved(victim->members.size(), had.size())});
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

  std::string WhyMoved(size_t has, size_t had) const {
    return fmt::format(
        "job '{}' fits only where it was{}", job_.spec.name,
        has < had ? fmt::format(", and there is room elsewhere for {} of its {} members", has, had) : "");
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
  std::vector<Evictable> evictables_;  // by candidate
  QueueTrial books_;                   // of the round, like all that follows
  Transaction* transaction_ = nullptr;
  std::optional<Headroom> headroom_;
  GangResult placed_;
  bool proven_ = false;        // that there is no room
  std::vector<size_t> gone_;   // candidates
  std::vector<bool> is_gone_;  // by candidate
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
