// `flexai sim what-if`: what more or fewer nodes, or more tasks, would do to a cluster.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/command.h"

namespace flexai::cli {

struct SimWhatIfOptions {
  std::string snapshot;                   // folder
  std::string add_nodes;                  // file; empty: none come
  std::vector<std::string> remove_nodes;  // names
  std::string add_tasks;                  // file; empty: none come
  std::string policy = "hi";
  bool no_preempt = false;
  bool move = false;
  std::string reserve_after = "10m";
  size_t explain = 10;  // jobs of which it is said why they wait
};

int SimWhatIf(const Context& context, const SimWhatIfOptions& options);

}  // namespace flexai::cli
