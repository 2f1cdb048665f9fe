#include "placement/device_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace flexai::placement {
namespace {

// One thing that a selector asks for.
struct Condition {
  std::string text;
  std::function<bool(const DeviceKind&)> holds;
};

std::vector<Condition> ConditionsOf(const DeviceSelector& selector) {
  std::vector<Condition> conditions;
  if (!selector.vendor.empty()) {
    conditions.push_back({fmt::format("vendor '{}'", selector.vendor),
                          [&](const DeviceKind& kind) { return kind.vendor == selector.vendor; }});
  }
  if (!selector.model.empty()) {
    conditions.push_back({fmt::format("model '{}'", selector.model),
                          [&](const DeviceKind& kind) { return kind.model == selector.model; }});
  }
  for (const auto& attribute : selector.attributes) {
    conditions.push_back(
        {fmt::format("{} '{}'", attribute.first, attribute.second), [&attribute](const DeviceKind& kind) {
           const auto found = kind.attributes.find(attribute.first);
           return found != kind.attributes.end() && found->second == attribute.second;
         }});
  }
  if (selector.least_memory_mib > 0) {
    conditions.push_back(
        {fmt::format("at least {} MiB", selector.least_memory_mib),
         [&](const DeviceKind& kind) { return kind.memory_mib >= selector.least_memory_mib; }});
  }
  return conditions;
}

}  // namespace

Result<int> DeviceKinds::Add(const DeviceKind& kind) {
  const auto known = std::find(kinds_.begin(), kinds_.end(), kind);
  if (known != kinds_.end()) {
    return static_cast<int>(known - kinds_.begin());
  }
  const auto& [share_step, memory_step] = kind.steps;
  if (share_step < 1 || share_step > kWholeDevice || memory_step < 1 || kind.memory_mib < 0 ||
      kind.memory_mib % memory_step != 0) {
    return InvalidArgument(fmt::format(
        "devices '{} {}' have {} MiB and hand out {} MiB and {} thousandths at a time: a step must "
        "be at least 1, the share's at most {}, and the memory a multiple of its step",
        kind.vendor, kind.model, kind.memory_mib, memory_step, share_step, kWholeDevice));
  }
  if (kinds_.size() == kMostModels) {
    return ResourceExhausted(
        fmt::format("devices '{} {}' are of one kind more than the {} that a cluster may have", kind.vendor,
                    kind.model, kMostModels));
  }
  kinds_.push_back(kind);
  return static_cast<int>(kinds_.size()) - 1;
}

Result<ModelSet> DeviceKinds::Select(const DeviceSelector& selector) const {
  const std::vector<Condition> conditions = ConditionsOf(selector);
  std::string all;
  for (const Condition& condition : conditions) {
    if (std::none_of(kinds_.begin(), kinds_.end(), condition.holds)) {
      return NotFound(fmt::format("no device has {}", condition.text));
    }
    all += (all.empty() ? "" : ", ") + condition.text;
  }
  ModelSet models = 0;
  for (size_t number = 0; number < kinds_.size(); ++number) {
    if (std::all_of(conditions.begin(), conditions.end(),
                    [&](const Condition& condition) { return condition.holds(kinds_[number]); })) {
      models |= OneModel(static_cast<int>(number));
    }
  }
  if (models == 0) {
    return NotFound(kinds_.empty() ? "there are no devices"
                                   : fmt::format("no device has all of this: {}", all));
  }
  return models;
}

void DeviceKinds::Describe(int number, NodeSpec* node) const {
  node->model = number;
  node->device_memory_mib = kind(number).memory_mib;
  node->steps = kind(number).steps;
}

}  // namespace flexai::placement
