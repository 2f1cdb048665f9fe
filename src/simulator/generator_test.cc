#include "simulator/generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace flexai::simulator {
namespace {

// A trace of 20 devices, with pods of all sorts.
Trace SmallTrace() {
  Trace trace;
  trace.models = {"T4", "V100", "A10"};
  for (int i = 0; i < 5; ++i) {
    trace.nodes.push_back({"n" + std::to_string(i), 64'000, 256'000, 4, i % 3});
  }
  trace.pods = {{"cpu", {4'000, 8'000, 0, 0, placement::kAnyModel}},
                {"part", {2'000, 8'000, 1, 300, placement::kAnyModel}},
                {"two", {8'000, 16'000, 2, 1'000, 5}}};
  return trace;
}

GeneratorOptions SomeOptions(uint64_t seed) {
  GeneratorOptions options;
  options.seed = seed;
  options.kinds = {{3, "batch", 0, true, Remote::kAllowed}, {1, "serving", 100, false}, {0, "never"}};
  options.gang_part = 0.1;
  options.gang_sizes = {2, 4};
  options.min_run = Seconds(30);
  options.restart = Millis(2'500);
  return options;
}

TEST(Generator, WorkloadsAreReadAsTheyWereWritten) {
  const Trace trace = SmallTrace();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Result<Workload> drawn = DrawWorkload(trace, SomeOptions(seed));
    ASSERT_TRUE(drawn.ok()) << drawn.status().message();
    ASSERT_GT(drawn->tasks.size(), 100u);
    const auto queues = ParseQueues(QueuesText(drawn->queues, trace.models), "q.csv", trace.models);
    ASSERT_TRUE(queues.ok()) << queues.status().message();
    EXPECT_EQ(*queues, drawn->queues);
    const auto tasks = ParseTasks(TasksText(drawn->tasks, trace.models), "t.csv", trace.models, *queues);
    ASSERT_TRUE(tasks.ok()) << tasks.status().message();
    EXPECT_EQ(*tasks, drawn->tasks);
  }
}

TEST(Generator, FollowsFromTheSeed) {
  const Trace trace = SmallTrace();
  EXPECT_EQ(DrawWorkload(trace, SomeOptions(1))->tasks, DrawWorkload(trace, SomeOptions(1))->tasks);
  EXPECT_NE(DrawWorkload(trace, SomeOptions(1))->tasks, DrawWorkload(trace, SomeOptions(2))->tasks);
}

TEST(Generator, KeepsToItsDistributions) {
  const Trace trace = SmallTrace();
  GeneratorOptions options = SomeOptions(1);
  options.length = Seconds(8'640'000);
  options.load = 0.7;
  const Result<Workload> workload = DrawWorkload(trace, options);
  ASSERT_TRUE(workload.ok());
  double offered = 0;
  double serving = 0;
  double log_sum = 0;
  double log_squares = 0;
  double first_half = 0;
  std::map<std::string, int32_t> gangs;
  size_t arrivals = 0;
  for (const TimedTask& task : workload->tasks) {
    ASSERT_NE(task.queue, "never");
    ASSERT_EQ(task.priority, task.queue == "serving" ? 100 : 0);
    offered += static_cast<double>(task.shape.device_milli()) * static_cast<double>(task.duration.value);
    const bool is_new = task.gang.empty() || gangs[task.gang]++ == 0;
    if (is_new) {
      ++arrivals;
      serving += task.queue == "serving";
      first_half += task.arrival < Seconds(4'320'000);
      const double log = std::log(static_cast<double>(task.duration.value) / 600e9);
      log_sum += log;
      log_squares += log * log;
    }
  }
  const auto count = static_cast<double>(arrivals);
  EXPECT_NEAR(offered / (20'000.0 * static_cast<double>(options.length.value)), 0.7, 0.02);
  EXPECT_NEAR(serving / count, 0.25, 0.01);
  EXPECT_NEAR(static_cast<double>(gangs.size()) / count, 0.1, 0.01);
  EXPECT_NEAR(first_half / count, 0.5, 0.01);
  EXPECT_NEAR(log_sum / count, 0, 0.02) << "the median is 600 s";
  EXPECT_NEAR(log_squares / count, 1, 0.03) << "sigma is 1";
  for (const TimedTask& task : workload->tasks) {
    if (!task.gang.empty()) {
      ASSERT_EQ(gangs[task.gang], task.gang_min);
      ASSERT_GT(task.shape.devices, 0);
    }
  }
}

TEST(Generator, AKindMayHaveAWindow) {
  const Trace trace = SmallTrace();
  GeneratorOptions options;
  TaskKind night;
  night.window = *placement::TimeWindow::Parse("22:00-06:00");
  TaskKind high;
  high.priority = 1;
  options.kinds = {night, high};
  const Workload workload = *DrawWorkload(trace, options);
  for (const TimedTask& task : workload.tasks) {
    EXPECT_EQ(task.window, task.priority == 0 ? night.window : std::nullopt) << task.name;
  }
  // All else is as without.
  options.kinds[0].window.reset();
  Workload without = *DrawWorkload(trace, options);
  for (TimedTask& task : without.tasks) {
    task.window = task.priority == 0 ? night.window : std::nullopt;
  }
  EXPECT_EQ(workload.tasks, without.tasks);
}

TEST(Generator, RefusesOptionsThatCannotBe) {
  const Trace trace = SmallTrace();
  const auto refused = [&trace](void (*change)(GeneratorOptions*)) {
    GeneratorOptions options;
    change(&options);
    return !DrawWorkload(trace, options).ok();
  };
  EXPECT_FALSE(refused([](GeneratorOptions*) {}));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->length = {}; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->load = 0; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->load = std::nan(""); }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->median_duration = {}; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->sigma = -1; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->kinds = {}; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->kinds[0].part = -1; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->kinds[0].priority = -1; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->kinds[0].queue = ""; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->gang_part = 0.5; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->gang_part = 2; }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) {
    o->gang_part = 0.5;
    o->gang_sizes = {2, 0};
  }));
  EXPECT_TRUE(refused([](GeneratorOptions* o) { o->median_duration = Millis(1); })) << "too many tasks";
  EXPECT_FALSE(DrawWorkload({trace.nodes, {trace.pods[0]}, trace.models}, {}).ok());
  EXPECT_FALSE(DrawWorkload({{}, trace.pods, trace.models}, {}).ok());
}

}  // namespace
}  // namespace flexai::simulator
