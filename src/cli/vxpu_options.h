// The options that describe a vXPU, as texts: shared by `run`, its --vxpu lists and `resize`.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "node/vxpu.h"

namespace flexai::cli {

// Sets the field that `name` (share, limit, memory, priority, device, name) means from its text.
// kInvalidArgument with one sentence that begins with the option.
Status SetVxpuField(std::string_view name, std::string_view text, node::VxpuRequest* request);

// SetVxpuField for each pair whose text is not empty.
Status SetVxpuFields(std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                     node::VxpuRequest* request);

// The fields of a list "share=30%,memory=2Gi".
Status SetVxpuList(std::string_view list, node::VxpuRequest* request);

}  // namespace flexai::cli
