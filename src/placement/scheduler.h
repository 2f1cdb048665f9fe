// Hi Scheduler's core: which job starts next, where, and who makes room for it.
//
// Jobs are taken by priority, then by the order of the queues (queues.h), then by age. One that fits starts
// where the policy wants it; one that does not lets others pass (backfill). So that it does not starve,
//  - jobs of lower priority, and those of queues that borrow what is guaranteed to its own, are moved or
//    ended for it, as few and as cheap as can be found: first members that gangs can do without, then, if
//    allowed, jobs that run elsewhere as well, then the rest;
//  - after a while it gets a reservation: nodes that will have room for it first as jobs end. Nothing of its
//    priority or below starts there, but for jobs known to end in time. Of a remote job both its nodes are
//    reserved, and nothing of the link between them, which others may take. (A. Mu'alem and D. Feitelson,
//    "Utilization, Predictability, Workloads, and User Runtime Estimates in Scheduling the IBM SP2 with
//    Backfilling", IEEE TPDS 2001: EASY. Where run times are not known, what has run long is expected to run
//    as long again.)
//
// No job waits for one of lower priority, but within that one's least run time, if that one may not be ended
// at all, or on nodes reserved earlier for a job of at least its own priority; `Explain` names whom it waits
// for. Where there is no place to be found at once, all of lower priority are taken out in a trial, and
// whoever does not stand in the way goes back. What that can't promise: a gang of several roles, or with
// rules that one pass may not keep to (gang.h), is searched for in bounds and may not be found though it
// would fit; and of members beyond the least that a gang needs, the latest go, whichever would be the right
// ones.
//
// The caller carries decisions out in their order and says what became of them: Confirm, or Forget if a start
// did not work. All that is said from outside may come twice and late. Times are arguments and must not
// decrease.
//
// Thread safety: one thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <span>
#include <unordered_set>
#include <vector>

#include "placement/job.h"
#include "placement/policy.h"
#include "placement/transaction.h"
#include "placement/victims.h"

namespace flexai::placement {

struct SchedulerOptions {
  bool preempt = true;                // end jobs for others
  bool move = false;                  // move jobs; they must be able to go on elsewhere at their restart cost
  Nanos reserve_after = Seconds(60);  // of waiting for room
  size_t most_reservations = 4;
  // Between searches for jobs to move, each of which looks at all that runs; for one kind of job ten times
  // that.
  Nanos move_every = Seconds(5);
  int most_attempts = 16;  // at placing a gang of several roles
};

struct Decision {
  enum Kind {
    kEnd,     // stop it; it waits again
    kMove,    // it goes on elsewhere
    kShrink,  // it goes on with fewer members
    kStart,
    kGrow,  // it gets more members
  };
  Kind kind = kStart;
  JobId job = 0;
  std::vector<Member> members;  // all that it has from now on; of kEnd: that it had
  JobId because_of = 0;         // the job it is done for
  std::string reason;           // one sentence
};

class Scheduler {
 public:
  enum State { kPending, kAssumed, kRunning };

  // All must outlive it, and none else may change cluster or queues.
  Scheduler(Cluster& cluster, Constraints& constraints, QueueTree& queues, Policy& policy,
            const SchedulerOptions& options);

  // A new job, which waits. kAlreadyExists for an id that is or was known; kInvalidArgument, naming the job,
  // for one that could never run as it is described.
  Status Submit(JobSpec job, Nanos now);
  // One that runs already, started by somebody else or before we were. One that waits or is assumed is
  // corrected. kResourceExhausted, and nothing changed, if there is no room for it there.
  Status Adopt(JobSpec job, std::vector<Member> members, Nanos now);
  // The start was carried out. kNotFound if it is not known, kFailedPrecondition if it waits.
  Status Confirm(JobId job);
  // The start did not work: it waits again. An unknown or waiting job is left as it is.
  void Forget(JobId job, Nanos now);
  // It ended, or is not wanted any more.
  void Remove(JobId job, Nanos now);
  // The node changed its labels, taints or service; what runs there goes on.
  void SetNode(NodeId node, NodeIdentity identity);
  // The node is gone: out of service, and its jobs wait again.
  std::vector<Decision> LoseNode(NodeId node, Nanos now);
  // One of its devices, by number, does not work: out of service, and the jobs that use it wait again. Others
  // on the node go on. Limits and guarantees are those of the cluster with all its devices.
  std::vector<Decision> LoseDevice(NodeId node, int32_t device, Nanos now);
  // It works again.
  void RestoreDevice(NodeId node, int32_t device);

  // What is to be done now. Starts are assumed to work.
  std::vector<Decision> Cycle(Nanos now);

  // Why the job waits, where it runs: one or more sentences for a person. kNotFound if it is not known.
  Result<std::string> Explain(JobId job, Nanos now) const;

  std::optional<State> state(JobId job) const;
  const JobSpec* spec(JobId job) const;                 // null if unknown
  const std::vector<Member>* members(JobId job) const;  // null if unknown; empty while it waits
  size_t waiting() const { return waiting_; }
  // When a cycle may decide something though nothing has happened; never: INT64_MAX.
  Nanos NextCycle() const;
  // Nodes that will have room for a job that waits.
  struct Reservation {
    JobId job = 0;
    int32_t priority = 0;
    NodeSet nodes;
    Nanos until;  // when it is expected to start
  };
  // Oldest first. Valid until the scheduler is told something.
  const std::vector<Reservation>& reservations() const { return reservations_; }
  // For tests: kInternal, saying what, if cluster, queues and jobs do not agree.
  Status Audit() const;

 private:
  struct Job {
    JobSpec spec;
    State state = kPending;
    std::vector<Member> members;
    std::vector<Evictable::Part> parts;  // the same, as they are given back
    Nanos started;
    Resources used;
    double part = 0;  // of the capacity: the largest of anything that it uses
  };
  // Jobs that are the same to every decision, but for their age.
  struct BucketKey {
    int32_t priority = 0;
    QueueId queue = 0;
    std::vector<Role> roles;
    ClassId rules = kNoRules;
    std::string together;
    int64_t expected_run = 0;
    std::string window;
    auto operator<=>(const BucketKey&) const = default;
  };
  struct Bucket {
    std::set<std::pair<Nanos, JobId>> jobs;  // by age
    uint64_t failed_at = 0;        // what MayStartAt was when the oldest was last tried in vain; 0: never
    Nanos retry_at;                // when time alone may change that
    Nanos move_at;                 // when a search for jobs to move is worth a try again
    std::optional<bool> possible;  // CouldFit; absent: not asked since nodes changed
  };
  // What a gang that may be placed now points to.
  struct Space {
    NodeSet allowed;
    std::optional<Headroom> headroom;
  };
  // Which part of whom an Evictable is.
  struct Victim {
    Job* job = nullptr;
    std::optional<size_t> member;  // absent: all of it
  };

  Job* Find(JobId id);
  const Job* Find(JobId id) const;
  static BucketKey KeyOf(const JobSpec& spec);
  Status Check(const JobSpec& spec) const;
  void Enqueue(const Job& job);
  void Dequeue(const Job& job);
  void Occupy(Job* job, std::vector<Member> members, Nanos now);  // the books of what is taken already
  void Vacate(Job* job, Nanos now);                               // the books of what is given back already
  void Release(Job* job, Nanos now);                              // gives back, and Vacate
  // Jobs with a member that `uses` what was lost wait again.
  std::vector<Decision> EndWhere(const std::function<bool(const Member&)>& uses, const std::string& reason,
                                 Nanos now);

  // scheduler.cc
  void CyclePriority(int32_t priority, Nanos now, std::vector<Decision>* decisions);
  uint64_t MayStartAt(const BucketKey& key) const;
  bool CouldFit(const JobSpec& job) const;
  bool TryStart(Job* job, Bucket* bucket, Nanos now, std::vector<Decision>* decisions);
  Gang GangOf(const Job& job, Nanos now, Space* space) const;
  std::optional<Headroom> HeadroomFor(const Job& job) const;
  std::optional<QueueId> AtLimit(const Job& job) const;
  std::span<const NodeSet> DomainsOf(const std::string& label) const;
  void Start(Job* job, std::vector<Member> members, Nanos now, std::string reason,
             std::vector<Decision>* decisions);
  void Grow(Nanos now, std::vector<Decision>* decisions);
  bool GrowByOne(Job* job, Nanos now);

  // scheduler_preemption.cc
  enum class Means { kEnd, kMove };
  class RoomMaker;
  bool MakeRoom(Job* job, const Gang& gang, Means means, Nanos now, Nanos* retry_at,
                std::vector<Decision>* decisions);

  // scheduler_candidates.cc
  std::vector<Victim> CandidatesFor(const Job& job, Means means, Nanos now, Nanos* retry_at) const;
  void AddCandidates(const Job& job, Job* running, Means means, Nanos now, Nanos* retry_at,
                     std::vector<Victim>* candidates) const;
  Evictable EvictableOf(const Victim& victim, Means means, Nanos now) const;
  bool MayEnd(const Job& victim, const Job& job) const;
  static Nanos MayEndFrom(const Job& job) { return job.started + job.spec.min_run; }
  static std::vector<size_t> BeyondLeast(const Job& job);
  bool SharesLimit(QueueId queue, QueueId other) const;

  // scheduler_reservation.cc
  struct End;
  std::vector<End> ExpectedEnds(Nanos now) const;
  void Reserve(const Job& job, const Gang& gang, Nanos now);
  void DropReservations();
  void DropReservationsOn(NodeId node);
  std::vector<const Reservation*> Binding(const Job& job, Nanos now) const;
  // The nodes that reservations of others leave to the job; false if that is all.
  bool Leaves(const Job& job, Nanos now, NodeSet* left) const;

  // scheduler_explain.cc
  struct Obstacle;
  bool FitsWithout(const Job& job, std::span<const Job* const> gone,
                   std::span<const Reservation* const> binding) const;
  Obstacle FindObstacle(const Job& job, Nanos now) const;
  std::string ExplainObstacle(const Obstacle& obstacle, Nanos now) const;
  std::string ExplainPlace(const Job& job) const;
  std::string ExplainNodes(const Gang& gang, const TaskShape& shape, bool lent, NodeSet* would_do) const;
  std::string ExplainRemote(const Gang& gang, const Role& role, const NodeSet& open, NodeSet* would_do) const;
  bool FitsOne(const TaskShape& shape, const NodeSet& open) const;
  std::string ExplainHolders(const Job& job, const NodeSet& nodes) const;

  Cluster& cluster_;
  Constraints& constraints_;
  QueueTree& queues_;
  Policy& policy_;
  const SchedulerOptions options_;
  Resources capacity_;
  ModelSet models_ = 0;        // of its devices
  std::vector<bool> limited_;  // by queue: whether it or one above it has a limit
  bool any_limited_ = false;
  std::vector<bool> guaranteed_;  // by queue: whether it or one above it has a guarantee
  const Cluster empty_;           // the cluster with nothing taken
  std::map<JobId, Job> jobs_;
  std::map<BucketKey, Bucket> buckets_;
  std::vector<Reservation> reservations_;
  size_t granted_ = 0;                                // reservations in the last cycle
  std::map<int32_t, std::map<JobId, Job*>> running_;  // by priority
  std::set<JobId> elastic_;                           // running with fewer members than they may have
  std::set<JobId> generous_;                          // running with more members than they need
  mutable std::map<std::string, std::vector<NodeSet>> domains_;  // by label, made when first asked for
  std::unordered_set<JobId> ended_;
  std::vector<JobId> ended_order_;  // a ring
  size_t ended_next_ = 0;
  uint64_t freed_ = 1;  // counts what may let a waiting job start
  uint64_t taken_ = 0;  // counts what has started or moved
  size_t waiting_ = 0;
  size_t waiting_of_roles_ = 0;  // of several
  Nanos next_move_;              // when a search for jobs to move may be made again
};

}  // namespace flexai::placement
