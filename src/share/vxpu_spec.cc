#include "share/vxpu_spec.h"

#include <fmt/format.h>

#include <algorithm>

namespace flexai::share {

std::string_view PriorityName(Priority priority) {
  switch (priority) {
    case Priority::kLow:
      return "low";
    case Priority::kNormal:
      return "normal";
    case Priority::kHigh:
      return "high";
  }
  return "normal";
}

Result<Priority> ParsePriority(std::string_view text) {
  for (const Priority priority : {Priority::kLow, Priority::kNormal, Priority::kHigh}) {
    if (text == PriorityName(priority)) {
      return priority;
    }
  }
  return InvalidArgument(fmt::format("the priority \"{}\" is none of low, normal and high", text));
}

Status Validate(const ComputeShare& share) {
  if (share.request.value == 0) {
    return InvalidArgument("a share of 0 % can run nothing: ask for at least 0.1 %");
  }
  if (share.request > kWholeDevice) {
    return InvalidArgument(
        fmt::format("a share of {} is more than one device", FormatPermille(share.request)));
  }
  if (share.limit > kWholeDevice) {
    return InvalidArgument(fmt::format("a limit of {} is more than one device", FormatPermille(share.limit)));
  }
  if (share.limit < share.request) {
    return InvalidArgument(fmt::format("the limit of {} is below the guaranteed share of {}",
                                       FormatPermille(share.limit), FormatPermille(share.request)));
  }
  if (share.priority > Priority::kHigh) {
    return InvalidArgument("the priority is none of low, normal and high");
  }
  return {};
}

Status Validate(const VxpuSpec& spec) {
  constexpr size_t kMaxName = 63;
  if (spec.id == 0) {
    return InvalidArgument("a vXPU's id must not be 0");
  }
  if (spec.name.size() > kMaxName) {
    return InvalidArgument(
        fmt::format("the vXPU name is {} bytes long, at most {} are allowed", spec.name.size(), kMaxName));
  }
  if (std::any_of(spec.name.begin(), spec.name.end(), [](unsigned char c) { return c < ' ' || c == 127; })) {
    return InvalidArgument("the vXPU name contains a control character");
  }
  if (spec.memory.value == 0) {
    return InvalidArgument("a memory quota of 0 B can hold nothing");
  }
  return Validate(spec.share);
}

}  // namespace flexai::share
