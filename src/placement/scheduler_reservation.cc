// Reservations: nodes that will have room first for a job that has waited long.
#include <algorithm>
#include <functional>

#include "placement/scheduler.h"

namespace flexai::placement {

struct Scheduler::End {
  Nanos at;
  JobId id = 0;
  const Job* job = nullptr;
  auto operator<=>(const End&) const = default;
};

// When what runs is expected to end: by its own word, or as long again as it has run. A heap with the next on
// top, since few are asked for.
std::vector<Scheduler::End> Scheduler::ExpectedEnds(Nanos now) const {
  std::vector<End> ends;
  for (const auto& [priority, running] : running_) {
    for (const auto& [id, job] : running) {
      const Nanos run = now - job->started;
      const Nanos whole = job->spec.expected_run.value > 0 ? job->spec.expected_run : run + run;
      ends.push_back({std::max(job->started + whole, now), id, job});
    }
  }
  std::make_heap(ends.begin(), ends.end(), std::greater<>());
  return ends;
}

void Scheduler::Reserve(const Job& job, const Gang& gang, Nanos now) {
  const bool has_one =
      std::any_of(reservations_.begin(), reservations_.end(),
                  [&job](const Reservation& reservation) { return reservation.job == job.spec.id; });
  // Those that end within a cycle are granted anew in the next: looking at all that runs takes its time.
  if (has_one || reservations_.size() >= options_.most_reservations ||
      granted_ >= options_.most_reservations) {
    return;
  }
  std::vector<End> later = ExpectedEnds(now);
  const size_t all = later.size();
  std::vector<End> ends;  // in their order
  Transaction transaction(cluster_, &constraints_);
  const auto nodes_after = [&](size_t count) -> std::optional<NodeSet> {
    while (ends.size() < count) {
      std::pop_heap(later.begin(), later.end(), std::greater<>());
      ends.push_back(later.back());
      later.pop_back();
    }
    for (size_t i = 0; i < count; ++i) {
      for (const Evictable::Part& part : ends[i].job->parts) {
        transaction.Give(part.shape, ends[i].job->spec.rules, part.where);
      }
    }
    const GangResult placed =
        PlaceGang(&transaction, cluster_, &constraints_, policy_, gang, options_.most_attempts);
    std::optional<NodeSet> nodes;
    if (placed.outcome == GangResult::kPlaced) {
      nodes.emplace(cluster_.nodes().size());
      for (const Member& member : placed.members) {
        nodes->Add(member.where.cpu_node);
        nodes->Add(member.where.device_node);
      }
    }
    transaction.Rollback(0);
    return nodes;
  };
  // The fewest ends that suffice, which are few most often: tried with twice as many each time. More never
  // make less room.
  size_t few = 0;
  size_t enough = 0;
  while (!nodes_after(enough).has_value()) {
    if (enough == all) {
      return;
    }
    few = enough + 1;
    enough = std::min(std::max<size_t>(2 * enough, 1), all);
  }
  while (few < enough) {
    const size_t middle = (few + enough) / 2;
    if (nodes_after(middle).has_value()) {
      enough = middle;
    } else {
      few = middle + 1;
    }
  }
  std::optional<NodeSet> nodes = nodes_after(enough);
  if (!nodes.has_value()) {
    return;
  }
  for (const Reservation& other : reservations_) {
    if (other.priority >= job.spec.priority) {
      *nodes -= other.nodes;  // first come, first served
    }
  }
  ++granted_;
  reservations_.push_back(
      {job.spec.id, job.spec.priority, std::move(*nodes), enough == 0 ? now : ends[enough - 1].at});
}

void Scheduler::DropReservations() {
  const size_t dropped = std::erase_if(reservations_, [this](const Reservation& reservation) {
    const Job* job = Find(reservation.job);
    return job == nullptr || job->state != kPending;
  });
  if (dropped > 0) {
    ++freed_;
  }
}

// What was to come of the node is not so any more; their holders get others.
void Scheduler::DropReservationsOn(NodeId node) {
  freed_ += std::erase_if(reservations_,
                          [node](const Reservation& reservation) { return reservation.nodes.Has(node); });
}

// Those that bind the job: of its priority or above, unless it will have ended in time. Jobs of one kind are
// tried by age, hence what is reserved for one of them is for the first.
std::vector<const Scheduler::Reservation*> Scheduler::Binding(const Job& job, Nanos now) const {
  std::vector<const Reservation*> binding;
  if (reservations_.empty()) {
    return binding;
  }
  const BucketKey kind = KeyOf(job.spec);
  for (const Reservation& reservation : reservations_) {
    if (reservation.job == job.spec.id || reservation.priority < job.spec.priority) {
      continue;
    }
    const Job* holder = Find(reservation.job);
    // Its kind's run time, which is a little more than its own: the first must speak for all.
    const bool ends_in_time = kind.expected_run > 0 && kind.expected_run <= (reservation.until - now).value;
    if (!ends_in_time && holder != nullptr && holder->state == kPending && KeyOf(holder->spec) != kind) {
      binding.push_back(&reservation);
    }
  }
  return binding;
}

bool Scheduler::Leaves(const Job& job, Nanos now, NodeSet* left) const {
  const std::vector<const Reservation*> binding = Binding(job, now);
  if (binding.empty()) {
    return false;
  }
  *left = NodeSet(cluster_.nodes().size(), true);
  for (const Reservation* reservation : binding) {
    *left -= reservation->nodes;
  }
  return true;
}

}  // namespace flexai::placement
