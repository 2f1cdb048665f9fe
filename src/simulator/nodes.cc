#include "simulator/nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include "simulator/csv.h"
#include "simulator/rules_text.h"

namespace flexai::simulator {
namespace {

constexpr std::string_view kColumns[] = {"sn",    "cpu_milli", "memory_mib", "gpu",
                                         "model", "labels",    "taints",     "in_service"};

struct NodeColumns {
  size_t sn, cpu, memory, gpu, model;
  std::optional<size_t> labels, taints, in_service;
};

Result<NodeColumns> FindColumns(const CsvTable& table) {
  NodeColumns columns{};
  const std::pair<const char*, size_t*> needed[] = {{"sn", &columns.sn},
                                                    {"cpu_milli", &columns.cpu},
                                                    {"memory_mib", &columns.memory},
                                                    {"gpu", &columns.gpu},
                                                    {"model", &columns.model}};
  for (const auto& [name, column] : needed) {
    FLEXAI_ASSIGN_OR_RETURN(*column, table.Column(name));
  }
  columns.labels = table.OptionalColumn("labels");
  columns.taints = table.OptionalColumn("taints");
  columns.in_service = table.OptionalColumn("in_service");
  return columns;
}

Result<placement::NodeIdentity> ReadIdentity(const CsvRow& row, const NodeColumns& columns) {
  placement::NodeIdentity identity;
  std::optional<Labels> labels = ParseLabels(row.Text(columns.labels));
  if (!labels.has_value()) {
    return row.Expected(columns.labels, "for example 'zone=a|disk=ssd', each label once");
  }
  identity.labels = std::move(*labels);
  std::optional<std::vector<placement::Taint>> taints = ParseTaints(row.Text(columns.taints));
  if (!taints.has_value()) {
    return row.Expected(columns.taints, "for example 'team=ml|old'");
  }
  identity.taints = std::move(*taints);
  FLEXAI_ASSIGN_OR_RETURN(const size_t in_service, row.Word(columns.in_service, kNoYes, 1));
  identity.in_service = in_service != 0;
  return identity;
}

}  // namespace

Status AddNodes(std::string_view text, std::string_view name, OtherColumns others, NodeList* to) {
  FLEXAI_ASSIGN_OR_RETURN(const CsvTable table, CsvTable::Parse(text, name));
  if (others == OtherColumns::kRefused) {
    FLEXAI_RETURN_IF_ERROR(table.AllowOnly(kColumns));
  }
  FLEXAI_ASSIGN_OR_RETURN(const NodeColumns columns, FindColumns(table));
  NodeList all = *to;
  std::unordered_set<std::string_view> names;
  std::unordered_set<std::string_view> known;
  for (const placement::NodeSpec& node : to->specs) {
    known.insert(node.name);
  }
  for (size_t i = 0; i < table.size(); ++i) {
    const CsvRow row = table.row(i);
    placement::NodeSpec node;
    FLEXAI_ASSIGN_OR_RETURN(node.name, row.Name(columns.sn, &names));
    if (known.contains(node.name)) {
      return InvalidArgument(fmt::format("{}: there is a node '{}' already", row.place(), node.name));
    }
    FLEXAI_ASSIGN_OR_RETURN(node.cpu_milli, row.Number(columns.cpu, kMostCpuMilli));
    FLEXAI_ASSIGN_OR_RETURN(node.memory_mib, row.Number(columns.memory, kMostMemoryMib));
    FLEXAI_ASSIGN_OR_RETURN(const int64_t devices, row.Number(columns.gpu, placement::kMostDevices));
    node.devices = static_cast<int32_t>(devices);
    if (devices > 0 || !row.Text(columns.model).empty()) {
      FLEXAI_ASSIGN_OR_RETURN(node.model, AddModel(&all.models, row.Text(columns.model), row.place()));
    }
    FLEXAI_ASSIGN_OR_RETURN(placement::NodeIdentity identity, ReadIdentity(row, columns));
    all.specs.push_back(std::move(node));
    all.identities.push_back(std::move(identity));
  }
  *to = std::move(all);
  return {};
}

std::string NodesText(const NodeList& nodes) {
  bool labels = false, taints = false, in_service = false;
  for (const placement::NodeIdentity& identity : nodes.identities) {
    labels = labels || !identity.labels.empty();
    taints = taints || !identity.taints.empty();
    in_service = in_service || !identity.in_service;
  }
  // A node without devices has number 0 if its model is not said. So has one of the first model, which must
  // be said somewhere.
  const bool name_first = !nodes.models.empty() && std::none_of(nodes.specs.begin(), nodes.specs.end(),
                                                                [](const placement::NodeSpec& node) {
                                                                  return node.devices > 0 && node.model == 0;
                                                                });
  std::string text = fmt::format("sn,cpu_milli,memory_mib,gpu,model{}{}{}\n", labels ? ",labels" : "",
                                 taints ? ",taints" : "", in_service ? ",in_service" : "");
  for (size_t i = 0; i < nodes.specs.size(); ++i) {
    const placement::NodeSpec& node = nodes.specs[i];
    const placement::NodeIdentity& identity = nodes.identities[i];
    const bool has_model = node.devices > 0 || node.model != 0 || name_first;
    text += fmt::format("{},{},{},{},{}", node.name, node.cpu_milli, node.memory_mib, node.devices,
                        has_model ? nodes.models[static_cast<size_t>(node.model)] : "");
    text += labels ? "," + LabelsText(identity.labels) : "";
    text += taints ? "," + TaintsText(identity.taints) : "";
    text += in_service ? (identity.in_service ? ",yes" : ",no") : "";
    text += "\n";
  }
  return text;
}

Result<int> AddModel(std::vector<std::string>* models, std::string_view name, std::string_view place) {
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

placement::Resources CapacityOf(const std::vector<placement::NodeSpec>& nodes) {
  placement::Resources capacity;
  for (const placement::NodeSpec& node : nodes) {
    capacity.cpu_milli += node.cpu_milli;
    capacity.memory_mib += node.memory_mib;
    capacity.device_milli[static_cast<size_t>(node.model)] += int64_t{node.devices} * placement::kWholeDevice;
  }
  return capacity;
}

}  // namespace flexai::simulator
