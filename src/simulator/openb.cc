#include "simulator/openb.h"

#include <fmt/format.h>

#include <unordered_set>
#include <utility>

#include "os/files.h"
#include "simulator/csv.h"

namespace flexai::simulator {
namespace {

constexpr int64_t kDefaultCpuMilli = 100;  // of a pod that asks for none

Status ParsePods(Trace* trace, std::string_view text, std::string_view file) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, file));
  FLEXAI_ASSIGN_OR_RETURN(const size_t name, table.Column("name"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t cpu, table.Column("cpu_milli"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t memory, table.Column("memory_mib"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t count, table.Column("num_gpu"));
  FLEXAI_ASSIGN_OR_RETURN(const size_t share, table.Column("gpu_milli"));
  const std::optional<size_t> spec = table.OptionalColumn("gpu_spec");
  const std::optional<size_t> device_memory = table.OptionalColumn("gpu_memory_mib");
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    Pod pod;
    FLEXAI_ASSIGN_OR_RETURN(pod.name, row.Name(name, &names));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t cpu_milli, row.Number(cpu, kMostCpuMilli));
    FLEXAI_ASSIGN_OR_RETURN(pod.shape.memory_mib, row.Number(memory, kMostMemoryMib));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t devices, row.Number(count, placement::kMostDevices));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t share_milli, row.Number(share, placement::kWholeDevice));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t memory_each, row.Number(device_memory, kMostDeviceMemoryMib, 0));
    pod.shape.cpu_milli = cpu_milli == 0 ? kDefaultCpuMilli : cpu_milli;
    if (devices > 0 && share_milli == 0) {
      return InvalidArgument(fmt::format("{}: gpu_milli is 0 though num_gpu is {}", row.place(), devices));
    }
    if (devices > 0) {
      pod.shape.devices = static_cast<int32_t>(devices);
      pod.shape.share_milli = static_cast<int32_t>(share_milli);
      pod.shape.device_memory_mib = static_cast<int32_t>(memory_each);
      FLEXAI_ASSIGN_OR_RETURN(pod.shape.models, ParseModels(trace->models, row.Text(spec), row.place()));
    }
    trace->pods.push_back(std::move(pod));
  }
  return {};
}

}  // namespace

Result<Trace> ParseOpenb(std::string_view nodes, std::string_view nodes_name, std::string_view pods,
                         std::string_view pods_name) {
  NodeList list;
  FLEXAI_RETURN_IF_ERROR(AddNodes(nodes, nodes_name, OtherColumns::kPassedOver, &list));
  Trace trace{std::move(list.specs), {}, std::move(list.models), std::move(list.identities)};
  FLEXAI_RETURN_IF_ERROR(ParsePods(&trace, pods, pods_name));
  return trace;
}

Result<Trace> ReadOpenb(const std::string& nodes_path, const std::string& pods_path) {
  FLEXAI_ASSIGN_OR_RETURN(const std::string nodes, os::ReadFile(nodes_path));
  FLEXAI_ASSIGN_OR_RETURN(const std::string pods, os::ReadFile(pods_path));
  return ParseOpenb(nodes, nodes_path, pods, pods_path);
}

std::vector<placement::TaskShape> ShapesOf(const Trace& trace) {
  std::vector<placement::TaskShape> shapes;
  for (const Pod& pod : trace.pods) {
    shapes.push_back(pod.shape);
  }
  return shapes;
}

NodeList NodesOf(const Trace& trace) {
  NodeList list{trace.nodes, trace.identities, trace.models};
  list.identities.resize(trace.nodes.size());
  return list;
}

void AllowRemote(Trace* trace) {
  for (Pod& pod : trace->pods) {
    pod.shape.remote = placement::Remote::kAllowed;
  }
}

}  // namespace flexai::simulator
