#include "simulator/snapshot.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "placement/demand.h"
#include "simulator/generator.h"
#include "simulator/sample.h"
#include "simulator/timed.h"

namespace flexai::simulator {
namespace {

// Two nodes of two devices, at 100 s.
SnapshotTexts Texts(const std::string& tasks) {
  return {"sn,cpu_milli,memory_mib,gpu,model,labels\na,8000,1000,2,T4,zone=x\nb,8000,1000,2,T4,\n",
          "name,arrival_s,cpu_milli,num_gpu,gpu_milli,gpu_spec,gang,gang_min,remote,node,device_node,devices,"
          "started_s\n" +
              tasks,
          "", "now_s\n100\n"};
}

std::string Wrong(const std::string& tasks) { return ParseSnapshot(Texts(tasks), "f").status().message(); }

TEST(Snapshot, ReadsWhatRunsAndWhatWaits) {
  const auto snapshot =
      ParseSnapshot(Texts("late,20,1000,1,500,V100,,,,,,,\nearly,10,1000,2,500,,,,,a,,0|1,12.5\n"
                          "far,30,1000,1,500,,,,allowed,a,b,1,30\n"),
                    "f");
  ASSERT_TRUE(snapshot.ok()) << snapshot.status().message();
  EXPECT_EQ(snapshot->now, Seconds(100));
  EXPECT_EQ(snapshot->tasks[0].name, "early") << "by arrival, each with its place";
  ASSERT_TRUE(snapshot->places[0].has_value());
  EXPECT_EQ(snapshot->places[0]->where.devices, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(snapshot->places[0]->started, Millis(12'500));
  EXPECT_FALSE(snapshot->places[1].has_value());
  EXPECT_EQ(snapshot->tasks[1].shape.models, placement::OneModel(1)) << "a model that no node has";
  EXPECT_EQ(snapshot->places[2]->where.cpu_node, 0u);
  EXPECT_EQ(snapshot->places[2]->where.device_node, 1u);
  ASSERT_EQ(snapshot->queues.size(), 1u);
  EXPECT_EQ(snapshot->queues[0].name, "default");
}

TEST(Snapshot, SaysWhatCanNotBe) {
  EXPECT_EQ(Wrong("t,0,1,0,0,,,,,z,,,1\n"), "f/tasks.csv:2: node is 'z', expected the name of a node");
  EXPECT_EQ(Wrong("t,101,1,0,0,,,,,,,,\n"),
            "f/tasks.csv:2: the task arrives after 100 s, the time of the snapshot");
  EXPECT_EQ(Wrong("t,0,1,0,0,,,,,,,,1\n"),
            "f/tasks.csv:2: started_s is '1', expected nothing, as the task has no node");
  EXPECT_EQ(Wrong("t,0,1,1,10,,,,,a,b,0,1\n"),
            "f/tasks.csv:2: device_node is 'b', expected the task's node, as remote is 'never'");
  for (const char* devices : {"", "2", "0|1", "x", "-1"}) {
    EXPECT_EQ(Wrong(std::string("t,0,1,1,10,,,,,a,,") + devices + ",1\n"),
              std::string("f/tasks.csv:2: devices is '") + devices +
                  "', expected 1 of the numbers below 2, ascending, with | between");
  }
  EXPECT_EQ(Wrong("t,0,1,2,10,,,,,a,,1|0,1\n"),
            "f/tasks.csv:2: devices is '1|0', expected 2 of the numbers below 2, ascending, with | between");
  EXPECT_EQ(
      Wrong("t,5,1,0,0,,,,,a,,,4\n"),
      "f/tasks.csv:2: started_s is '4', expected 5 to 100, from its arrival to the time of the snapshot");
  EXPECT_EQ(
      Wrong("t,5,1,0,0,,,,,a,,,101\n"),
      "f/tasks.csv:2: started_s is '101', expected 5 to 100, from its arrival to the time of the snapshot");
}

TEST(Snapshot, SaysWhatHasNoRoomWhereItRuns) {
  EXPECT_EQ(
      Wrong("t,0,1,1,600,,,,,a,,1,1\nu,0,1,1,500,,,,,a,,1,1\n"),
      "f/tasks.csv:3: task 'u' can't run there: device 1 of node 'a' has 400 of 1000 thousandths left, and "
      "the task takes 500");
  EXPECT_EQ(
      Wrong("t,0,5000,0,0,,,,,a,,,1\nu,0,5000,0,0,,,,,a,,,1\n"),
      "f/tasks.csv:3: task 'u' can't run there: node 'a' has 3000 thousandths of a core left, and the task "
      "takes 5000");
  EXPECT_EQ(
      Wrong("t,0,1,1,600,V100,,,,a,,1,1\n"),
      "f/tasks.csv:2: task 't' can't run there: node 'a' has devices of another model than gpu_spec asks "
      "for");
}

TEST(Snapshot, AGangRunsWithAsManyAsItMay) {
  EXPECT_EQ(Wrong("t,0,1,0,0,,g,,,a,,,1\nu,0,1,0,0,,g,,,,,,\n"),
            "f/tasks.csv:2: gang 'g' runs with 1 members, expected 0 or 2 to 2");
  EXPECT_EQ(Wrong("t,0,1,0,0,,g,1,,a,,,1\nu,0,1,0,0,,g,1,,,,,\n"), "");
  EXPECT_EQ(Wrong("t,0,1,0,0,,g,1,,a,,,1\nu,0,2,0,0,,g,1,,,,,\n"),
            "f/tasks.csv:2: gang 'g' runs with 1 members, expected 0 or 2 to 2")
      << "of two shapes, both are needed";
}

TEST(Snapshot, TheTimeIsOneLine) {
  SnapshotTexts texts = Texts("t,0,1,0,0,,,,,,,,\n");
  texts.time = "now_s\n1\n2\n";
  EXPECT_EQ(ParseSnapshot(texts, "f").status().message(),
            "f/snapshot.csv: 2 lines after the heading, expected one");
}

// A world that snapshots are loaded into.
struct World {
  explicit World(const Snapshot& snapshot)
      : cluster(snapshot.nodes.specs),
        constraints(snapshot.nodes.identities),
        queues(std::move(*placement::QueueTree::Make(snapshot.queues, CapacityOf(snapshot.nodes.specs), {}))),
        policy(std::move(*placement::MakePolicy("binpack", {}))),
        jobs(std::move(*JobsOf(snapshot.tasks, queues, &constraints))),
        scheduler(cluster, constraints, queues, *policy, {}) {
    loaded = Restore(snapshot, jobs, &scheduler);
  }
  placement::Cluster cluster;
  placement::Constraints constraints;
  placement::QueueTree queues;
  std::unique_ptr<placement::Policy> policy;
  std::vector<Job> jobs;
  placement::Scheduler scheduler;
  Status loaded;
};

// What is written in the middle of a run is the same state when it is loaded.
TEST(Snapshot, GoesThereAndBack) {
  Trace trace = SampleTrace(40);
  trace.identities.resize(trace.nodes.size());
  for (size_t node = 0; node < trace.nodes.size(); ++node) {
    trace.identities[node].labels = {{"zone", node % 2 == 0 ? "x" : "y"}};
  }
  GeneratorOptions drawn;
  drawn.length = Seconds(7'200);
  drawn.load = 1.2;
  drawn.kinds = {{1, "batch", 0, true, Remote::kNever}, {0.3, "serving", 5, true, Remote::kNever}};
  drawn.gang_part = 0.1;
  drawn.gang_sizes = {2, 4};
  Workload workload = *DrawWorkload(trace, drawn);
  for (size_t i = 0; i < workload.tasks.size(); ++i) {
    TimedTask& task = workload.tasks[i];
    task.gang_min = std::max(1, task.gang_min / 2);
    if (task.gang.empty() && i % 7 == 0) {
      task.rules.selectors = {{"zone", placement::Selector::kIn, {"x"}}};
    }
    if (task.gang.empty() && i % 11 == 0) {
      task.rules.name = "web";
      task.rules.spreads = {{"zone", 2}};
    }
  }
  TimedOptions options;
  options.horizon = Seconds(7'200);
  options.snapshot_at = Seconds(3'601);
  options.mean_up = Seconds(40'000);
  const Result<TimedRun> run = RunTimed(trace, workload, options, "binpack");
  ASSERT_TRUE(run.ok()) << run.status().message();
  ASSERT_TRUE(run->snapshot.has_value());
  const Snapshot& taken = *run->snapshot;

  const SnapshotTexts texts = TextsOf(taken);
  const Result<Snapshot> again = ParseSnapshot(texts, "f");
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(again->tasks, taken.tasks);
  const SnapshotTexts second = TextsOf(*again);
  EXPECT_EQ(second.nodes, texts.nodes);
  EXPECT_EQ(second.tasks, texts.tasks);
  EXPECT_EQ(second.queues, texts.queues);
  EXPECT_EQ(second.time, texts.time);

  World world(*again);
  ASSERT_TRUE(world.loaded.ok()) << world.loaded.message();
  const Status audit = world.scheduler.Audit();
  EXPECT_TRUE(audit.ok()) << audit.message();
  size_t running = 0;
  for (const Job& job : world.jobs) {
    const auto& members = *world.scheduler.members(job.spec.id);
    running += members.empty() ? 0 : 1;
    EXPECT_EQ(members.size(), MembersOf(taken, job).size()) << job.spec.name;
  }
  EXPECT_GT(running, 10u);
  EXPECT_GT(world.scheduler.waiting(), 0u);
  EXPECT_EQ(running + world.scheduler.waiting(), world.jobs.size());

  // The run is the same with and without.
  options.snapshot_at.reset();
  const Result<TimedRun> without = RunTimed(trace, workload, options, "binpack");
  EXPECT_EQ(without->allocation, run->allocation);
  EXPECT_EQ(without->course, run->course);
}

TEST(Snapshot, NothingIsNoSnapshot) {
  EXPECT_EQ(WriteSnapshot({}, "nowhere").message(),
            "no task waits or runs at 0 s: there is nothing to write to nowhere");
}

}  // namespace
}  // namespace flexai::simulator
