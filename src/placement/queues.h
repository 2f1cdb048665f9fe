// Queues: who of those that wait is served next, who may borrow what others leave idle, and from whom it may
// be taken back.
//
// Queues form a tree. Tasks belong to leaves, and what they use counts for every queue on the path from the
// leaf to the root. A *guarantee* is what a queue gets before others get more than theirs; what it leaves
// idle, others may borrow up to their *limits*.
//
// The order of service, from the root down to a leaf, at each level:
//  1. queues below their guarantee, as the guaranteed capacities of Hadoop YARN's Capacity Scheduler;
//  2. then the smallest dominant share for its weight: weighted dominant resource fairness, A. Ghodsi et al.,
//     USENIX NSDI 2011, sections 4.1 and 4.3;
//  3. then the name.
// The share is that of usage over time, so that who used much an hour ago waits longer than who comes anew.
// Past usage is a mean whose weights halve with every half life: the "real user priority" of HTCondor's
// manual, mean(t) = b mean(t - d) + (1 - b) used, b = 2^(-d / half life). By itself that mean has a flaw:
// what starts now does not show in it before time passes, and one queue would take all that is free at one
// moment. Hence shares are taken of the mean as it will be after one more half life if what runs goes on,
// which is (mean + used) / 2. A half life of zero gives plain dominant resource fairness of what is used now.
//
// Known to be missing: going down the tree by the queues' sums may serve a queue late whose children depend
// on different resources (A. Bhattacharya et al., "Hierarchical Scheduling for Diverse Datacenter Workloads",
// ACM SoCC 2013). Guarantees bound the harm.
//
// Units: resources.h; weights are relative to those of siblings. Thread safety: one thread, or many that only
// call const members.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "placement/queue_limits.h"

namespace flexai::placement {

using QueueId = uint32_t;  // position in the list that the tree was made of

inline constexpr size_t kMostQueues = 10'000;
inline constexpr int64_t kMostOfAnything = 1'000'000'000'000;  // in any unit of Resources

struct QueueSpec {
  std::string name;
  std::string parent;  // empty: right below the root
  double weight = 1;
  // Zero says as much as absent. Without a guarantee a queue shares in what its parent has.
  QueueLimits guaranteed;
  QueueLimits limit;
  bool borrow = true;  // may use more than is guaranteed

  bool operator==(const QueueSpec&) const = default;
};

class QueueTree {
 public:
  // kInvalidArgument, naming the queue, for: no queues or more than kMostQueues; a name that is empty or
  // taken; a parent that does not exist; a cycle; a weight that is not a positive number; amounts that are
  // negative or above kMostOfAnything; a model that there can't be; a limit below what is guaranteed;
  // guarantees that add up to more than the parent's, or than the capacity; no borrowing without a guarantee.
  // A half life of zero forgets the past at once.
  static Result<QueueTree> Make(std::vector<QueueSpec> specs, const Resources& capacity, Nanos half_life);

  size_t size() const { return queues_.size(); }
  std::optional<QueueId> Find(std::string_view name) const;
  const QueueSpec& spec(QueueId queue) const { return queues_[queue].spec; }
  std::optional<QueueId> parent(QueueId queue) const { return queues_[queue].parent; }  // null below the root
  const std::vector<QueueId>& children(QueueId queue) const { return queues_[queue].children; }  // by name
  const std::vector<QueueId>& top() const { return top_; }  // children of the root, by name
  bool is_leaf(QueueId queue) const { return queues_[queue].children.empty(); }

  const Resources& used(QueueId queue) const { return queues_[queue].used; }
  // The mean of past usage. A time before the last change counts as the time of that change, here and below.
  MeanResources DecayedUsage(QueueId queue, Nanos now) const;
  // What the order of service compares among siblings: dominant share by weight.
  double WeightedShare(QueueId queue, Nanos now) const;

  // The first queue on the path from `queue` to the root whose limit, or whose guarantee if it may not
  // borrow, is too low for that much more; null if it fits. Devices whose model is not decided yet: ask per
  // model.
  std::optional<QueueId> Blocking(QueueId queue, const Resources& more) const;
  // What the queue's own limit, or its guarantee if it may not borrow, leaves for a gang that asks for
  // `asked` in all, of devices of whatever model; and what all on the path to the root leave.
  Headroom OwnHeadroom(QueueId queue, const Resources& asked) const;
  Headroom HeadroomOf(QueueId queue, const Resources& asked) const;
  // Whether the queue's own limit, or lack of permission to borrow, can bind.
  bool IsLimited(QueueId queue) const;
  // Whether `below` is `queue` or below it.
  bool Contains(QueueId queue, QueueId below) const;
  // Whether `more`, which must ask for something, is within the guarantee of every queue on the path that has
  // one, and one has.
  bool WithinGuarantee(QueueId queue, const Resources& more) const;
  // Whether a small task that asks for everything named in the queue's own guarantee could still be within
  // it.
  bool BelowGuarantee(QueueId queue) const;

  // A task of leaf `queue` starts or ends. No limit is checked. Refunding more than is charged asserts.
  void Charge(QueueId queue, const Resources& amount, Nanos now);
  void Refund(QueueId queue, const Resources& amount, Nanos now);

  // The leaf to be served next of those that have pending tasks (by QueueId; inner queues are passed over),
  // null if there is none. A queue that is blocked comes up again and again unless the caller leaves it out.
  // Costs one share for each child on the way down, and a bit for each queue.
  std::optional<QueueId> Next(const std::vector<bool>& has_pending, Nanos now) const;

  // Whether a pending task of leaf `claimant`, asking for `more`, may end a running one of leaf `victim`,
  // which uses `less`. It may if, where the two paths part, the claimant's branch has `more` within its
  // guarantee and the victim's branch has not `less` within its own: it borrows. Never within one leaf.
  // Whether `less` is of any help is for the caller to see.
  bool MayReclaim(QueueId claimant, const Resources& more, QueueId victim, const Resources& less) const;

  // kInternal if what a parent uses is not the sum of what its children use. For tests.
  Status Audit() const;

 private:
  struct Queue {
    QueueSpec spec;
    std::optional<QueueId> parent;
    std::vector<QueueId> children;
    uint32_t depth = 0;
    Resources used;
    MeanResources mean;  // at `since`
    Nanos since;
  };

  friend class QueueTrial;

  QueueTree(const Resources& capacity, Nanos half_life);

  Status Link(std::vector<QueueSpec> specs);
  Status CheckGuarantees() const;
  double Kept(const Queue& queue, Nanos now) const;
  void Settle(Queue* queue, Nanos now) const;
  QueueId Best(const std::vector<QueueId>& siblings, const std::vector<bool>& pending, Nanos now) const;

  Resources capacity_;
  int64_t device_capacity_;
  std::vector<size_t> models_;  // that the capacity has devices of
  Nanos half_life_;
  std::vector<Queue> queues_;
  std::vector<QueueId> top_;
  std::vector<QueueId> order_;  // every parent before its children
  std::map<std::string, QueueId, std::less<>> ids_;
};

// Charges and refunds that are undone at its end and leave no trace in past usage, to ask what would be. The
// tree must outlive it; nobody else may charge or refund meanwhile.
class QueueTrial {
 public:
  explicit QueueTrial(QueueTree& tree) : tree_(tree) {}
  ~QueueTrial() { Undo(); }
  QueueTrial(const QueueTrial&) = delete;
  QueueTrial& operator=(const QueueTrial&) = delete;

  void Charge(QueueId queue, const Resources& amount) { Change({queue, amount, true}); }
  void Refund(QueueId queue, const Resources& amount) { Change({queue, amount, false}); }
  void Undo();

 private:
  struct Step {
    QueueId queue = 0;
    Resources amount;
    bool charged = false;  // else refunded
  };
  void Change(const Step& step);

  QueueTree& tree_;
  std::vector<Step> steps_;
};

}  // namespace flexai::placement
