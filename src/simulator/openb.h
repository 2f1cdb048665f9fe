// Reads the public openb trace format: nodes and pods of a GPU cluster as CSV.
//
// Source of the format and of the data that comes with it: Weng et al., USENIX ATC 2023,
// github.com/hkust-adsl/kubernetes-scheduler-simulator. Errors name file, line and what was expected; nothing
// is loaded by halves.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "placement/cluster.h"

namespace flexai::simulator {

// More than any node has or task asks for.
inline constexpr int64_t kMostCpuMilli = 10'000'000;
inline constexpr int64_t kMostMemoryMib = 1'000'000'000;

struct Pod {
  std::string name;
  placement::TaskShape shape;
};

struct Trace {
  std::vector<placement::NodeSpec> nodes;
  std::vector<Pod> pods;
  std::vector<std::string> models;  // by the number that shapes and nodes use
};

std::vector<placement::TaskShape> ShapesOf(const Trace& trace);  // of each pod
void AllowRemote(Trace* trace);                                  // of each pod's devices

// Nodes: columns sn, cpu_milli, memory_mib, gpu, model. Pods: name, cpu_milli, memory_mib, num_gpu, gpu_milli
// and, if there, gpu_spec ("A|B": models that will do; empty: any). Other columns are passed over. A pod with
// cpu_milli 0 counts as 100. `*_name` stand in error messages.
Result<Trace> ParseOpenb(std::string_view nodes, std::string_view nodes_name, std::string_view pods,
                         std::string_view pods_name);
Result<Trace> ReadOpenb(const std::string& nodes_path, const std::string& pods_path);

// Device models by name. `place` stands in error messages; an empty text is any model, in both directions.
Result<int> ModelNumber(const std::vector<std::string>& models, std::string_view name,
                        std::string_view place);
Result<placement::ModelSet> ParseModels(const std::vector<std::string>& models, std::string_view spec,
                                        std::string_view place);
std::string ModelNames(const std::vector<std::string>& models, placement::ModelSet set);

}  // namespace flexai::simulator
