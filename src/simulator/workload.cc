#include "simulator/workload.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "os/files.h"
#include "simulator/csv.h"
#include "simulator/nodes.h"

namespace flexai::simulator {
namespace {

using placement::QueueLimits;
using placement::QueueSpec;

constexpr size_t kMostFileBytes = size_t{1} << 30;
constexpr double kMostWeight = 1e9;

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
    FLEXAI_ASSIGN_OR_RETURN(const size_t may_borrow, row.Word(borrow, kNoYes, 1));
    queue.borrow = may_borrow != 0;
    FLEXAI_ASSIGN_OR_RETURN(queue.guaranteed, ReadLimits(table, row, "guaranteed", models));
    FLEXAI_ASSIGN_OR_RETURN(queue.limit, ReadLimits(table, row, "limit", models));
    queues.push_back(std::move(queue));
  }
  return queues;
}

std::vector<QueueSpec> QueuesNamedBy(std::span<const TimedTask> tasks) {
  std::set<std::string_view> names;
  for (const TimedTask& task : tasks) {
    names.insert(task.queue);
  }
  std::vector<QueueSpec> queues;
  for (const std::string_view name : names) {
    queues.emplace_back().name = name;
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
    workload.queues = QueuesNamedBy(workload.tasks);
  }
  return workload;
}

std::string QueuesText(std::span<const QueueSpec> queues, const std::vector<std::string>& models) {
  std::string text = fmt::format("{}\n", fmt::join(kQueueColumns, ","));
  for (const QueueSpec& queue : queues) {
    fmt::format_to(std::back_inserter(text), "{},{},{},{},{},{}\n", queue.name, queue.parent, queue.weight,
                   kNoYes[queue.borrow ? 1 : 0], LimitsText(queue.guaranteed, models),
                   LimitsText(queue.limit, models));
  }
  return text;
}

}  // namespace flexai::simulator
