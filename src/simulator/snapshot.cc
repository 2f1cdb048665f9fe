#include "simulator/snapshot.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "os/files.h"
#include "simulator/csv.h"
#include "simulator/workload.h"

namespace flexai::simulator {
namespace {

using placement::Member;
using placement::NodeId;

constexpr size_t kMostFileBytes = size_t{1} << 30;
constexpr std::string_view kNodes = "nodes.csv", kTasks = "tasks.csv", kQueues = "queues.csv",
                           kTime = "snapshot.csv";
constexpr std::string_view kPlaceColumns[] = {"node", "device_node", "devices", "started_s"};
constexpr std::string_view kTimeColumns[] = {"now_s"};

std::string InFolder(const std::string& folder, std::string_view file) {
  return fmt::format("{}/{}", folder, file);
}

using NodeNumbers = std::unordered_map<std::string_view, NodeId>;

Result<NodeId> NodeOf(const CsvRow& row, std::optional<size_t> column, const NodeNumbers& nodes) {
  const auto node = nodes.find(row.Text(column));
  if (node == nodes.end()) {
    return row.Expected(column, "the name of a node");
  }
  return node->second;
}

// "0|3", ascending.
std::optional<std::vector<int32_t>> ParseDevices(std::string_view text) {
  std::vector<int32_t> devices;
  if (text.empty()) {
    return devices;
  }
  for (const std::string_view part : Split(text, '|')) {
    int32_t number = -1;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc() || end != part.data() + part.size() || number < 0 ||
        (!devices.empty() && number <= devices.back())) {
      return std::nullopt;
    }
    devices.push_back(number);
  }
  return devices;
}

// The columns that say where tasks run.
class PlaceReader {
 public:
  PlaceReader(const CsvTable& table, const Snapshot& snapshot)
      : node_(table.OptionalColumn("node")),
        device_node_(table.OptionalColumn("device_node")),
        devices_(table.OptionalColumn("devices")),
        started_(table.OptionalColumn("started_s")),
        snapshot_(snapshot) {
    for (NodeId node = 0; node < snapshot.nodes.specs.size(); ++node) {
      numbers_.emplace(snapshot.nodes.specs[node].name, node);
    }
  }

  Result<std::optional<Place>> Read(const CsvRow& row, const TimedTask& task) const {
    if (task.arrival > snapshot_.now) {
      return InvalidArgument(fmt::format("{}: the task arrives after {} s, the time of the snapshot",
                                         row.place(), SecondsText(snapshot_.now)));
    }
    if (row.Text(node_).empty()) {
      for (const std::optional<size_t> column : {device_node_, devices_, started_}) {
        if (!row.Text(column).empty()) {
          return row.Expected(column, "nothing, as the task has no node");
        }
      }
      return std::optional<Place>();
    }
    Place place;
    FLEXAI_ASSIGN_OR_RETURN(place.where.cpu_node, NodeOf(row, node_, numbers_));
    place.where.device_node = place.where.cpu_node;
    if (!row.Text(device_node_).empty()) {
      FLEXAI_ASSIGN_OR_RETURN(place.where.device_node, NodeOf(row, device_node_, numbers_));
    }
    if (place.where.device_node != place.where.cpu_node && task.shape.remote == Remote::kNever) {
      return row.Expected(device_node_, "the task's node, as remote is 'never'");
    }
    const int32_t most = snapshot_.nodes.specs[place.where.device_node].devices;
    std::optional<std::vector<int32_t>> devices = ParseDevices(row.Text(devices_));
    if (!devices.has_value() || devices->size() != static_cast<size_t>(task.shape.devices) ||
        (!devices->empty() && devices->back() >= most)) {
      return row.Expected(devices_, fmt::format("{} of the numbers below {}, ascending, with | between",
                                                task.shape.devices, most));
    }
    place.where.devices = std::move(*devices);
    FLEXAI_ASSIGN_OR_RETURN(place.started, row.Time(started_, kLongestWorkload));
    if (place.started < task.arrival || place.started > snapshot_.now) {
      return row.Expected(started_, fmt::format("{} to {}, from its arrival to the time of the snapshot",
                                                SecondsText(task.arrival), SecondsText(snapshot_.now)));
    }
    return std::optional(std::move(place));
  }

 private:
  const std::optional<size_t> node_, device_node_, devices_, started_;
  const Snapshot& snapshot_;
  NodeNumbers numbers_;
};

// What is there at a place, or would be too much of it, in one sentence.
std::string WhyNot(const placement::Cluster& cluster, const TimedTask& task,
                   const placement::Placement& where, const Status& refused) {
  const placement::NodeSpec& node = cluster.nodes()[where.cpu_node];
  const placement::NodeSpec& device_node = cluster.nodes()[where.device_node];
  for (const int32_t device : where.devices) {
    const int32_t free = cluster.device_free(where.device_node, device);
    if (free < task.shape.share_milli) {
      return fmt::format("device {} of node '{}' has {} of {} thousandths left, and the task takes {}",
                         device, device_node.name, free, placement::kWholeDevice, task.shape.share_milli);
    }
  }
  if (task.shape.devices > 0 && (task.shape.models & placement::OneModel(device_node.model)) == 0) {
    return fmt::format("node '{}' has devices of another model than gpu_spec asks for", device_node.name);
  }
  const int64_t cpu_free = cluster.state_of_node(where.cpu_node).cpu_free;
  if (cpu_free < task.shape.cpu_milli) {
    return fmt::format("node '{}' has {} thousandths of a core left, and the task takes {}", node.name,
                       cpu_free, task.shape.cpu_milli);
  }
  if (cluster.memory_free(where.cpu_node) < task.shape.memory_mib) {
    return fmt::format("node '{}' has {} MiB left, and the task takes {}", node.name,
                       cluster.memory_free(where.cpu_node), task.shape.memory_mib);
  }
  return std::string(refused.message());
}

// A gang runs with as many members as it may: with all of them, if they have different shapes.
Status CheckGangs(const CsvTable& table, const Snapshot& snapshot) {
  struct Gang {
    size_t first = 0;
    int members = 0;
    int running = 0;
    bool one_shape = true;
  };
  std::map<std::string_view, Gang> gangs;
  for (size_t i = 0; i < snapshot.tasks.size(); ++i) {
    const TimedTask& task = snapshot.tasks[i];
    if (!task.gang.empty()) {
      Gang& gang = gangs.try_emplace(task.gang, Gang{i}).first->second;
      ++gang.members;
      gang.running += snapshot.places[i].has_value() ? 1 : 0;
      gang.one_shape = gang.one_shape && task.shape == snapshot.tasks[gang.first].shape;
    }
  }
  for (const auto& [name, gang] : gangs) {
    const TimedTask& task = snapshot.tasks[gang.first];
    const int least = gang.one_shape ? task.gang_min : gang.members;
    const int most = gang.one_shape ? task.gang_max : gang.members;
    if (gang.running > 0 && (gang.running < least || gang.running > most)) {
      return InvalidArgument(fmt::format("{}: gang '{}' runs with {} members, expected 0 or {} to {}",
                                         table.row(gang.first).place(), name, gang.running, least, most));
    }
  }
  return {};
}

Status ParseSnapshotTasks(std::string_view text, const std::string& name, Snapshot* snapshot) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  FLEXAI_RETURN_IF_ERROR(AddModelsOfTasks(table, &snapshot->nodes.models));
  FLEXAI_ASSIGN_OR_RETURN(snapshot->tasks, TasksOf(table, snapshot->nodes.models, snapshot->queues,
                                                   TaskUse::kSnapshot, kPlaceColumns));
  const PlaceReader reader(table, *snapshot);
  placement::Cluster cluster(snapshot->nodes.specs);
  for (size_t i = 0; i < snapshot->tasks.size(); ++i) {
    const TimedTask& task = snapshot->tasks[i];
    FLEXAI_ASSIGN_OR_RETURN(std::optional<Place> place, reader.Read(table.row(i), task));
    if (const Status taken = place.has_value() ? cluster.Take(task.shape, place->where) : Status();
        !taken.ok()) {
      return InvalidArgument(fmt::format("{}: task '{}' can't run there: {}", table.row(i).place(), task.name,
                                         WhyNot(cluster, task, place->where, taken)));
    }
    snapshot->places.push_back(std::move(place));
  }
  FLEXAI_RETURN_IF_ERROR(CheckGangs(table, *snapshot));
  // By arrival, with their places.
  std::vector<size_t> order(snapshot->tasks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [snapshot](size_t a, size_t b) {
    return snapshot->tasks[a].arrival < snapshot->tasks[b].arrival;
  });
  std::vector<TimedTask> tasks;
  std::vector<std::optional<Place>> places;
  for (const size_t i : order) {
    tasks.push_back(std::move(snapshot->tasks[i]));
    places.push_back(std::move(snapshot->places[i]));
  }
  snapshot->tasks = std::move(tasks);
  snapshot->places = std::move(places);
  return {};
}

Result<Nanos> ParseTime(std::string_view text, const std::string& name) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  FLEXAI_RETURN_IF_ERROR(table.AllowOnly(kTimeColumns));
  FLEXAI_ASSIGN_OR_RETURN(const size_t now, table.Column("now_s"));
  if (table.size() != 1) {
    return InvalidArgument(fmt::format("{}: {} lines after the heading, expected one", name, table.size()));
  }
  return table.row(0).Time(now, kLongestWorkload);
}

}  // namespace

Result<Snapshot> ParseSnapshot(const SnapshotTexts& texts, const std::string& folder) {
  Snapshot snapshot;
  FLEXAI_ASSIGN_OR_RETURN(snapshot.now, ParseTime(texts.time, InFolder(folder, kTime)));
  FLEXAI_RETURN_IF_ERROR(
      AddNodes(texts.nodes, InFolder(folder, kNodes), OtherColumns::kRefused, &snapshot.nodes));
  if (!texts.queues.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(snapshot.queues,
                            ParseQueues(texts.queues, InFolder(folder, kQueues), snapshot.nodes.models));
  }
  FLEXAI_RETURN_IF_ERROR(ParseSnapshotTasks(texts.tasks, InFolder(folder, kTasks), &snapshot));
  if (texts.queues.empty()) {
    snapshot.queues = QueuesNamedBy(snapshot.tasks);
  }
  return snapshot;
}

Result<Snapshot> ReadSnapshot(const std::string& folder) {
  SnapshotTexts texts;
  FLEXAI_ASSIGN_OR_RETURN(texts.time, os::ReadFile(InFolder(folder, kTime)));
  FLEXAI_ASSIGN_OR_RETURN(texts.nodes, os::ReadFile(InFolder(folder, kNodes), kMostFileBytes));
  FLEXAI_ASSIGN_OR_RETURN(texts.tasks, os::ReadFile(InFolder(folder, kTasks), kMostFileBytes));
  Result<std::string> queues = os::ReadFile(InFolder(folder, kQueues), kMostFileBytes);
  if (queues.ok()) {
    texts.queues = std::move(*queues);
  } else if (queues.status().code() != Code::kNotFound) {
    return queues.status();
  }
  return ParseSnapshot(texts, folder);
}

SnapshotTexts TextsOf(const Snapshot& snapshot) {
  MoreColumns more;
  more.heading = fmt::format(",{}", fmt::join(kPlaceColumns, ","));
  for (const std::optional<Place>& place : snapshot.places) {
    if (!place.has_value()) {
      more.fields.emplace_back(",,,,");
      continue;
    }
    const placement::Placement& where = place->where;
    const bool remote = where.device_node != where.cpu_node;
    more.fields.push_back(fmt::format(",{},{},{},{}", snapshot.nodes.specs[where.cpu_node].name,
                                      remote ? snapshot.nodes.specs[where.device_node].name : "",
                                      fmt::join(where.devices, "|"), SecondsText(place->started)));
  }
  return {NodesText(snapshot.nodes), TasksText(snapshot.tasks, snapshot.nodes.models, &more),
          QueuesText(snapshot.queues, snapshot.nodes.models),
          fmt::format("now_s\n{}\n", SecondsText(snapshot.now))};
}

Status WriteSnapshot(const Snapshot& snapshot, const std::string& folder) {
  if (snapshot.tasks.empty()) {
    return FailedPrecondition(fmt::format("no task waits or runs at {} s: there is nothing to write to {}",
                                          SecondsText(snapshot.now), folder));
  }
  const SnapshotTexts texts = TextsOf(snapshot);
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(folder));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(InFolder(folder, kNodes), texts.nodes));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(InFolder(folder, kTasks), texts.tasks));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(InFolder(folder, kQueues), texts.queues));
  return os::WriteFile(InFolder(folder, kTime), texts.time);
}

std::vector<Member> MembersOf(const Snapshot& snapshot, const Job& job) {
  std::vector<Member> members;
  for (const size_t task : job.tasks) {
    if (task < snapshot.places.size() && snapshot.places[task].has_value()) {
      members.push_back({RoleOf(job.spec, snapshot.tasks[task]), snapshot.places[task]->where});
    }
  }
  return members;
}

Status Restore(const Snapshot& snapshot, std::span<const Job> jobs, placement::Scheduler* scheduler) {
  std::vector<std::pair<Nanos, const Job*>> running;
  for (const Job& job : jobs) {
    std::optional<Nanos> started;  // of the first of its members
    for (const size_t task : job.tasks) {
      const std::optional<Place>& place = snapshot.places[task];
      if (place.has_value()) {
        started = std::min(started.value_or(place->started), place->started);
      }
    }
    if (started.has_value()) {
      running.emplace_back(kWorkloadStart + *started, &job);
    }
  }
  std::stable_sort(running.begin(), running.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [started, job] : running) {
    FLEXAI_RETURN_IF_ERROR(scheduler->Adopt(job->spec, MembersOf(snapshot, *job), started));
  }
  for (const Job& job : jobs) {
    if (!scheduler->state(job.spec.id).has_value()) {
      FLEXAI_RETURN_IF_ERROR(scheduler->Submit(job.spec, kWorkloadStart + snapshot.now));
    }
  }
  return {};
}

}  // namespace flexai::simulator
