// The demo's tasks and the three ways they are run.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "outcome.h"
#include "rig.h"

namespace flexai::demo {

struct Task {
  std::string name;
  std::string program;  // a name in the build folder, or a path
  std::vector<std::string> arguments;
  std::string start;  // what follows "start NS" on its command line
  bench::Vxpu vxpu;
};

struct ScenarioOptions {
  std::string python;         // an interpreter with the packages of demo/requirements.txt
  std::string source_folder;  // of the repository
  bool quick = false;         // a few steps of each: shows that everything works
};

class Scenario {
 public:
  // Makes what the tasks start from, natively, and finds the speed at which the log keeps this device busy
  // enough.
  static Result<Scenario> Prepare(bench::Rig& rig, const ScenarioOptions& options);

  // Native, each task when the one before has ended.
  Result<RunOutcome> RunOneByOne();
  // Native, all from one moment, with nothing between them and the device.
  Result<RunOutcome> RunUncontrolled();
  // The same on vXPUs.
  Result<RunOutcome> RunOnVxpus();

  std::vector<int> asked_permille() const;

 private:
  Scenario(bench::Rig& rig, ScenarioOptions options) : rig_(&rig), options_(std::move(options)) {}
  std::string Tool(const std::string& name) const { return options_.source_folder + "/demo/tasks/" + name; }
  Status MakeInputs();
  void DescribeTasks();
  Status FindStretch();
  bench::Launch LaunchOf(const Task& task, bool on_vxpu, const std::string& busy_log) const;
  Result<RunOutcome> RunTogether(const std::string& title, bool on_vxpus);

  bench::Rig* rig_;
  ScenarioOptions options_;
  std::vector<Task> tasks_;
};

}  // namespace flexai::demo
