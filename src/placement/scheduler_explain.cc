// Why a job waits, in sentences for a person.
#include <fmt/format.h>

#include <algorithm>

#include "placement/room.h"
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
  text += fmt::format(", {:.4g} cores and {} MiB", static_cast<double>(shape.cpu_milli) / 1'000,
                      shape.memory_mib);
  return role.min > 1 ? fmt::format("{} members with {} each", role.min, text) : text;
}

// "3 are too small, 2 have ..." of what was counted.
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

// How far each node gets with a member of that shape. Those that would do if they were empty go into
// `would_do`.
std::string Scheduler::ExplainNodes(const Gang& gang, const TaskShape& asked, NodeSet* would_do) const {
  size_t model = 0, rules = 0, size = 0, reserved = 0, service = 0, devices = 0, device_memory = 0, cpu = 0,
         memory = 0;
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
  counts.Add(model, "have no such devices");
  counts.Add(rules, "are ruled out by selectors, taints or spread");
  counts.Add(size, "are too small");
  counts.Add(reserved, "are reserved for jobs that have waited longer");
  counts.Add(service, "have too few devices in service");
  counts.Add(devices, "have their devices taken");
  counts.Add(device_memory, "have too little memory left on their devices");
  counts.Add(cpu, "have too little CPU left");
  counts.Add(memory, "have too little memory left");
  std::string text = fmt::format("of {} nodes {}", cluster_.nodes().size(),
                                 counts.empty() ? "all have room" : counts.Text());
  if (asked.device_memory_mib > 0) {
    text += fmt::format("; {} device{} the memory left, {} of them also the share", with_memory,
                        with_memory == 1 ? " has" : "s have", with_both);
  }
  return text;
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
  for (const Member& member : job.members) {
    nodes.push_back(cluster_.nodes()[member.where.cpu_node].name);
  }
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  return fmt::format("job '{}' runs with {} member{} on {}{}", job.spec.name, job.members.size(),
                     job.members.size() == 1 ? "" : "s", nodes.front(),
                     nodes.size() == 1 ? "" : fmt::format(" and {} more nodes", nodes.size() - 1));
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
  NodeSet allowed;
  QueueId blocking = 0;
  const std::optional<Gang> gang = GangOf(*job, now, &allowed, &blocking);
  if (!gang.has_value()) {
    return fmt::format("{} waits since queue '{}' is at its limit", name, queues_.spec(blocking).name);
  }
  NodeSet open = constraints_.Allowed(gang->rules);
  if (gang->allowed != nullptr) {
    open &= *gang->allowed;
  }
  for (const Role& role : gang->roles) {
    const int64_t room = RoomFor(cluster_, {role.shape, &open}, role.min);
    if (room >= role.min && gang->domains.empty() && !constraints_.Moves(gang->rules)) {
      continue;
    }
    NodeSet would_do(cluster_.nodes().size());
    std::string text = fmt::format("{} in queue '{}' needs {}: {}", name, queues_.spec(job->spec.queue).name,
                                   Asks(role), ExplainNodes(*gang, role.shape, &would_do));
    if (room > 0) {
      text += fmt::format("; there is room for {} member{}", room, room == 1 ? "" : "s");
    }
    text += ExplainHolders(*job, would_do);
    for (const Reservation& reservation : reservations_) {
      if (reservation.job == id && reservation.nodes.Count() > 0) {
        text += fmt::format(". {} node{} reserved for it", reservation.nodes.Count(),
                            reservation.nodes.Count() == 1 ? " is" : "s are");
      }
    }
    return text;
  }
  return fmt::format("{} fits and starts with the next cycle, or its members don't fit together", name);
}

}  // namespace flexai::placement
