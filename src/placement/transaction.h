// Changes to a cluster, and to the counts of its rules, that are kept together or not at all.
//
// Thread safety: one thread.
#pragma once

#include <vector>

#include "placement/cluster.h"
#include "placement/constraints.h"

namespace flexai::placement {

// Undoes its changes at its end, unless Commit was called. Nobody else may change the cluster meanwhile,
// except by a transaction that begins and ends within this one's life.
class Transaction {
 public:
  // `constraints` may be null; both must outlive it.
  Transaction(Cluster& cluster, Constraints* constraints) : cluster_(cluster), constraints_(constraints) {}
  ~Transaction() { Rollback(0); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // As Cluster has them. `rules` is the task's class.
  Status Take(const TaskShape& task, ClassId rules, const Placement& where);
  void Give(const TaskShape& task, ClassId rules, const Placement& where);

  // A mark to go back to.
  size_t Savepoint() const { return changes_.size(); }
  void Rollback(size_t savepoint);
  void Commit() { changes_.clear(); }

 private:
  struct Change {
    bool taken = false;  // else given
    TaskShape task;
    ClassId rules = kNoRules;
    Placement where;
  };

  Cluster& cluster_;
  Constraints* constraints_;
  std::vector<Change> changes_;
};

}  // namespace flexai::placement
