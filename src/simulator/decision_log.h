// Every decision of a run as CSV: seq,pod,cpu,memory,num_gpu,gpu_milli,spec,cpu_node,gpu_node,gpus,result.
//
// `spec` and `gpus` are lists with "|" between; `result` is "placed" or "dropped", and what a dropped pod has
// no place of is empty. docs/formats/decision-log.md describes it; tools/logcheck replays it.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "simulator/arrivals.h"

namespace flexai::simulator {

class DecisionLog {
 public:
  // Refuses a file that can't be written. `trace` must outlive the log; `seed` is the run's, whose arrivals
  // tell the nodes' names.
  static Result<std::unique_ptr<DecisionLog>> Create(const std::string& path, const Trace& trace,
                                                     uint64_t seed);

  void Add(const Decision& decision);
  // Writes the file.
  Status Finish() const;

 private:
  DecisionLog(std::string path, const Trace& trace) : path_(std::move(path)), trace_(trace) {}

  std::string path_;
  const Trace& trace_;
  std::vector<std::string> nodes_;  // names by NodeId of the run
  std::string text_;
};

}  // namespace flexai::simulator
