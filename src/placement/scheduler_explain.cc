// Why a job waits, in sentences for a person.
#include <fmt/format.h>

#include <algorithm>

#include "placement/remote.h"
#include "placement/remote_room.h"
#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

std::string Asks(const Role& role) {
  const TaskShape& shape = role.shape;
  std::string text = "no device";
  if (shape.devices > 0) {
    text = fmt::format(
        "{}{} device{}",
        shape.share_milli == kWholeDevice ? "" : fmt::format("{:.4g} % of ", shape.share_milli / 10.0),
        shape.devices, shape.devices == 1 ? "" : "s");
    if (shape.device_memory_mib > 0) {
      text += fmt::format(" with {} MiB{}", shape.device_memory_mib, shape.devices == 1 ? "" : " each");
    }
  }
  text += fmt::format(", {:.4g} core{} and {} MiB", static_cast<double>(shape.cpu_milli) / 1'000,
                      shape.cpu_milli == 1'000 ? "" : "s", shape.memory_mib);
  if (shape.remote != Remote::kNever) {
    text += shape.remote == Remote::kOnly ? ", remotely" : ", remotely if need be";
    text += shape.link_mbit > 0 ? fmt::format(" at {} Mbit/s", shape.link_mbit) : "";
  }
  return role.min > 1 ? fmt::format("{} members with {} each", role.min, text) : text;
}

// "3 too small, 2 with ..." of what was counted.
class Counts {
 public:
  void Add(size_t count, std::string_view what) {
    if (count > 0) {
      parts_.push_back(fmt::format("{} {}", count, what));
    }
  }
  bool empty() const { return parts_.empty(); }
  std::string Text() const { return fmt::format("{}", fmt::join(parts_, ", ")); }

 private:
  std::vector<std::string> parts_;
};

}  // namespace

// How far each node gets with a member of that shape, whose devices are lent to another node or not. Those
// that would do if they were empty go into `would_do`.
std::string Scheduler::ExplainNodes(const Gang& gang, const TaskShape& asked, bool lent,
                                    NodeSet* would_do) const {
  size_t model = 0, keep = 0, out = 0, rules = 0, size = 0, reserved = 0, service = 0, devices = 0,
         device_memory = 0, cpu = 0, memory = 0;
  size_t with_memory = 0, with_both = 0;  // devices
  for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
    const NodeSpec& spec = cluster_.nodes()[node];
    const TaskShape shape = cluster_.Taken(asked, spec.model);
    TaskShape share_only = shape;
    share_only.device_memory_mib = 0;
    const NodeState empty = EmptyNode(spec).State(spec.model, spec.devices);
    const NodeState& state = cluster_.state_of_node(node);
    if (shape.devices > 0 && (spec.devices == 0 || (shape.models & OneModel(spec.model)) == 0)) {
      ++model;
    } else if (lent && !spec.lends) {
      ++keep;
    } else if (!constraints_.node(node).in_service) {
      ++out;
    } else if (!constraints_.Matching(gang.rules).Has(node)) {
      ++rules;
    } else if (!empty.Fits(shape) || spec.memory_mib < shape.memory_mib) {
      ++size;
    } else if (!constraints_.Allowed(gang.rules).Has(node)) {
      ++rules;
    } else {
      would_do->Add(node);
      with_both += static_cast<size_t>(std::popcount(state.FittingDevices(shape)));
      for (size_t i = 0; i < static_cast<size_t>(state.devices); ++i) {
        with_memory += state.memory[i] >= shape.device_memory_mib ? 1 : 0;
      }
      if (gang.allowed != nullptr && !gang.allowed->Has(node)) {
        ++reserved;
      } else if (state.devices < shape.devices) {
        ++service;
      } else if (!state.HasDevices(share_only)) {
        ++devices;
      } else if (!state.HasDevices(shape)) {
        ++device_memory;
      } else if (state.cpu_free < shape.cpu_milli) {
        ++cpu;
      } else if (cluster_.memory_free(node) < shape.memory_mib) {
        ++memory;
      }
    }
  }
  Counts counts;
  counts.Add(model, "without such devices");
  counts.Add(keep, "that lend none");
  counts.Add(out, "out of service");
  counts.Add(rules, "ruled out by selectors, taints or spread");
  counts.Add(size, "too small");
  counts.Add(reserved, "reserved for jobs that have waited longer");
  counts.Add(service, "with too few devices in service");
  counts.Add(devices, "with devices taken");
  counts.Add(device_memory, "with too little memory left on devices");
  counts.Add(cpu, "with too little CPU left");
  counts.Add(memory, "with too little memory left");
  std::string text = fmt::format("of {} nodes, {}", cluster_.nodes().size(),
                                 counts.empty() ? "all with room" : counts.Text());
  if (asked.device_memory_mib > 0) {
    text += fmt::format("; {} device{} the memory left, {} of them also the share", with_memory,
                        with_memory == 1 ? " has" : "s have", with_both);
  }
  return text;
}

// Which half of a remote member has no room, or that they can't be joined.
std::string Scheduler::ExplainRemote(const Gang& gang, const Role& role, const NodeSet& open,
                                     NodeSet* would_do) const {
  const HalvesRoom room = RoomForHalves(cluster_, {role.shape, &open});
  if (room.devices < role.min) {
    return "remotely its devices have no room: " + ExplainNodes(gang, DeviceHalf(role.shape), true, would_do);
  }
  if (room.cpu < role.min) {
    return "remotely its CPU and memory have no room: " +
           ExplainNodes(gang, CpuHalf(role.shape), false, would_do);
  }
  if (cluster_.links().described()) {
    return fmt::format(
        "remotely devices and CPU have room, but not on two nodes with {} Mbit/s left between them",
        role.shape.link_mbit);
  }
  return "remotely devices and CPU have room, but not on two nodes";
}

std::string Scheduler::ExplainHolders(const Job& job, const NodeSet& nodes) const {
  size_t higher = 0, equal = 0, lower = 0;
  for (const auto& [id, other] : jobs_) {
    const bool there =
        std::any_of(other.members.begin(), other.members.end(), [&nodes](const Member& member) {
          return nodes.Has(member.where.cpu_node) || nodes.Has(member.where.device_node);
        });
    if (there) {
      ++(other.spec.priority > job.spec.priority   ? higher
         : other.spec.priority < job.spec.priority ? lower
                                                   : equal);
    }
  }
  Counts holders;
  holders.Add(higher, "of higher priority");
  holders.Add(equal, "of equal priority");
  holders.Add(lower, "of lower priority");
  return holders.empty() ? "" : ". Where it would fit run jobs: " + holders.Text();
}

std::string Scheduler::ExplainPlace(const Job& job) const {
  std::vector<std::string> nodes;
  std::string remote;
  size_t remote_members = 0;
  for (const Member& member : job.members) {
    const std::string& name = cluster_.nodes()[member.where.cpu_node].name;
    nodes.push_back(name);
    if (member.where.remote() && remote_members++ == 0) {
      remote = fmt::format("CPU on {}, devices on {}", name, cluster_.nodes()[member.where.device_node].name);
    }
  }
  if (remote_members > 0 && job.members.size() == 1) {
    return fmt::format("job '{}' runs with 1 member: {}", job.spec.name, remote);
  }
  if (remote_members > 0) {
    remote = fmt::format(", {} of them remotely, the first with {}", remote_members, remote);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return fmt::format("job '{}' runs with {} member{} on {}{}{}", job.spec.name, job.members.size(),
                     job.members.size() == 1 ? "" : "s", nodes.front(),
                     nodes.size() == 1 ? "" : fmt::format(" and {} more nodes", nodes.size() - 1), remote);
}

// Not by the policy, which remembers what it is asked.
bool Scheduler::FitsOne(const TaskShape& shape, const NodeSet& open) const {
  Gang one;
  one.roles = {{shape, 1, 1}};
  one.allowed = &open;
  Transaction trial(cluster_, nullptr);
  return PlaceGangAnywhere(&trial, cluster_, nullptr, one, 1).outcome == GangResult::kPlaced;
}

// What a job waits for that would fit without all jobs of lower priority, or without reservations.
struct Scheduler::Obstacle {
  bool none = false;                             // it fits as it is
  const Job* lower = nullptr;                    // the last that is in its least run time still
  std::vector<const Reservation*> reservations;  // of other jobs
};

// Whether the job would find a place if these were gone, and all members of lower priority that may be taken
// at any time; on nodes that these reservations leave. In a trial that leaves no trace, in the order of nodes
// and by no policy, since those remember what they are asked.
bool Scheduler::FitsWithout(const Job& job, std::span<const Job* const> gone,
                            std::span<const Reservation* const> binding) const {
  Transaction transaction(cluster_, &constraints_);
  QueueTrial books(queues_);
  const auto take_out = [&](const Job& other, std::span<const Member> members) {
    for (const Member& member : members) {
      transaction.Give(other.spec.roles[member.role].shape, other.spec.rules, member.where);
      books.Refund(other.spec.queue, UsedBy(other.spec, {member}, cluster_));
    }
  };
  for (const Job* other : gone) {
    take_out(*other, other->members);
  }
  for (const JobId id : generous_) {
    const Job& other = *Find(id);
    if (other.spec.priority < job.spec.priority && other.spec.preemptible && options_.preempt &&
        std::find(gone.begin(), gone.end(), &other) == gone.end()) {
      for (const size_t member : BeyondLeast(other)) {
        take_out(other, std::span(other.members).subspan(member, 1));
      }
    }
  }
  if (AtLimit(job).has_value()) {
    return false;
  }
  Space space;
  Gang gang;
  gang.rules = job.spec.rules;
  gang.roles = job.spec.roles;
  for (Role& role : gang.roles) {
    role.max = role.min;
  }
  space.headroom = HeadroomFor(job);
  gang.headroom = space.headroom.has_value() ? &*space.headroom : nullptr;
  space.allowed = NodeSet(cluster_.nodes().size(), true);
  for (const Reservation* reservation : binding) {
    space.allowed -= reservation->nodes;
  }
  gang.allowed = &space.allowed;
  if (!job.spec.together.empty()) {
    gang.domains = DomainsOf(job.spec.together);
  }
  return PlaceGangAnywhere(&transaction, cluster_, &constraints_, gang, options_.most_attempts).outcome ==
         GangResult::kPlaced;
}

Scheduler::Obstacle Scheduler::FindObstacle(const Job& job, Nanos now) const {
  // Those of lower priority, by when they may be ended.
  std::vector<const Job*> lower;
  for (const auto& [priority, running] : running_) {
    for (const auto& [id, other] : running) {
      if (priority < job.spec.priority && other->spec.preemptible && options_.preempt) {
        lower.push_back(other);
      }
    }
  }
  std::stable_sort(lower.begin(), lower.end(),
                   [](const Job* a, const Job* b) { return MayEndFrom(*a) < MayEndFrom(*b); });
  const auto now_on = static_cast<size_t>(std::count_if(
      lower.begin(), lower.end(), [now](const Job* other) { return MayEndFrom(*other) <= now; }));
  const std::vector<const Reservation*> binding = Binding(job, now);
  const auto fits = [&](size_t gone, std::span<const Reservation* const> left) {
    return FitsWithout(job, std::span(lower).first(gone), left);
  };
  // The last of the fewest that must be gone.
  const auto last_needed = [&](std::span<const Reservation* const> left) {
    size_t few = now_on;
    size_t enough = lower.size();
    while (few + 1 < enough) {
      const size_t middle = (few + enough) / 2;
      (fits(middle, left) ? enough : few) = middle;
    }
    return lower[enough - 1];
  };
  Obstacle obstacle;
  if (fits(now_on, binding)) {
    obstacle.none = true;
  } else if (now_on < lower.size() && fits(lower.size(), binding)) {
    obstacle.lower = last_needed(binding);
  } else if (!binding.empty() && fits(now_on, {})) {
    for (size_t i = 0; i < binding.size() && obstacle.reservations.empty(); ++i) {
      std::vector<const Reservation*> others = binding;
      others.erase(others.begin() + static_cast<ptrdiff_t>(i));
      if (fits(now_on, others)) {
        obstacle.reservations = {binding[i]};
      }
    }
    if (obstacle.reservations.empty()) {
      obstacle.reservations = binding;  // more than one of them
    }
  } else if (!binding.empty() && now_on < lower.size() && fits(lower.size(), {})) {
    obstacle.lower = last_needed({});
    obstacle.reservations = binding;
  }
  return obstacle;
}

std::string Scheduler::ExplainObstacle(const Obstacle& obstacle, Nanos now) const {
  const auto seconds = [now](Nanos until) { return ((until - now).value + 999'999'999) / 1'000'000'000; };
  std::string text;
  if (obstacle.lower != nullptr) {
    text += fmt::format(". Job '{}' of lower priority may not be ended before {} s from now",
                        obstacle.lower->spec.name, seconds(MayEndFrom(*obstacle.lower)));
  }
  for (const Reservation* reservation : obstacle.reservations) {
    const size_t count = reservation->nodes.Count();
    std::string first;
    reservation->nodes.ForEach(
        [&](NodeId node) { first = first.empty() ? cluster_.nodes()[node].name : first; });
    text +=
        fmt::format(". Node{} {}{} {} reserved for job '{}' until {}", count == 1 ? "" : "s", first,
                    count == 1 ? "" : fmt::format(" and {} more", count - 1), count == 1 ? "is" : "are",
                    Find(reservation->job)->spec.name,
                    reservation->until > now ? fmt::format("about {} s from now", seconds(reservation->until))
                                             : "it starts, which is due");
  }
  return text;
}

Result<std::string> Scheduler::Explain(JobId id, Nanos now) const {
  const Job* job = Find(id);
  if (job == nullptr) {
    return NotFound(fmt::format("there is no job {}", id));
  }
  if (job->state != kPending) {
    return ExplainPlace(*job);
  }
  const std::string name = fmt::format("job '{}'", job->spec.name);
  if (job->spec.window.has_value() && !job->spec.window->Open(now)) {
    return fmt::format("{} waits for its time: it may start in {}", name, job->spec.window->Text());
  }
  const Obstacle obstacle = FindObstacle(*job, now);
  const std::string waits_for = ExplainObstacle(obstacle, now);
  if (const std::optional<QueueId> blocking = AtLimit(*job); blocking.has_value()) {
    return fmt::format("{} waits since queue '{}' is at its limit{}", name, queues_.spec(*blocking).name,
                       waits_for);
  }
  Space space;
  const Gang gang = GangOf(*job, now, &space);
  NodeSet open = constraints_.Allowed(gang.rules);
  if (gang.allowed != nullptr) {
    open &= *gang.allowed;
  }
  for (const Role& role : gang.roles) {
    const Request one{role.shape, &open};
    const int64_t room = RoomAtMost(cluster_, one, role.min);
    const bool remote = role.shape.remote != Remote::kNever && role.shape.devices > 0;
    const bool one_fits = !remote || FitsOne(role.shape, open);
    if (room >= role.min && one_fits && gang.domains.empty() && !constraints_.Moves(gang.rules)) {
      continue;
    }
    NodeSet would_do(cluster_.nodes().size());
    std::string text =
        fmt::format("{} in queue '{}' needs {}: ", name, queues_.spec(job->spec.queue).name, Asks(role));
    if (role.shape.remote != Remote::kOnly) {
      text += ExplainNodes(gang, role.shape, false, &would_do) + (remote ? "; " : "");
    }
    if (remote) {
      text += ExplainRemote(gang, role, open, &would_do);
    }
    if (room > 0 && one_fits) {
      text += fmt::format("; there is room for {}{} member{}", remote ? "at most " : "", room,
                          room == 1 ? "" : "s");
    }
    text += ExplainHolders(*job, would_do);
    for (const Reservation& reservation : reservations_) {
      if (reservation.job == id && reservation.nodes.Count() > 0) {
        text += fmt::format(". {} node{} reserved for it", reservation.nodes.Count(),
                            reservation.nodes.Count() == 1 ? " is" : "s are");
      }
    }
    return text + waits_for;
  }
  return fmt::format("{} {}{}", name,
                     obstacle.none ? "fits and starts with the next cycle"
                                   : "has room for each role by itself, but no place for all its members "
                                     "together was found",
                     waits_for);
}

}  // namespace flexai::placement
