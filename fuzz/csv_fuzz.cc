// Traces, workloads and snapshots that people bring: nodes, pods, tasks and queues as CSV, with lines of
// "===" between. What is read must be the same once it was written and read again; the queues may make a
// tree, and what a snapshot says to run must fit.
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "placement/queues.h"
#include "simulator/openb.h"
#include "simulator/snapshot.h"
#include "simulator/what_if.h"
#include "simulator/workload.h"

using namespace flexai;

namespace {

constexpr size_t kMostPlayed = 50;  // nodes and tasks of a snapshot that goes through a cycle

std::string_view TakePart(std::string_view* text) {
  constexpr std::string_view kBetween = "===\n";
  const size_t end = std::min(text->find(kBetween), text->size());
  const std::string_view part = text->substr(0, end);
  text->remove_prefix(std::min(end + kBetween.size(), text->size()));
  return part;
}

void Require(bool condition) {
  if (!condition) {
    __builtin_trap();
  }
}

// Nodes, and tasks as those of a snapshot, at a time after all of them.
void ReadAsSnapshot(std::string_view nodes, std::string_view tasks, std::string_view queues) {
  const simulator::SnapshotTexts texts{std::string(nodes), std::string(tasks), std::string(queues),
                                       "now_s\n1000000\n"};
  const Result<simulator::Snapshot> snapshot = simulator::ParseSnapshot(texts, "snapshot");
  if (!snapshot.ok()) {
    return;
  }
  const simulator::SnapshotTexts written = simulator::TextsOf(*snapshot);
  const Result<simulator::Snapshot> again = simulator::ParseSnapshot(written, "snapshot");
  Require(again.ok());
  const simulator::SnapshotTexts twice = simulator::TextsOf(*again);
  Require(twice.nodes == written.nodes && twice.tasks == written.tasks && twice.queues == written.queues);
  if (snapshot->nodes.specs.size() > kMostPlayed || snapshot->tasks.size() > kMostPlayed) {
    return;
  }
  const Result<simulator::Change> change =
      simulator::ParseChange({}, {snapshot->nodes.specs.front().name}, *snapshot);
  Require(change.ok());
  simulator::WhatIfOptions options;
  options.policy = "binpack";
  const Status status = simulator::RunWhatIf(*snapshot, *change, options).status();
  Require(status.ok() || status.code() == Code::kInvalidArgument);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string_view nodes = TakePart(&text);
  const std::string_view pods = TakePart(&text);
  const std::string_view tasks_text = TakePart(&text);
  const Result<simulator::Trace> trace = simulator::ParseOpenb(nodes, "nodes", pods, "pods");
  const std::vector<std::string> models =
      trace.ok() ? trace->models : std::vector<std::string>{"T4", "V100M16", "V100M32"};
  const auto queues = simulator::ParseQueues(text, "queues", models);
  if (queues.ok()) {
    const auto again = simulator::ParseQueues(simulator::QueuesText(*queues, models), "queues", models);
    Require(again.ok() && *again == *queues);
    placement::Resources capacity;
    capacity.device_milli.fill(1'000'000);
    static_cast<void>(placement::QueueTree::Make(*queues, capacity, Seconds(1)));
  }
  const auto tasks = simulator::ParseTasks(tasks_text, "tasks", models,
                                           queues.ok() ? *queues : std::vector<placement::QueueSpec>());
  if (tasks.ok()) {
    const auto again = simulator::ParseTasks(simulator::TasksText(*tasks, models), "tasks", models);
    Require(again.ok() && *again == *tasks);
  }
  ReadAsSnapshot(nodes, tasks_text, text);
  return 0;
}
