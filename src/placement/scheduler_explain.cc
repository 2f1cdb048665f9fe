// Why a job waits, in sentences for a person.
#include <fmt/format.h>

#include <algorithm>

#include "placement/room.h"
#include "placement/scheduler.h"

namespace flexai::placement {
namespace {

std::string Shares(const TaskShape& shape) {
  if (shape.devices == 0) {
    return "no device";
  }
  if (shape.share_milli == kWholeDevice) {
    return fmt::format("{} device{}", shape.devices, shape.devices == 1 ? "" : "s");
  }
  return fmt::format("{:.4g} % of {} device{}", shape.share_milli / 10.0, shape.devices,
                     shape.devices == 1 ? "" : "s");
}

std::string Asks(const Role& role) {
  std::string text = fmt::format("{}, {:.4g} cores and {} MiB", Shares(role.shape),
                                 static_cast<double>(role.shape.cpu_milli) / 1'000, role.shape.memory_mib);
  return role.min > 1 ? fmt::format("{} members with {} each", role.min, text) : text;
}

}  // namespace

Result<std::string> Scheduler::Explain(JobId id, Nanos now) const {
  const Job* job = Find(id);
  if (job == nullptr) {
    return NotFound(fmt::format("there is no job {}", id));
  }
  const std::string name = fmt::format("job '{}'", job->spec.name);
  if (job->state != kPending) {
    std::vector<std::string> nodes;
    for (const Member& member : job->members) {
      nodes.push_back(cluster_.nodes()[member.where.cpu_node].name);
    }
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return fmt::format("{} runs with {} member{} on {}{}", name, job->members.size(),
                       job->members.size() == 1 ? "" : "s", nodes.front(),
                       nodes.size() == 1 ? "" : fmt::format(" and {} more nodes", nodes.size() - 1));
  }
  if (job->spec.window.has_value() && !job->spec.window->Open(now)) {
    return fmt::format("{} waits for its time: it may start in {}", name, job->spec.window->Text());
  }
  NodeSet allowed;
  QueueId blocking = 0;
  const std::optional<Gang> gang = GangOf(*job, now, &allowed, &blocking);
  if (!gang.has_value()) {
    return fmt::format("{} waits since queue '{}' is at its limit", name, queues_.spec(blocking).name);
  }
  for (const Role& role : gang->roles) {
    const TaskShape& shape = role.shape;
    const NodeSet& matching = constraints_.Matching(job->spec.rules);
    const NodeSet& ruled = constraints_.Allowed(job->spec.rules);
    // How far each node gets, and who holds what is missing on those that would do if they were empty.
    size_t rules = 0, reserved = 0, model = 0, size = 0, devices = 0, cpu = 0, memory = 0;
    NodeSet would_do(cluster_.nodes().size());
    for (NodeId node = 0; node < cluster_.nodes().size(); ++node) {
      const NodeSpec& spec = cluster_.nodes()[node];
      NodeState empty{spec.cpu_milli, spec.model, spec.devices, {}};
      std::fill_n(empty.free.begin(), spec.devices, static_cast<int16_t>(kWholeDevice));
      const NodeState& state = cluster_.state_of_node(node);
      if (shape.devices > 0 && (spec.devices == 0 || (shape.models & OneModel(spec.model)) == 0)) {
        ++model;
      } else if (!matching.Has(node)) {
        ++rules;
      } else if (!empty.Fits(shape) || spec.memory_mib < shape.memory_mib) {
        ++size;
      } else if (!ruled.Has(node)) {
        ++rules;
      } else {
        would_do.Add(node);
        if (gang->allowed != nullptr && !gang->allowed->Has(node)) {
          ++reserved;
        } else if (shape.devices > 0 && state.CountWith(shape.share_milli) < shape.devices) {
          ++devices;
        } else if (state.cpu_free < shape.cpu_milli) {
          ++cpu;
        } else if (cluster_.memory_free(node) < shape.memory_mib) {
          ++memory;
        }
      }
    }
    NodeSet open = ruled;
    if (gang->allowed != nullptr) {
      open &= *gang->allowed;
    }
    const int64_t room = RoomFor(cluster_, {shape, &open}, role.min);
    if (room >= role.min && gang->domains.empty() && !constraints_.Moves(job->spec.rules)) {
      continue;
    }
    std::string text = fmt::format("{} in queue '{}' needs {}: of {} nodes ", name,
                                   queues_.spec(job->spec.queue).name, Asks(role), cluster_.nodes().size());
    std::vector<std::string> counts;
    const auto add = [&counts](size_t count, std::string_view what) {
      if (count > 0) {
        counts.push_back(fmt::format("{} {}", count, what));
      }
    };
    add(model, "have no such devices");
    add(rules, "are ruled out by selectors, taints or spread");
    add(size, "are too small");
    add(reserved, "are reserved for jobs that have waited longer");
    add(devices, "have their devices taken");
    add(cpu, "have too little CPU left");
    add(memory, "have too little memory left");
    text += counts.empty() ? "all have room" : fmt::format("{}", fmt::join(counts, ", "));
    if (room > 0) {
      text += fmt::format("; there is room for {} member{}", room, room == 1 ? "" : "s");
    }
    size_t higher = 0, equal = 0, lower = 0;
    for (const auto& [other_id, other] : jobs_) {
      const bool there = std::any_of(other.members.begin(), other.members.end(), [&](const Member& member) {
        return would_do.Has(member.where.cpu_node) || would_do.Has(member.where.device_node);
      });
      if (there) {
        ++(other.spec.priority > job->spec.priority   ? higher
           : other.spec.priority < job->spec.priority ? lower
                                                      : equal);
      }
    }
    std::vector<std::string> holders;
    const auto held = [&holders](size_t count, std::string_view priority) {
      if (count > 0) {
        holders.push_back(fmt::format("{} of {} priority", count, priority));
      }
    };
    held(higher, "higher");
    held(equal, "equal");
    held(lower, "lower");
    if (!holders.empty()) {
      text += fmt::format(". Where it would fit run jobs: {}", fmt::join(holders, ", "));
    }
    for (const Reservation& reservation : reservations_) {
      if (reservation.job == id) {
        text += fmt::format(". {} node{} reserved for it", reservation.nodes.Count(),
                            reservation.nodes.Count() == 1 ? " is" : "s are");
      }
    }
    return text;
  }
  return fmt::format("{} fits and starts with the next cycle, or its members don't fit together", name);
}

}  // namespace flexai::placement
