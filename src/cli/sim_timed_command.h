// `flexai sim timed`: jobs that arrive, wait, run and end, under the scheduler of a cluster.
#pragma once

#include <string>

#include "cli/command.h"

namespace flexai::cli {

struct SimTimedOptions {
  std::string nodes;   // file in the openb format
  std::string pods;    // file in the openb format: the shapes of tasks
  std::string tasks;   // file of a timed workload; empty: one is drawn
  std::string queues;  // file; empty: as the tasks name them
  std::string policies = "best-fit,fgd,hi";
  std::string seeds = "1-3";
  // Of a workload that is drawn.
  double load = 0.9;            // device time asked for by device time there is
  std::string median = "600s";  // duration
  double sigma = 1;             // of the durations' logarithm
  double high = 0.1;            // part of the tasks with high priority
  double gangs = 0.02;          // part of the arrivals that are gangs of 2, 4 or 8
  std::string low_window;       // in which tasks of low priority may start; empty: at any time
  std::string restart = "30s";
  std::string min_run = "0s";
  // Of the run.
  std::string warm_up = "1h";
  std::string horizon = "3h";
  std::string reserve_after = "10m";
  std::string mean_up;  // of a node between failures; empty: none
  bool no_preempt = false;
  bool move = false;
  std::string explain;      // name of a job
  bool only_high = false;   // leave out the drawn tasks of low priority
  std::string plot;         // file for a picture; empty: none
  std::string snapshot_at;  // time; empty: no snapshot is taken
  std::string snapshot;     // folder for it
  std::string write_tasks;  // file to which the drawn workload is written
};

int SimTimed(const Context& context, const SimTimedOptions& options);

}  // namespace flexai::cli
