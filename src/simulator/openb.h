// Reads the public openb trace format: nodes and pods of a GPU cluster as CSV.
//
// Source of the format and of the data that comes with it: Weng et al., USENIX ATC 2023,
// github.com/hkust-adsl/kubernetes-scheduler-simulator. Errors name file, line and what was expected; nothing
// is loaded by halves.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "simulator/nodes.h"

namespace flexai::simulator {

struct Pod {
  std::string name;
  placement::TaskShape shape;
};

struct Trace {
  std::vector<placement::NodeSpec> nodes;
  std::vector<Pod> pods;
  std::vector<std::string> models;                  // by the number that shapes and nodes use
  std::vector<placement::NodeIdentity> identities;  // of each node; empty: they have no labels and taints
};

std::vector<placement::TaskShape> ShapesOf(const Trace& trace);  // of each pod
NodeList NodesOf(const Trace& trace);

// Nodes: as of nodes.h. Pods: name, cpu_milli, memory_mib, num_gpu, gpu_milli
// and, if there, gpu_spec ("A|B": models that will do; empty: any). Other columns are passed over. A pod with
// cpu_milli 0 counts as 100. `*_name` stand in error messages.
Result<Trace> ParseOpenb(std::string_view nodes, std::string_view nodes_name, std::string_view pods,
                         std::string_view pods_name);
Result<Trace> ReadOpenb(const std::string& nodes_path, const std::string& pods_path);

}  // namespace flexai::simulator
