// The nodes of a cluster as CSV: what they have, and what rules see of them. docs/formats/nodes.md describes
// the file; the nodes of an openb trace are one without labels and taints.
//
// Errors are kInvalidArgument and name file, line and what was expected; nothing is loaded by halves. Thread
// safety: values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "placement/cluster.h"
#include "placement/constraints.h"
#include "placement/resources.h"

namespace flexai::simulator {

// More than any node has or task asks for.
inline constexpr int64_t kMostCpuMilli = 10'000'000;
inline constexpr int64_t kMostMemoryMib = 1'000'000'000;

struct NodeList {
  std::vector<placement::NodeSpec> specs;
  std::vector<placement::NodeIdentity> identities;  // of each
  std::vector<std::string> models;                  // by the number that shapes and nodes use
};

enum class OtherColumns { kRefused, kPassedOver };

// Nodes beside those of `to`, with other names. Models that are new to it get the next numbers.
Status AddNodes(std::string_view text, std::string_view name, OtherColumns others, NodeList* to);
// What AddNodes reads as the same again. Columns that say nothing of any node are left out.
std::string NodesText(const NodeList& nodes);

// The number of a model, which is new if it is not there yet. `place` stands in error messages here and
// below.
Result<int> AddModel(std::vector<std::string>* models, std::string_view name, std::string_view place);
// Device models by name. An empty text is any model, in both directions.
Result<int> ModelNumber(const std::vector<std::string>& models, std::string_view name,
                        std::string_view place);
Result<placement::ModelSet> ParseModels(const std::vector<std::string>& models, std::string_view spec,
                                        std::string_view place);
std::string ModelNames(const std::vector<std::string>& models, placement::ModelSet set);

// What the nodes have together.
placement::Resources CapacityOf(const std::vector<placement::NodeSpec>& nodes);

}  // namespace flexai::simulator
