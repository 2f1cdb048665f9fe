#include "cli/vxpu_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "base/units.h"

namespace flexai::cli {

Status SetVxpuField(std::string_view field, std::string_view text, node::VxpuRequest* request) {
  const std::string option = fmt::format("--{}", field);
  const auto share = [&](std::optional<Permille>* to) -> Status {
    const Result<Permille> value = ParsePermille(text);
    if (!value.ok()) {
      return value.status().WithContext(option);
    }
    if (value->value == 0) {
      return InvalidArgument(fmt::format("{}: 0% is no share: ask for 0.1% or more", option));
    }
    *to = *value;
    return {};
  };
  if (field == "share") {
    return share(&request->request);
  }
  if (field == "limit") {
    return share(&request->limit);
  }
  if (field == "memory") {
    const Result<Bytes> memory = ParseBytes(text);
    if (!memory.ok() || memory->value == 0) {
      return memory.ok() ? InvalidArgument("--memory: 0 bytes hold nothing: ask for more, for example 512Mi")
                         : memory.status().WithContext(option);
    }
    request->memory = *memory;
    return {};
  }
  if (field == "priority") {
    const Result<node::Priority> priority = share::ParsePriority(text);
    if (!priority.ok()) {
      return priority.status().WithContext(option);
    }
    request->priority = *priority;
    return {};
  }
  if (field == "device" || field == "name") {
    (field == "device" ? request->device : request->name) = text;
    return {};
  }
  return InvalidArgument(fmt::format(
      "--vxpu: '{}' is not a field: use share, limit, memory, priority, device and name, for example "
      "share=30%,memory=2Gi",
      field));
}

Status SetVxpuFields(std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                     node::VxpuRequest* request) {
  for (const auto& [name, text] : fields) {
    if (!text.empty()) {
      FLEXAI_RETURN_IF_ERROR(SetVxpuField(name, text, request));
    }
  }
  return {};
}

Status SetVxpuList(std::string_view list, node::VxpuRequest* request) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view part = list.substr(0, comma);
    const size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return InvalidArgument(
          fmt::format("--vxpu: '{}' is not FIELD=VALUE: for example share=30%,memory=2Gi", part));
    }
    FLEXAI_RETURN_IF_ERROR(SetVxpuField(part.substr(0, equals), part.substr(equals + 1), request));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return {};
}

}  // namespace flexai::cli
