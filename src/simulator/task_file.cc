#include "simulator/task_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "simulator/nodes.h"
#include "simulator/rules_text.h"

namespace flexai::simulator {
namespace {

using placement::ClassRules;
using placement::QueueSpec;
using placement::TaskShape;

constexpr std::string_view kRemoteWords[] = {"never", "allowed", "only"};

using Models = std::vector<std::string>;

// One field of a task. One that must be there has no value to stand for an empty one.
struct Field {
  const CsvRow& row;
  std::optional<size_t> column;
  bool needed;
  const Models& models;
};

// The part of a task that the member is of.
template <auto kMember, typename Task>
auto& Of(Task& task) {
  if constexpr (requires { task.*kMember; }) {
    return task.*kMember;
  } else if constexpr (requires { task.shape.*kMember; }) {
    return task.shape.*kMember;
  } else {
    return task.rules.*kMember;
  }
}

template <auto kMember, int64_t kMost>
Status ReadNumber(const Field& field, TimedTask* task) {
  const std::optional<int64_t> otherwise = field.needed ? std::nullopt : std::optional<int64_t>(0);
  FLEXAI_ASSIGN_OR_RETURN(const int64_t value, field.row.Number(field.column, kMost, otherwise));
  auto& to = Of<kMember>(*task);
  to = static_cast<std::remove_reference_t<decltype(to)>>(value);
  return {};
}
template <auto kMember>
std::string NumberText(const TimedTask& task, const Models&) {
  return fmt::format("{}", Of<kMember>(task));
}

template <auto kMember>
std::string NumberTextIfAny(const TimedTask& task, const Models&) {
  return Of<kMember>(task) == 0 ? "" : fmt::format("{}", Of<kMember>(task));
}

template <auto kMember>
Status ReadTime(const Field& field, TimedTask* task) {
  const std::optional<Nanos> otherwise = field.needed ? std::nullopt : std::optional(Nanos{});
  FLEXAI_ASSIGN_OR_RETURN(Of<kMember>(*task), field.row.Time(field.column, kLongestWorkload, otherwise));
  return {};
}
template <auto kMember>
std::string TimeText(const TimedTask& task, const Models&) {
  return SecondsText(Of<kMember>(task));
}
template <auto kMember>
std::string TimeTextIfAny(const TimedTask& task, const Models&) {
  return Of<kMember>(task) == Nanos{} ? "" : SecondsText(Of<kMember>(task));
}

template <auto kMember>
Status ReadText(const Field& field, TimedTask* task) {
  if (!field.row.Text(field.column).empty()) {
    Of<kMember>(*task) = field.row.Text(field.column);
  }
  return {};
}
template <auto kMember>
std::string PlainText(const TimedTask& task, const Models&) {
  return Of<kMember>(task);
}

// What `kParse` of rules_text.h makes of the field.
template <auto kMember, auto kParse>
Status ReadRules(const Field& field, TimedTask* task, const char* expected) {
  auto parsed = kParse(field.row.Text(field.column));
  if (!parsed.has_value()) {
    return field.row.Expected(field.column, expected);
  }
  Of<kMember>(*task) = std::move(*parsed);
  return {};
}
template <auto kMember, auto kText>
std::string RulesText(const TimedTask& task, const Models&) {
  return kText(Of<kMember>(task));
}

Status ReadSelectors(const Field& field, TimedTask* task) {
  return ReadRules<&ClassRules::selectors, ParseSelectors>(
      field, task, "for example 'zone in a|b;disk exists', with in, notin, exists, doesnotexist");
}
Status ReadTolerations(const Field& field, TimedTask* task) {
  return ReadRules<&ClassRules::tolerations, ParseTolerations>(field, task,
                                                               "for example 'team=ml|old', or '*' for all");
}
Status ReadSpreads(const Field& field, TimedTask* task) {
  return ReadRules<&ClassRules::spreads, ParseSpreads>(field, task, "for example 'zone:1', 1 or more each");
}
template <auto kMember>
Status ReadLabelNames(const Field& field, TimedTask* task) {
  return ReadRules<kMember, ParseLabelNames>(field, task, "for example 'zone|rack'");
}

// A label's name, one.
Status ReadTogether(const Field& field, TimedTask* task) {
  const auto names = ParseLabelNames(field.row.Text(field.column));
  if (!names.has_value() || names->size() > 1) {
    return field.row.Expected(field.column, "one label, for example 'zone'");
  }
  task->together = names->empty() ? "" : names->front();
  return {};
}

// With | between days, since a field can have no comma.
Status ReadWindow(const Field& field, TimedTask* task) {
  const std::string_view text = field.row.Text(field.column);
  if (text.empty()) {
    return {};
  }
  const Result<placement::TimeWindow> window = placement::TimeWindow::Parse(text);
  if (!window.ok()) {
    return window.status().WithContext(field.row.place());
  }
  task->window = *window;
  return {};
}
std::string WindowText(const TimedTask& task, const Models&) {
  std::string text = task.window.has_value() ? task.window->Text() : "";
  std::replace(text.begin(), text.end(), ',', '|');
  return text;
}

Status ReadSpec(const Field& field, TimedTask* task) {
  FLEXAI_ASSIGN_OR_RETURN(task->shape.models,
                          ParseModels(field.models, field.row.Text(field.column), field.row.place()));
  return {};
}
std::string SpecText(const TimedTask& task, const Models& models) {
  return ModelNames(models, task.shape.models);
}

Status ReadPreemptible(const Field& field, TimedTask* task) {
  FLEXAI_ASSIGN_OR_RETURN(const size_t word, field.row.Word(field.column, kNoYes, 1));
  task->preemptible = word != 0;
  return {};
}
std::string PreemptibleText(const TimedTask& task, const Models&) {
  return std::string(kNoYes[task.preemptible ? 1 : 0]);
}

Status ReadRemote(const Field& field, TimedTask* task) {
  FLEXAI_ASSIGN_OR_RETURN(const size_t word, field.row.Word(field.column, kRemoteWords, 0));
  task->shape.remote = static_cast<Remote>(word);
  return {};
}
std::string RemoteText(const TimedTask& task, const Models&) {
  return std::string(kRemoteWords[static_cast<size_t>(task.shape.remote)]);
}

Status ReadRoundTrips(const Field& field, TimedTask* task) {
  FLEXAI_ASSIGN_OR_RETURN(task->round_trips, field.row.Decimal(field.column, kMostRoundTrips, 0));
  return {};
}
std::string RoundTripsText(const TimedTask& task, const Models&) {
  return task.round_trips == 0 ? "" : fmt::format("{}", task.round_trips);
}

// Names and gangs depend on other lines.
Status ReadLater(const Field&, TimedTask*) { return {}; }
std::string GangMinText(const TimedTask& task, const Models&) {
  return task.gang.empty() ? "" : fmt::format("{}", task.gang_min);
}
std::string GangMaxText(const TimedTask& task, const Models&) {
  return task.gang.empty() ? "" : fmt::format("{}", task.gang_max);
}

struct TaskColumn {
  std::string_view name;
  std::optional<TaskUse> needed;  // from this use on; never: absent
  Status (*read)(const Field&, TimedTask*);
  std::string (*text)(const TimedTask&, const Models&);
};

constexpr TaskUse kAlways = TaskUse::kAdded;
constexpr TaskColumn kColumns[] = {
    {"name", kAlways, ReadLater, PlainText<&TimedTask::name>},
    {"arrival_s", TaskUse::kSnapshot, ReadTime<&TimedTask::arrival>, TimeText<&TimedTask::arrival>},
    {"duration_s", TaskUse::kTimed, ReadTime<&TimedTask::duration>, TimeTextIfAny<&TimedTask::duration>},
    {"cpu_milli", kAlways, ReadNumber<&TaskShape::cpu_milli, kMostCpuMilli>,
     NumberText<&TaskShape::cpu_milli>},
    {"memory_mib",
     {},
     ReadNumber<&TaskShape::memory_mib, kMostMemoryMib>,
     NumberText<&TaskShape::memory_mib>},
    {"num_gpu", kAlways, ReadNumber<&TaskShape::devices, placement::kMostDevices>,
     NumberText<&TaskShape::devices>},
    {"gpu_milli", kAlways, ReadNumber<&TaskShape::share_milli, placement::kWholeDevice>,
     NumberText<&TaskShape::share_milli>},
    {"gpu_memory_mib",
     {},
     ReadNumber<&TaskShape::device_memory_mib, kMostDeviceMemoryMib>,
     NumberTextIfAny<&TaskShape::device_memory_mib>},
    {"gpu_spec", {}, ReadSpec, SpecText},
    {"queue", {}, ReadText<&TimedTask::queue>, PlainText<&TimedTask::queue>},
    {"priority", {}, ReadNumber<&TimedTask::priority, kMostPriority>, NumberText<&TimedTask::priority>},
    {"gang", {}, ReadText<&TimedTask::gang>, PlainText<&TimedTask::gang>},
    {"gang_min", {}, ReadLater, GangMinText},
    {"gang_max", {}, ReadLater, GangMaxText},
    {"preemptible", {}, ReadPreemptible, PreemptibleText},
    {"min_run_s", {}, ReadTime<&TimedTask::min_run>, TimeText<&TimedTask::min_run>},
    {"restart_s", {}, ReadTime<&TimedTask::restart>, TimeText<&TimedTask::restart>},
    {"remote", {}, ReadRemote, RemoteText},
    {"link_mbit",
     {},
     ReadNumber<&TaskShape::link_mbit, placement::kMostMbit>,
     NumberTextIfAny<&TaskShape::link_mbit>},
    {"round_trips", {}, ReadRoundTrips, RoundTripsText},
    {"expected_run_s", {}, ReadTime<&TimedTask::expected_run>, TimeTextIfAny<&TimedTask::expected_run>},
    {"window", {}, ReadWindow, WindowText},
    {"service", {}, ReadText<&ClassRules::name>, PlainText<&ClassRules::name>},
    {"selector", {}, ReadSelectors, RulesText<&ClassRules::selectors, SelectorsText>},
    {"tolerate", {}, ReadTolerations, RulesText<&ClassRules::tolerations, TolerationsText>},
    {"spread", {}, ReadSpreads, RulesText<&ClassRules::spreads, SpreadsText>},
    {"apart", {}, ReadLabelNames<&ClassRules::apart>, RulesText<&ClassRules::apart, LabelNamesText>},
    {"together_class",
     {},
     ReadLabelNames<&ClassRules::together>,
     RulesText<&ClassRules::together, LabelNamesText>},
    {"together", {}, ReadTogether, PlainText<&TimedTask::together>},
};

bool IsNeeded(const TaskColumn& column, TaskUse use) {
  return column.needed.has_value() && use >= *column.needed;
}

// Where each of kColumns is in the table.
using Positions = std::vector<std::optional<size_t>>;

Result<Positions> FindColumns(const CsvTable& table, TaskUse use, std::span<const std::string_view> more) {
  std::vector<std::string_view> names;
  for (const TaskColumn& column : kColumns) {
    names.push_back(column.name);
  }
  names.insert(names.end(), more.begin(), more.end());
  FLEXAI_RETURN_IF_ERROR(table.AllowOnly(names));
  Positions positions;
  for (const TaskColumn& column : kColumns) {
    if (IsNeeded(column, use)) {
      FLEXAI_RETURN_IF_ERROR(table.Column(column.name).status());
    }
    positions.push_back(table.OptionalColumn(column.name));
  }
  return positions;
}

// What no field shows by itself.
Status Finish(const CsvRow& row, TaskUse use, TimedTask* task) {
  TaskShape& shape = task->shape;
  if (use == TaskUse::kTimed && task->duration == Nanos{}) {
    return InvalidArgument(fmt::format("{}: duration_s is 0, expected more", row.place()));
  }
  if (shape.devices > 0 && shape.share_milli == 0) {
    return InvalidArgument(
        fmt::format("{}: gpu_milli is 0 though num_gpu is {}", row.place(), shape.devices));
  }
  if (shape.devices == 0) {
    shape.share_milli = 0;
    shape.device_memory_mib = 0;
    shape.models = placement::kAnyModel;
  }
  if (shape.cpu_milli == 0 && shape.memory_mib == 0 && shape.devices == 0) {
    return InvalidArgument(fmt::format("{}: the task asks for nothing", row.place()));
  }
  if (task->shape.remote == Remote::kOnly && shape.devices == 0) {
    return InvalidArgument(fmt::format("{}: remote is 'only' though num_gpu is 0", row.place()));
  }
  if (!task->together.empty() && task->gang.empty()) {
    return InvalidArgument(fmt::format("{}: together without a gang", row.place()));
  }
  return {};
}

// Whether what is the gang's and not the member's is the same.
Status CheckMembersAgree(const CsvRow& row, const TimedTask& first, const TimedTask& task) {
  const auto differ = [&](std::string_view what) {
    return InvalidArgument(fmt::format("{}: {} differ from those of '{}', which is in the same gang '{}'",
                                       row.place(), what, first.name, task.gang));
  };
  if (task.gang_min != first.gang_min || task.gang_max != first.gang_max || task.queue != first.queue ||
      task.priority != first.priority) {
    return differ("queue, priority, gang_min or gang_max");
  }
  if (task.rules != first.rules || task.together != first.together || task.window != first.window ||
      task.expected_run != first.expected_run) {
    return differ("rules, together, window or expected_run_s");
  }
  return {};
}

// Members of a gang agree, and there are enough of them.
Status ReadGangs(const CsvTable& table, std::vector<TimedTask>* tasks) {
  const std::optional<size_t> min_column = table.OptionalColumn("gang_min");
  const std::optional<size_t> max_column = table.OptionalColumn("gang_max");
  std::map<std::string_view, std::vector<size_t>> gangs;
  for (size_t i = 0; i < tasks->size(); ++i) {
    const CsvRow row = table.row(i);
    if (!(*tasks)[i].gang.empty()) {
      gangs[(*tasks)[i].gang].push_back(i);
    } else if (!row.Text(min_column).empty() || !row.Text(max_column).empty()) {
      return InvalidArgument(fmt::format("{}: gang_min or gang_max without a gang", row.place()));
    }
  }
  for (const auto& [gang, members] : gangs) {
    const auto size = static_cast<int64_t>(members.size());
    for (const size_t member : members) {
      const CsvRow row = table.row(member);
      TimedTask& task = (*tasks)[member];
      FLEXAI_ASSIGN_OR_RETURN(const int64_t most, row.Number(max_column, size, size));
      FLEXAI_ASSIGN_OR_RETURN(const int64_t least, row.Number(min_column, most, most));
      if (least == 0) {
        return InvalidArgument(
            fmt::format("{}: gang_min and gang_max of gang '{}' are {} and {}, expected 1 or more",
                        row.place(), gang, least, most));
      }
      task.gang_min = static_cast<int32_t>(least);
      task.gang_max = static_cast<int32_t>(most);
      FLEXAI_RETURN_IF_ERROR(CheckMembersAgree(row, (*tasks)[members.front()], task));
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

}  // namespace

Result<std::vector<TimedTask>> TasksOf(const CsvTable& table, const std::vector<std::string>& models,
                                       std::span<const QueueSpec> queues, TaskUse use,
                                       std::span<const std::string_view> more) {
  FLEXAI_ASSIGN_OR_RETURN(const Positions positions, FindColumns(table, use, more));
  const QueueNames queue_names(queues);
  std::unordered_set<std::string_view> names;
  std::vector<TimedTask> tasks;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    TimedTask task;
    for (size_t column = 0; column < std::size(kColumns); ++column) {
      const Field field{row, positions[column], IsNeeded(kColumns[column], use), models};
      FLEXAI_RETURN_IF_ERROR(kColumns[column].read(field, &task));
    }
    FLEXAI_RETURN_IF_ERROR(Finish(row, use, &task));
    FLEXAI_ASSIGN_OR_RETURN(const size_t name, table.Column("name"));
    FLEXAI_ASSIGN_OR_RETURN(task.name, row.Name(name, &names));
    FLEXAI_RETURN_IF_ERROR(queue_names.Check(row, task.queue));
    tasks.push_back(std::move(task));
  }
  FLEXAI_RETURN_IF_ERROR(ReadGangs(table, &tasks));
  return tasks;
}

Status AddModelsOfTasks(const CsvTable& table, std::vector<std::string>* models) {
  const std::optional<size_t> spec = table.OptionalColumn("gpu_spec");
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    if (row.Text(spec).empty()) {
      continue;
    }
    for (const std::string_view name : Split(row.Text(spec), '|')) {
      FLEXAI_RETURN_IF_ERROR(AddModel(models, name, row.place()).status());
    }
  }
  return {};
}

Result<std::vector<TimedTask>> ParseTasks(std::string_view text, std::string_view name,
                                          const std::vector<std::string>& models,
                                          std::span<const QueueSpec> queues) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  FLEXAI_ASSIGN_OR_RETURN(std::vector<TimedTask> tasks, TasksOf(table, models, queues, TaskUse::kTimed));
  std::stable_sort(tasks.begin(), tasks.end(),
                   [](const TimedTask& a, const TimedTask& b) { return a.arrival < b.arrival; });
  return tasks;
}

std::string TasksText(std::span<const TimedTask> tasks, const std::vector<std::string>& models,
                      const MoreColumns* more) {
  std::vector<const TaskColumn*> columns;
  std::vector<std::string_view> names;
  for (const TaskColumn& column : kColumns) {
    const bool says_something = std::any_of(tasks.begin(), tasks.end(), [&](const TimedTask& task) {
      return !column.text(task, models).empty();
    });
    if (says_something || column.needed.has_value()) {
      columns.push_back(&column);
      names.push_back(column.name);
    }
  }
  std::string text = fmt::format("{}{}\n", fmt::join(names, ","), more == nullptr ? "" : more->heading);
  for (size_t i = 0; i < tasks.size(); ++i) {
    for (const TaskColumn* column : columns) {
      text += (column == columns.front() ? "" : ",") + column->text(tasks[i], models);
    }
    text += (more == nullptr ? "" : more->fields[i]) + "\n";
  }
  return text;
}

}  // namespace flexai::simulator
