// `flexai sim`: placement policies on recorded or made-up workloads, without a cluster.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace flexai::cli {

struct SimOpenbOptions {
  std::string nodes;                // file
  std::string pods;                 // file
  std::string policies = "fgd,hi";  // names, separated by commas
  std::string seeds = "42-51";      // one, or the first and the last
  double until = 1.3;               // of the devices' capacity
  bool remote = false;              // tasks may have their devices on another node
  double cpu_scale = 1;             // every node's CPU is multiplied by this
  std::string plot;                 // file for a picture; empty: none
  std::string log;                  // file for every decision; empty: none
  bool timing = false;              // show how long decisions take, which no two runs agree on
  std::string published;            // file with published results to show beside; empty: none
};

int SimOpenb(const Context& context, const SimOpenbOptions& options);

}  // namespace flexai::cli
