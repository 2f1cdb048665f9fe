#include "placement/transaction.h"

#include <cassert>

namespace flexai::placement {

Status Transaction::Take(const TaskShape& task, ClassId rules, const Placement& where) {
  FLEXAI_RETURN_IF_ERROR(cluster_.Take(task, where));
  if (constraints_ != nullptr) {
    constraints_->Placed(rules, where.cpu_node);
  }
  changes_.push_back({true, task, rules, where});
  return {};
}

void Transaction::Give(const TaskShape& task, ClassId rules, const Placement& where) {
  cluster_.Give(task, where);
  if (constraints_ != nullptr) {
    constraints_->Gone(rules, where.cpu_node);
  }
  changes_.push_back({false, task, rules, where});
}

void Transaction::Rollback(size_t savepoint) {
  while (changes_.size() > savepoint) {
    const Change& change = changes_.back();
    if (change.taken) {
      cluster_.Give(change.task, change.where);
    } else {
      // It had room before, and nothing else has happened since.
      const Status status = cluster_.Take(change.task, change.where);
      assert(status.ok());
      (void)status;
    }
    if (constraints_ != nullptr && change.taken) {
      constraints_->Gone(change.rules, change.where.cpu_node);
    } else if (constraints_ != nullptr) {
      constraints_->Placed(change.rules, change.where.cpu_node);
    }
    changes_.pop_back();
  }
}

}  // namespace flexai::placement
