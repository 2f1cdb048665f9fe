#include "simulator/workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "os/files.h"
#include "simulator/csv.h"
#include "simulator/openb.h"

namespace flexai::simulator {
namespace {

using placement::QueueLimits;
using placement::QueueSpec;

constexpr size_t kMostFileBytes = size_t{1} << 30;
constexpr double kMostWeight = 1e9;

constexpr std::string_view kTaskColumns[] = {
    "name",      "arrival_s", "duration_s", "cpu_milli", "memory_mib", "num_gpu",  "gpu_milli",
    "gpu_spec",  "queue",     "priority",   "gang",      "gang_min",   "gang_max", "preemptible",
    "min_run_s", "restart_s", "remote",     "link_mbit", "round_trips"};
constexpr std::string_view kQueueColumns[] = {"name",
                                              "parent",
                                              "weight",
                                              "borrow",
                                              "guaranteed_cpu_milli",
                                              "guaranteed_memory_mib",
                                              "guaranteed_gpu_milli",
                                              "guaranteed_models",
                                              "limit_cpu_milli",
                                              "limit_memory_mib",
                                              "limit_gpu_milli",
                                              "limit_models"};
constexpr std::array<std::string_view, 3> kRemoteWords = {"never", "allowed", "only"};
constexpr std::array<std::string_view, 2> kYesNoWords = {"no", "yes"};

// The number of the field's word; `otherwise` if it is empty.
Result<size_t> Word(const CsvRow& row, std::optional<size_t> column, std::string_view name,
                    std::span<const std::string_view> words, size_t otherwise) {
  const std::string_view text = row.Text(column);
  const auto found = std::find(words.begin(), words.end(), text);
  if (text.empty() || found != words.end()) {
    return text.empty() ? otherwise : static_cast<size_t>(found - words.begin());
  }
  return InvalidArgument(
      fmt::format("{}: {} is '{}', expected {}", row.place(), name, text, fmt::join(words, ", ")));
}

struct TaskColumns {
  std::optional<size_t> name, arrival, duration, cpu, memory, count, share, spec, queue, priority, gang,
      gang_min, gang_max, preemptible, min_run, restart, remote, link_mbit, round_trips;
};

Result<TaskColumns> FindTaskColumns(const CsvTable& table) {
  FLEXAI_RETURN_IF_ERROR(table.AllowOnly(kTaskColumns));
  for (const std::string_view name :
       {"name", "arrival_s", "duration_s", "cpu_milli", "num_gpu", "gpu_milli"}) {
    FLEXAI_RETURN_IF_ERROR(table.Column(name).status());
  }
  const auto at = [&table](std::string_view name) { return table.OptionalColumn(name); };
  return TaskColumns{at("name"),      at("arrival_s"), at("duration_s"), at("cpu_milli"),   at("memory_mib"),
                     at("num_gpu"),   at("gpu_milli"), at("gpu_spec"),   at("queue"),       at("priority"),
                     at("gang"),      at("gang_min"),  at("gang_max"),   at("preemptible"), at("min_run_s"),
                     at("restart_s"), at("remote"),    at("link_mbit"),  at("round_trips")};
}

Result<placement::TaskShape> ReadShape(const CsvRow& row, const TaskColumns& c,
                                       const std::vector<std::string>& models) {
  placement::TaskShape shape;
  FLEXAI_ASSIGN_OR_RETURN(shape.cpu_milli, row.Number(c.cpu, kMostCpuMilli));
  FLEXAI_ASSIGN_OR_RETURN(shape.memory_mib, row.Number(c.memory, kMostMemoryMib, 0));
  FLEXAI_ASSIGN_OR_RETURN(const int64_t count, row.Number(c.count, placement::kMostDevices));
  FLEXAI_ASSIGN_OR_RETURN(const int64_t share, row.Number(c.share, placement::kWholeDevice));
  FLEXAI_ASSIGN_OR_RETURN(const placement::ModelSet set, ParseModels(models, row.Text(c.spec), row.place()));
  if (count > 0 && share == 0) {
    return InvalidArgument(fmt::format("{}: gpu_milli is 0 though num_gpu is {}", row.place(), count));
  }
  if (count > 0) {
    shape.devices = static_cast<int32_t>(count);
    shape.share_milli = static_cast<int32_t>(share);
    shape.models = set;
  }
  if (shape.cpu_milli == 0 && shape.memory_mib == 0 && shape.devices == 0) {
    return InvalidArgument(fmt::format("{}: the task asks for nothing", row.place()));
  }
  return shape;
}

// All but what depends on other lines.
Result<TimedTask> ReadTask(const CsvRow& row, const TaskColumns& c, const std::vector<std::string>& models) {
  TimedTask task;
  FLEXAI_ASSIGN_OR_RETURN(task.arrival, row.Time(c.arrival, kLongestWorkload));
  FLEXAI_ASSIGN_OR_RETURN(task.duration, row.Time(c.duration, kLongestWorkload));
  if (task.duration == Nanos{}) {
    return InvalidArgument(fmt::format("{}: duration_s is 0, expected more", row.place()));
  }
  FLEXAI_ASSIGN_OR_RETURN(task.shape, ReadShape(row, c, models));
  if (!row.Text(c.queue).empty()) {
    task.queue = row.Text(c.queue);
  }
  FLEXAI_ASSIGN_OR_RETURN(const int64_t priority, row.Number(c.priority, kMostPriority, 0));
  task.priority = static_cast<int32_t>(priority);
  FLEXAI_ASSIGN_OR_RETURN(const size_t preemptible, Word(row, c.preemptible, "preemptible", kYesNoWords, 1));
  task.preemptible = preemptible != 0;
  FLEXAI_ASSIGN_OR_RETURN(task.min_run, row.Time(c.min_run, kLongestWorkload, Nanos{}));
  FLEXAI_ASSIGN_OR_RETURN(task.restart, row.Time(c.restart, kLongestWorkload, Nanos{}));
  FLEXAI_ASSIGN_OR_RETURN(const size_t remote, Word(row, c.remote, "remote", kRemoteWords, 0));
  task.shape.remote = static_cast<Remote>(remote);
  FLEXAI_ASSIGN_OR_RETURN(const int64_t link_mbit, row.Number(c.link_mbit, placement::kMostMbit, 0));
  task.shape.link_mbit = static_cast<int32_t>(link_mbit);
  FLEXAI_ASSIGN_OR_RETURN(task.round_trips, row.Decimal(c.round_trips, kMostRoundTrips, 0));
  if (task.shape.remote == Remote::kOnly && task.shape.devices == 0) {
    return InvalidArgument(fmt::format("{}: remote is 'only' though num_gpu is 0", row.place()));
  }
  return task;
}

// Members of a gang agree, and there are enough of them.
Status ReadGangs(const CsvTable& table, const TaskColumns& c, std::vector<TimedTask>* tasks) {
  std::map<std::string_view, std::vector<size_t>> gangs;
  for (size_t i = 0; i < tasks->size(); ++i) {
    const CsvRow row = table.row(i);
    if (!row.Text(c.gang).empty()) {
      gangs[row.Text(c.gang)].push_back(i);
    } else if (!row.Text(c.gang_min).empty() || !row.Text(c.gang_max).empty()) {
      return InvalidArgument(fmt::format("{}: gang_min or gang_max without a gang", row.place()));
    }
  }
  for (const auto& [gang, members] : gangs) {
    const auto size = static_cast<int64_t>(members.size());
    const TimedTask& first = (*tasks)[members.front()];
    for (const size_t member : members) {
      const CsvRow row = table.row(member);
      TimedTask& task = (*tasks)[member];
      FLEXAI_ASSIGN_OR_RETURN(const int64_t most, row.Number(c.gang_max, size, size));
      FLEXAI_ASSIGN_OR_RETURN(const int64_t least, row.Number(c.gang_min, most, most));
      if (least == 0) {
        return InvalidArgument(
            fmt::format("{}: gang_min and gang_max of gang '{}' are {} and {}, expected 1 or more",
                        row.place(), gang, least, most));
      }
      task.gang = gang;
      task.gang_min = static_cast<int32_t>(least);
      task.gang_max = static_cast<int32_t>(most);
      if (task.gang_min != first.gang_min || task.gang_max != first.gang_max || task.queue != first.queue ||
          task.priority != first.priority) {
        return InvalidArgument(fmt::format(
            "{}: queue, priority, gang_min or gang_max differ from those of '{}', which is in the same "
            "gang '{}'",
            row.place(), first.name, gang));
      }
    }
  }
  return {};
}

// The names of leaves, and of all queues.
struct QueueNames {
  explicit QueueNames(std::span<const QueueSpec> queues) {
    for (const QueueSpec& queue : queues) {
      all.insert(queue.name);
      parents.insert(queue.parent);
    }
  }
  Status Check(const CsvRow& row, std::string_view queue) const {
    if (!all.empty() && !all.contains(queue)) {
      return InvalidArgument(fmt::format("{}: there is no queue '{}'", row.place(), queue));
    }
    if (parents.contains(queue)) {
      return InvalidArgument(
          fmt::format("{}: queue '{}' has queues below it, expected one that has none", row.place(), queue));
    }
    return {};
  }
  std::unordered_set<std::string_view> all;
  std::unordered_set<std::string_view> parents;
};

// "A=2000|B=500".
Result<std::map<int, int64_t>> ReadModelAmounts(const CsvRow& row, std::optional<size_t> column,
                                                const std::vector<std::string>& models) {
  std::map<int, int64_t> amounts;
  if (row.Text(column).empty()) {
    return amounts;
  }
  for (const std::string_view entry : Split(row.Text(column), '|')) {
    const size_t equals = std::min(entry.find('='), entry.size());
    const std::string_view amount = entry.substr(std::min(equals + 1, entry.size()));
    int64_t milli = -1;
    const auto [stop, error] = std::from_chars(amount.data(), amount.data() + amount.size(), milli);
    if (error != std::errc() || stop != amount.data() + amount.size() || amount.starts_with('-') ||
        milli > placement::kMostOfAnything) {
      return InvalidArgument(fmt::format(
          "{}: '{}' is no amount of a device model, expected for example 'T4=2000'", row.place(), entry));
    }
    FLEXAI_ASSIGN_OR_RETURN(const int model, ModelNumber(models, entry.substr(0, equals), row.place()));
    if (!amounts.emplace(model, milli).second) {
      return InvalidArgument(
          fmt::format("{}: device model '{}' is there twice", row.place(), entry.substr(0, equals)));
    }
  }
  return amounts;
}

Result<QueueLimits> ReadLimits(const CsvTable& table, const CsvRow& row, const std::string& prefix,
                               const std::vector<std::string>& models) {
  QueueLimits limits;
  const std::pair<std::string_view, std::optional<int64_t>*> amounts[] = {
      {"_cpu_milli", &limits.cpu_milli},
      {"_memory_mib", &limits.memory_mib},
      {"_gpu_milli", &limits.device_milli}};
  for (const auto& [name, amount] : amounts) {
    const std::optional<size_t> column = table.OptionalColumn(prefix + std::string(name));
    if (!row.Text(column).empty()) {
      FLEXAI_ASSIGN_OR_RETURN(*amount, row.Number(column, placement::kMostOfAnything));
    }
  }
  FLEXAI_ASSIGN_OR_RETURN(limits.model_milli,
                          ReadModelAmounts(row, table.OptionalColumn(prefix + "_models"), models));
  return limits;
}

std::string LimitsText(const QueueLimits& limits, const std::vector<std::string>& models) {
  const auto text = [](const std::optional<int64_t>& amount) {
    return amount ? fmt::format("{}", *amount) : "";
  };
  std::vector<std::string> by_model;
  for (const auto& [model, milli] : limits.model_milli) {
    by_model.push_back(fmt::format("{}={}", models[static_cast<size_t>(model)], milli));
  }
  return fmt::format("{},{},{},{}", text(limits.cpu_milli), text(limits.memory_mib),
                     text(limits.device_milli), fmt::join(by_model, "|"));
}

}  // namespace

Result<std::vector<TimedTask>> ParseTasks(std::string_view text, std::string_view name,
                                          const std::vector<std::string>& models,
                                          std::span<const QueueSpec> queues) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  FLEXAI_ASSIGN_OR_RETURN(const TaskColumns columns, FindTaskColumns(table));
  const QueueNames queue_names(queues);
  std::unordered_set<std::string_view> names;
  std::vector<TimedTask> tasks;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    FLEXAI_ASSIGN_OR_RETURN(TimedTask task, ReadTask(row, columns, models));
    FLEXAI_ASSIGN_OR_RETURN(task.name, row.Name(*columns.name, &names));
    FLEXAI_RETURN_IF_ERROR(queue_names.Check(row, task.queue));
    tasks.push_back(std::move(task));
  }
  FLEXAI_RETURN_IF_ERROR(ReadGangs(table, columns, &tasks));
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const TimedTask& a, const TimedTask& b) { return a.arrival < b.arrival; });
  return tasks;
}

Result<std::vector<QueueSpec>> ParseQueues(std::string_view text, std::string_view name,
                                           const std::vector<std::string>& models) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  FLEXAI_RETURN_IF_ERROR(table.AllowOnly(kQueueColumns));
  FLEXAI_ASSIGN_OR_RETURN(const size_t name_column, table.Column("name"));
  const std::optional<size_t> parent = table.OptionalColumn("parent");
  const std::optional<size_t> weight = table.OptionalColumn("weight");
  const std::optional<size_t> borrow = table.OptionalColumn("borrow");
  std::unordered_set<std::string_view> names;
  std::vector<QueueSpec> queues;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    QueueSpec queue;
    FLEXAI_ASSIGN_OR_RETURN(queue.name, row.Name(name_column, &names));
    queue.parent = row.Text(parent);
    FLEXAI_ASSIGN_OR_RETURN(queue.weight, row.Decimal(weight, kMostWeight, 1));
    FLEXAI_ASSIGN_OR_RETURN(const size_t may_borrow, Word(row, borrow, "borrow", kYesNoWords, 1));
    queue.borrow = may_borrow != 0;
    FLEXAI_ASSIGN_OR_RETURN(queue.guaranteed, ReadLimits(table, row, "guaranteed", models));
    FLEXAI_ASSIGN_OR_RETURN(queue.limit, ReadLimits(table, row, "limit", models));
    queues.push_back(std::move(queue));
  }
  return queues;
}

Result<Workload> ReadWorkload(const std::string& tasks_path, const std::string& queues_path,
                              const std::vector<std::string>& models) {
  Workload workload;
  if (!queues_path.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(const std::string queues, os::ReadFile(queues_path, kMostFileBytes));
    FLEXAI_ASSIGN_OR_RETURN(workload.queues, ParseQueues(queues, queues_path, models));
  }
  FLEXAI_ASSIGN_OR_RETURN(const std::string tasks, os::ReadFile(tasks_path, kMostFileBytes));
  FLEXAI_ASSIGN_OR_RETURN(workload.tasks, ParseTasks(tasks, tasks_path, models, workload.queues));
  if (queues_path.empty()) {
    std::set<std::string_view> names;
    for (const TimedTask& task : workload.tasks) {
      names.insert(task.queue);
    }
    for (const std::string_view name : names) {
      workload.queues.emplace_back().name = name;
    }
  }
  return workload;
}

std::string TasksText(std::span<const TimedTask> tasks, const std::vector<std::string>& models) {
  std::string text = fmt::format("{}\n", fmt::join(kTaskColumns, ","));
  for (const TimedTask& task : tasks) {
    const placement::TaskShape& shape = task.shape;
    const std::string gang =
        task.gang.empty() ? ",," : fmt::format("{},{},{}", task.gang, task.gang_min, task.gang_max);
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
                   task.name, SecondsText(task.arrival), SecondsText(task.duration), shape.cpu_milli,
                   shape.memory_mib, shape.devices, shape.share_milli, ModelNames(models, shape.models),
                   task.queue, task.priority, gang, kYesNoWords[task.preemptible ? 1 : 0],
                   SecondsText(task.min_run), SecondsText(task.restart),
                   kRemoteWords[static_cast<size_t>(shape.remote)], shape.link_mbit, task.round_trips);
  }
  return text;
}

std::string QueuesText(std::span<const QueueSpec> queues, const std::vector<std::string>& models) {
  std::string text = fmt::format("{}\n", fmt::join(kQueueColumns, ","));
  for (const QueueSpec& queue : queues) {
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{}\n", queue.name, queue.parent, queue.weight,
                   kYesNoWords[queue.borrow ? 1 : 0], LimitsText(queue.guaranteed, models),
                   LimitsText(queue.limit, models));
  }
  return text;
}

}  // namespace flexai::simulator
