#include "simulator/decision_log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iterator>

#include "os/files.h"

namespace flexai::simulator {

Result<std::unique_ptr<DecisionLog>> DecisionLog::Create(const std::string& path, const Trace& trace,
                                                         uint64_t seed) {
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(path, ""));
  std::unique_ptr<DecisionLog> log(new DecisionLog(path, trace));
  for (const placement::NodeSpec& node : DrawArrivals(trace, {seed, 0}).nodes) {
    log->nodes_.push_back(node.name);
  }
  log->text_ = "seq,pod,cpu,memory,num_gpu,gpu_milli,spec,cpu_node,gpu_node,gpus,result\n";
  return log;
}

void DecisionLog::Add(const Decision& decision) {
  const placement::TaskShape& shape = decision.pod->shape;
  fmt::format_to(std::back_inserter(text_), "{},{},{},{},{},{},{},", decision.sequence, decision.pod->name,
                 shape.cpu_milli, shape.memory_mib, shape.devices, shape.share_milli,
                 ModelNames(trace_.models, shape.models));
  if (decision.where == nullptr) {
    text_ += ",,,dropped\n";
    return;
  }
  const bool devices = shape.devices > 0;
  fmt::format_to(std::back_inserter(text_), "{},{},{},placed\n", nodes_[decision.where->cpu_node],
                 devices ? nodes_[decision.where->device_node] : "", fmt::join(decision.where->devices, "|"));
}

Status DecisionLog::Finish() const { return os::WriteFile(path_, text_); }

}  // namespace flexai::simulator
