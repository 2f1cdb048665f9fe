#include "simulator/timed.h"

#include <gmock/gmock.h>

#include "simulator/generator.h"
#include "simulator/timed_comparison.h"

namespace flexai::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two nodes of two devices.
Trace SmallTrace() {
  Trace trace;
  trace.models = {"T4"};
  trace.nodes = {{"a", 8'000, 1'000, 2, 0}, {"b", 8'000, 1'000, 2, 0}};
  trace.pods = {{"p", {1'000, 10, 1, 1'000, placement::kAnyModel}}};
  return trace;
}

TimedTask Task(const std::string& name, int64_t arrival, int64_t duration, int32_t devices,
               int32_t priority = 0) {
  TimedTask task;
  task.name = name;
  task.arrival = Seconds(arrival);
  task.duration = Seconds(duration);
  task.shape = {1'000, 10, devices, 1'000, placement::kAnyModel};
  task.priority = priority;
  task.restart = Seconds(5);
  return task;
}

placement::QueueSpec DefaultQueue() {
  placement::QueueSpec queue;
  queue.name = "default";
  return queue;
}

TimedRun Simulate(std::vector<TimedTask> tasks, TimedOptions options, const std::string& policy = "binpack") {
  Workload workload;
  workload.tasks = std::move(tasks);
  workload.queues = {DefaultQueue()};
  Result<TimedRun> run = RunTimed(SmallTrace(), workload, options, policy);
  EXPECT_TRUE(run.ok()) << run.status().message();
  return std::move(*run);
}

TimedOptions Until(int64_t seconds) {
  TimedOptions options;
  options.horizon = Seconds(seconds);
  return options;
}

TEST(Timed, CountsWhatIsTakenAndWhoWaits) {
  const TimedRun run =
      Simulate({Task("x", 0, 50, 2), Task("y", 0, 100, 2), Task("z", 10, 20, 2)}, Until(100));
  // x and y take all until 50; z runs from 50 to 70 on half of it, and y goes on.
  EXPECT_DOUBLE_EQ(run.allocation, 100 * (0.5 * 50 + 0.5 * 100 + 0.5 * 20) / 100);
  EXPECT_DOUBLE_EQ(run.goodput, run.allocation);
  EXPECT_EQ(run.waits.jobs, 3u);
  EXPECT_DOUBLE_EQ(run.waits.mean, 40.0 / 3);
  EXPECT_DOUBLE_EQ(run.waits.p99, 40);
  EXPECT_EQ(run.finished, 2u) << "y ends with the horizon";
  EXPECT_EQ(run.course.size(), 100u);
  EXPECT_EQ(run.course[60], (std::pair<double, size_t>(100, 0)));
  EXPECT_EQ(run.course[20], (std::pair<double, size_t>(100, 1)));
}

TEST(Timed, WhatIsLostIsNoGoodput) {
  TimedOptions options = Until(200);
  options.explain = "low";
  const TimedRun run =
      Simulate({Task("low", 0, 100, 2), Task("other", 0, 200, 2, 1), Task("high", 40, 10, 2, 1)}, options);
  EXPECT_EQ(run.evictions, 1u);
  // low: 40 s lost, 10 s waiting, 5 s of restart and 100 s of work.
  EXPECT_DOUBLE_EQ(run.goodput, 100 * (0.5 * 200 + 0.5 * 10 + 0.5 * 100) / 200);
  EXPECT_DOUBLE_EQ(run.allocation, 100 * (0.5 * 200 + 0.5 * 10 + 0.5 * (40 + 105)) / 200);
  EXPECT_DOUBLE_EQ(run.by_priority.at(0).mean, 10);
  EXPECT_DOUBLE_EQ(run.by_priority.at(1).p99, 0);
  EXPECT_THAT(run.story, ElementsAre("0.0 s: started: it is its turn and it fits",
                                     "40.0 s: ended: job 'high' has priority 1 and this one 0",
                                     HasSubstr("40.0 s: job 'low' in queue 'default' needs 2 devices"),
                                     "50.0 s: started: it is its turn and it fits", "155.0 s: finished"));
}

TEST(Timed, AMovedJobKeepsWhatItHasDone) {
  TimedOptions options = Until(200);
  options.scheduler.move = true;
  // One device idle on each node from 10 on, and then one needs two.
  const TimedRun run = Simulate({Task("a", 0, 100, 1), Task("b", 0, 10, 1), Task("c", 0, 100, 1),
                                 Task("d", 0, 10, 1), Task("wide", 20, 50, 2)},
                                options);
  EXPECT_EQ(run.moves, 1u);
  EXPECT_EQ(run.evictions, 0u);
  EXPECT_DOUBLE_EQ(run.waits.p99, 0);
  EXPECT_EQ(run.finished, 5u);
  EXPECT_DOUBLE_EQ(run.goodput, 100 * (100 + 10 + 100 + 10 + 2 * 50) / (4.0 * 200));
  EXPECT_DOUBLE_EQ(run.allocation, 100 * (100 + 10 + 105 + 10 + 2 * 50) / (4.0 * 200));
}

TEST(Timed, OnlyTheWindowCounts) {
  TimedOptions options = Until(100);
  options.warm_up = Seconds(50);
  const TimedRun run =
      Simulate({Task("x", 0, 60, 2), Task("y", 0, 1'000, 2), Task("z", 55, 1'000, 2)}, options);
  EXPECT_DOUBLE_EQ(run.allocation, 100);
  EXPECT_EQ(run.waits.jobs, 1u);
  EXPECT_DOUBLE_EQ(run.waits.mean, 5);
}

TEST(Timed, GangsAreRowsWithOneName) {
  std::vector<TimedTask> tasks{Task("hold", 0, 30, 1)};
  for (int i = 0; i < 4; ++i) {
    tasks.push_back(Task("m" + std::to_string(i), 10, 20, 1));
    tasks.back().gang = "train";
    tasks.back().gang_min = 4;
    tasks.back().gang_max = 4;
  }
  const TimedRun run = Simulate(tasks, Until(100));
  EXPECT_DOUBLE_EQ(run.by_size.at("gang").mean, 20);
  EXPECT_EQ(run.by_size.at("gang").jobs, 1u);
  EXPECT_EQ(run.finished, 2u);
  // With three enough, it starts at once; and gets the fourth when that is idle.
  for (size_t i = 1; i < tasks.size(); ++i) {
    tasks[i].gang_min = 3;
  }
  const TimedRun elastic = Simulate(tasks, Until(100));
  EXPECT_DOUBLE_EQ(elastic.by_size.at("gang").mean, 0);
  EXPECT_EQ(elastic.finished, 2u);
}

TEST(Timed, NodesFailAndComeBack) {
  TimedOptions options = Until(100'000);
  options.mean_up = Seconds(2'000);
  options.mean_repair = Seconds(100);
  std::vector<TimedTask> tasks;
  for (int i = 0; i < 200; ++i) {
    tasks.push_back(Task("t" + std::to_string(i), i * 300, 400, 1));
  }
  const TimedRun run = Simulate(tasks, options);
  EXPECT_GT(run.failures, 10u);
  EXPECT_LT(run.goodput, run.allocation);
  EXPECT_EQ(run.finished, 200u) << "all of them, in the end";
}

TEST(Timed, JobsStartInTheirWindowsFromAMondayOn) {
  // Tuesday, an hour after midnight.
  TimedTask task = Task("night", 0, 10, 1);
  task.window = *placement::TimeWindow::Parse("tue 01:00-02:00");
  TimedOptions options = Until(2 * 86'400);
  options.explain = "night";
  const TimedRun run = Simulate({task}, options);
  EXPECT_THAT(run.story,
              ElementsAre(HasSubstr("0.0 s: job 'night' waits for its time"),
                          "90000.0 s: started: it is its turn and it fits", "90010.0 s: finished"));
}

TEST(Timed, RulesHold) {
  Trace trace = SmallTrace();
  trace.identities.resize(2);
  trace.identities[0].labels = {{"zone", "x"}};
  trace.identities[1].labels = {{"zone", "y"}};
  trace.identities[1].taints = {{"old", ""}};
  Workload workload;
  workload.queues = {DefaultQueue()};
  // Where it may go, two of three have room at a time; apart, one at a time.
  const auto wait_of_three = [&](const placement::ClassRules& rules) {
    workload.tasks.clear();
    for (const char* name : {"a", "b", "c"}) {
      workload.tasks.push_back(Task(name, 0, 10, 1));
      workload.tasks.back().rules = rules;
    }
    const Result<TimedRun> run = RunTimed(trace, workload, Until(100), "binpack");
    EXPECT_TRUE(run.ok()) << run.status().message();
    return run->waits.mean * 3;
  };
  EXPECT_DOUBLE_EQ(wait_of_three({}), 0 + 0 + 10) << "one node has a taint";
  EXPECT_DOUBLE_EQ(wait_of_three({.tolerations = {{"old", ""}}}), 0);
  EXPECT_DOUBLE_EQ(wait_of_three({.tolerations = {{"", ""}}, .apart = {"zone"}}), 0 + 0 + 10);
  EXPECT_DOUBLE_EQ(wait_of_three({.apart = {"zone"}}), 0 + 10 + 20);
  EXPECT_DOUBLE_EQ(wait_of_three({.selectors = {{"zone", placement::Selector::kIn, {"z"}}}}), 3 * 100);
}

TEST(Timed, AGangIsAClassOfItsOwn) {
  Trace trace = SmallTrace();
  trace.identities.resize(2);
  trace.identities[0].labels = {{"zone", "x"}};
  trace.identities[1].labels = {{"zone", "y"}};
  Workload workload;
  workload.queues = {DefaultQueue()};
  for (const char* gang : {"g", "h"}) {
    for (int member = 0; member < 2; ++member) {
      TimedTask task = Task(gang + std::to_string(member), 0, 10, 1);
      task.gang = gang;
      task.gang_min = task.gang_max = 2;
      task.rules.apart = {"zone"};
      workload.tasks.push_back(task);
    }
  }
  // Members are apart from each other, not from those of the other gang.
  EXPECT_DOUBLE_EQ(RunTimed(trace, workload, Until(100), "binpack")->waits.p99, 0);
  // Of one service, both gangs together are a class.
  for (TimedTask& task : workload.tasks) {
    task.rules.name = "service";
  }
  EXPECT_DOUBLE_EQ(RunTimed(trace, workload, Until(100), "binpack")->waits.p99, 10);
}

TEST(Timed, ANodeComesBackWithItsLabels) {
  Trace trace = SmallTrace();
  trace.identities.resize(2);
  trace.identities[0].labels = {{"zone", "x"}};
  Workload workload;
  workload.queues = {DefaultQueue()};
  for (int i = 0; i < 100; ++i) {
    workload.tasks.push_back(Task("t" + std::to_string(i), i * 300, 200, 1));
    workload.tasks.back().rules.selectors = {{"zone", placement::Selector::kExists, {}}};
  }
  TimedOptions options = Until(60'000);
  options.mean_up = Seconds(2'000);
  options.mean_repair = Seconds(100);
  const Result<TimedRun> run = RunTimed(trace, workload, options, "binpack");
  ASSERT_TRUE(run.ok()) << run.status().message();
  EXPECT_GT(run->failures, 0u);
  EXPECT_EQ(run->finished, 100u);
}

TEST(Timed, WhatCannotBePlayedIsRefused) {
  Workload workload;
  workload.queues = {DefaultQueue()};
  workload.tasks = {Task("a", 0, 10, 1)};
  const auto refused = [&](const TimedOptions& options) {
    return RunTimed(SmallTrace(), workload, options, "fgd").status().message();
  };
  TimedOptions options = Until(100);
  options.explain = "b";
  EXPECT_EQ(refused(options), "there is no job 'b' to explain: a job has its task's or its gang's name");
  options = Until(100);
  options.snapshot_at = Seconds(100);
  EXPECT_EQ(refused(options), "the snapshot must be before the horizon");
  workload.tasks[0].remote = Remote::kOnly;
  EXPECT_EQ(refused(Until(100)),
            "task 'a': timed runs place locally, so 'remote' can't be 'only': use never or allowed");
  workload.tasks[0].remote = Remote::kAllowed;
  workload.tasks[0].queue = "other";
  EXPECT_EQ(refused(Until(100)), "task 'a': there is no queue 'other'");
}

// The same seeds give the same, whatever the threads do.
TEST(Timed, ComparisonsAreTheSameEachTime) {
  const Trace trace = SmallTrace();
  GeneratorOptions generator;
  generator.length = Seconds(5'000);
  generator.load = 1;
  generator.median_duration = Seconds(100);
  generator.kinds = {{0.8, "default", 0, true, Remote::kNever}, {0.2, "default", 1, true, Remote::kNever}};
  generator.gang_part = 0.1;
  generator.gang_sizes = {2, 3};
  const auto workload_of = [&](uint64_t seed) {
    GeneratorOptions drawn = generator;
    drawn.seed = seed;
    return DrawWorkload(trace, drawn);
  };
  TimedComparisonOptions options;
  options.policies = {"best-fit", "hi"};
  options.seeds = {1, 2, 3};
  options.timed = Until(5'000);
  options.timed.scheduler.move = true;
  const auto first = *CompareTimed(trace, workload_of, options);
  const auto second = *CompareTimed(trace, workload_of, options);
  for (size_t policy = 0; policy < 2; ++policy) {
    for (size_t seed = 0; seed < 3; ++seed) {
      EXPECT_EQ(first[policy].runs[seed].allocation, second[policy].runs[seed].allocation);
      EXPECT_EQ(first[policy].runs[seed].waits.mean, second[policy].runs[seed].waits.mean);
      EXPECT_GT(first[policy].runs[seed].waits.jobs, 50u);
    }
  }
  const Spread none = first[0].Minus(second[0], [](const TimedRun& run) { return run.goodput; });
  EXPECT_EQ(none.mean, 0);
  EXPECT_FALSE(none.above_zero() || none.below_zero());
}

TEST(Timed, TheIntervalIsStudents) {
  // Mean 2, standard deviation 1, three values: 4.303 / sqrt(3).
  const double values[] = {1, 2, 3};
  const Spread spread = SpreadOf(values);
  EXPECT_DOUBLE_EQ(spread.mean, 2);
  EXPECT_NEAR(spread.half_width, 2.484, 0.001);
  EXPECT_EQ(SpreadOf(std::span(values, 1)).half_width, 0);
}

}  // namespace
}  // namespace flexai::simulator
