#include "simulator/openb.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "os/files.h"
#include "simulator/csv.h"

namespace flexai::simulator {
namespace {

constexpr int64_t kDefaultCpuMilli = 100;  // of a pod that asks for none

// The number of a model, which is new if it is not there yet.
Result<int> AddModel(std::vector<std::string>* models, std::string_view name, const std::string& place) {
  const auto found = std::find(models->begin(), models->end(), name);
  if (found != models->end()) {
    return static_cast<int>(found - models->begin());
  }
  if (name.empty() || name.find_first_of("|=") != std::string_view::npos) {
    return InvalidArgument(fmt::format("{}: model is '{}', expected a name without | and =", place, name));
  }
  if (models->size() == placement::kMostModels) {
    return InvalidArgument(fmt::format("{}: more than {} device models", place, placement::kMostModels));
  }
  models->emplace_back(name);
  return static_cast<int>(models->size()) - 1;
}

Status ParseNodes(Trace* trace, std::string_view text, std::string_view name) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  FLEXAI_ASSIGN_OR_RETURN(const size_t sn, table.Column("sn"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t cpu, table.Column("cpu_milli"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t memory, table.Column("memory_mib"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t gpu, table.Column("gpu"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t model, table.Column("model"));
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    placement::NodeSpec node;
    FLEXAI_ASSIGN_OR_RETURN(node.name, row.Name(sn, &names));
    FLEXAI_ASSIGN_OR_RETURN(node.cpu_milli, row.Number(cpu, kMostCpuMilli));
    FLEXAI_ASSIGN_OR_RETURN(node.memory_mib, row.Number(memory, kMostMemoryMib));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t devices, row.Number(gpu, placement::kMostDevices));
    node.devices = static_cast<int32_t>(devices);
    if (devices > 0 || !row.Text(model).empty()) {
      FLEXAI_ASSIGN_OR_RETURN(node.model, AddModel(&trace->models, row.Text(model), row.place()));
    }
    trace->nodes.push_back(std::move(node));
  }
  return {};
}

Status ParsePods(Trace* trace, std::string_view text, std::string_view file) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, file));
  FLEXAI_ASSIGN_OR_RETURN(const size_t name, table.Column("name"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t cpu, table.Column("cpu_milli"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t memory, table.Column("memory_mib"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t count, table.Column("num_gpu"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t share, table.Column("gpu_milli"));
  const std::optional<size_t> spec = table.OptionalColumn("gpu_spec");
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    Pod pod;
    FLEXAI_ASSIGN_OR_RETURN(pod.name, row.Name(name, &names));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t cpu_milli, row.Number(cpu, kMostCpuMilli));
    FLEXAI_ASSIGN_OR_RETURN(pod.shape.memory_mib, row.Number(memory, kMostMemoryMib));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t devices, row.Number(count, placement::kMostDevices));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t share_milli, row.Number(share, placement::kWholeDevice));
    pod.shape.cpu_milli = cpu_milli == 0 ? kDefaultCpuMilli : cpu_milli;
    if (devices > 0 && share_milli == 0) {
      return InvalidArgument(fmt::format("{}: gpu_milli is 0 though num_gpu is {}", row.place(), devices));
    }
    if (devices > 0) {
      pod.shape.devices = static_cast<int32_t>(devices);
      pod.shape.share_milli = static_cast<int32_t>(share_milli);
      FLEXAI_ASSIGN_OR_RETURN(pod.shape.models, ParseModels(trace->models, row.Text(spec), row.place()));
    }
    trace->pods.push_back(std::move(pod));
  }
  return {};
}

}  // namespace

Result<Trace> ParseOpenb(std::string_view nodes, std::string_view nodes_name, std::string_view pods,
                         std::string_view pods_name) {
  Trace trace;
  FLEXAI_RETURN_IF_ERROR(ParseNodes(&trace, nodes, nodes_name));
  FLEXAI_RETURN_IF_ERROR(ParsePods(&trace, pods, pods_name));
  return trace;
}

Result<Trace> ReadOpenb(const std::string& nodes_path, const std::string& pods_path) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string nodes, os::ReadFile(nodes_path));
  FLEXAI_ASSIGN_OR_RETURN(const std::string pods, os::ReadFile(pods_path));
  return ParseOpenb(nodes, nodes_path, pods, pods_path);
}

Result<int> ModelNumber(const std::vector<std::string>& models, std::string_view name,
                        std::string_view place) {
  const auto found = std::find(models.begin(), models.end(), name);
  if (found == models.end()) {
    return InvalidArgument(fmt::format("{}: no node has devices of model '{}'", place, name));
  }
  return static_cast<int>(found - models.begin());
}

Result<placement::ModelSet> ParseModels(const std::vector<std::string>& models, std::string_view spec,
                                        std::string_view place) {
  if (spec.empty()) {
    return placement::kAnyModel;
  }
  placement::ModelSet set = 0;
  for (const std::string_view name : Split(spec, '|')) {
    FLEXAI_ASSIGN_OR_RETURN(const int number, ModelNumber(models, name, place));
    set |= placement::OneModel(number);
  }
  return set;
}

std::string ModelNames(const std::vector<std::string>& models, placement::ModelSet set) {
  std::string names;
  for (size_t i = 0; set != placement::kAnyModel && i < models.size(); ++i) {
    if ((set & placement::OneModel(static_cast<int>(i))) != 0) {
      names += (names.empty() ? "" : "|") + models[i];
    }
  }
  return names;
}

std::vector<placement::TaskShape> ShapesOf(const Trace& trace) {
  std::vector<placement::TaskShape> shapes;
  for (const Pod& pod : trace.pods) {
    shapes.push_back(pod.shape);
  }
  return shapes;
}

void AllowRemote(Trace* trace) {
  for (Pod& pod : trace->pods) {
    pod.shape.remote = placement::Remote::kAllowed;
  }
}

}  // namespace flexai::simulator
