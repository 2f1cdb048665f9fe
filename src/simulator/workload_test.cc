#include "simulator/workload.h"

#include <gtest/gtest.h>

namespace flexai::simulator {
namespace {

const std::vector<std::string> kModels = {"T4", "V100", "A10"};

TEST(Workload, FillsInWhatIsNotSaid) {
  const auto tasks = ParseTasks(
      "name,arrival_s,duration_s,cpu_milli,num_gpu,gpu_milli\nb,2,60,4000,1,500\na,1.5,0.25,100,0,0\n",
      "t.csv", kModels);
  ASSERT_TRUE(tasks.ok()) << tasks.status().message();
  ASSERT_EQ(tasks->size(), 2u);
  TimedTask expected;
  expected.name = "a";
  expected.arrival = Millis(1'500);
  expected.duration = Millis(250);
  expected.shape = {100, 0, 0, 0, placement::kAnyModel};
  EXPECT_EQ((*tasks)[0], expected) << "by arrival";
  EXPECT_EQ((*tasks)[1].shape, (placement::TaskShape{4'000, 0, 1, 500, placement::kAnyModel}));
  EXPECT_EQ((*tasks)[0].queue, "default");
  EXPECT_TRUE((*tasks)[0].preemptible);
  EXPECT_EQ((*tasks)[0].shape.remote, Remote::kNever);
}

constexpr const char* kHeading =
    "name,arrival_s,duration_s,cpu_milli,num_gpu,gpu_milli,gpu_spec,queue,priority,gang,gang_min,gang_max,"
    "preemptible,min_run_s,restart_s,remote\n";

TEST(Workload, ReadsWhatIsSaid) {
  const auto tasks = ParseTasks(std::string(kHeading) + "a,1,2,3,2,1000,V100|T4,q,7,,,,no,10,0.5,allowed\n",
                                "t.csv", kModels);
  ASSERT_TRUE(tasks.ok()) << tasks.status().message();
  const TimedTask& task = tasks->front();
  EXPECT_EQ(task.shape.models, 3u);
  EXPECT_EQ(task.queue, "q");
  EXPECT_EQ(task.priority, 7);
  EXPECT_FALSE(task.preemptible);
  EXPECT_EQ(task.min_run, Seconds(10));
  EXPECT_EQ(task.restart, Millis(500));
  EXPECT_EQ(task.shape.remote, Remote::kAllowed);
  EXPECT_EQ(task.shape.link_mbit, 0);
}

TEST(Workload, RemoteTasksSayWhatTheySend) {
  const std::string heading =
      "name,arrival_s,duration_s,cpu_milli,num_gpu,gpu_milli,remote,link_mbit,round_trips\n";
  const auto tasks = ParseTasks(heading + "a,1,2,3,1,1000,only,250,12.5\n", "t.csv", kModels);
  ASSERT_TRUE(tasks.ok()) << tasks.status().message();
  EXPECT_EQ((*tasks)[0].shape.remote, Remote::kOnly);
  EXPECT_EQ((*tasks)[0].shape.link_mbit, 250);
  EXPECT_EQ((*tasks)[0].round_trips, 12.5);
  const auto again = ParseTasks(TasksText(*tasks, kModels), "t.csv", kModels);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(*again, *tasks);
  EXPECT_EQ(ParseTasks(heading + "a,1,2,3,1,1000,only,fast,1\n", "t.csv", kModels).status().message(),
            "t.csv:2: link_mbit is 'fast', expected a whole number from 0 to 1000000000");
  EXPECT_EQ(ParseTasks(heading + "a,1,2,3,1,1000,only,1,-1\n", "t.csv", kModels).status().message(),
            "t.csv:2: round_trips is '-1', expected a number from 0 to 1000000");
}

TEST(Workload, TasksAskForMemoryOfDevices) {
  const std::string heading = "name,arrival_s,duration_s,cpu_milli,num_gpu,gpu_milli,gpu_memory_mib\n";
  const auto tasks = ParseTasks(heading + "a,1,2,3,1,500,8192\nb,1,2,3,0,0,8192\n", "t.csv", kModels);
  ASSERT_TRUE(tasks.ok()) << tasks.status().message();
  EXPECT_EQ((*tasks)[0].shape.device_memory_mib, 8'192);
  EXPECT_EQ((*tasks)[1].shape.device_memory_mib, 0) << "without devices there is none";
  const auto again = ParseTasks(TasksText(*tasks, kModels), "t.csv", kModels);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(*again, *tasks);
}

TEST(Workload, GangsAreAsLargeAsTheyHaveMembersUnlessSaid) {
  const auto tasks =
      ParseTasks(std::string(kHeading) +
                     "a,1,2,3,0,0,,,,g,,,,,,\nb,1,2,3,0,0,,,,g,,,,,,\nc,1,2,3,0,0,,,,h,1,,,,,\n"
                     "d,1,2,3,0,0,,,,h,1,2,,,,\n",
                 "t.csv", kModels);
  ASSERT_TRUE(tasks.ok()) << tasks.status().message();
  EXPECT_EQ((*tasks)[0].gang_min, 2);
  EXPECT_EQ((*tasks)[1].gang_max, 2);
  EXPECT_EQ((*tasks)[2].gang_min, 1);
  EXPECT_EQ((*tasks)[2].gang_max, 2);
}

TEST(Workload, SaysWhatIsWrongWithATask) {
  const std::pair<const char*, const char*> cases[] = {
      {",1,2,3,0,0,,,,,,,,,,\n", "t.csv:2: the name is empty"},
      {"a,1,2,3,0,0,,,,,,,,,,\na,1,2,3,0,0,,,,,,,,,,\n", "t.csv:3: the name 'a' is taken by a line before"},
      {"a,-1,2,3,0,0,,,,,,,,,,\n",
       "t.csv:2: arrival_s is '-1', expected seconds from 0 to 315360000, to the nanosecond"},
      {"a,1,0,3,0,0,,,,,,,,,,\n", "t.csv:2: duration_s is 0, expected more"},
      {"a,1,2,0,0,0,,,,,,,,,,\n", "t.csv:2: the task asks for nothing"},
      {"a,1,2,3,17,1,,,,,,,,,,\n", "t.csv:2: num_gpu is '17', expected a whole number from 0 to 16"},
      {"a,1,2,3,1,,,,,,,,,,,\n", "t.csv:2: gpu_milli is '', expected a whole number from 0 to 1000"},
      {"a,1,2,3,1,0,,,,,,,,,,\n", "t.csv:2: gpu_milli is 0 though num_gpu is 1"},
      {"a,1,2,3,1,1,H100,,,,,,,,,\n", "t.csv:2: no node has devices of model 'H100'"},
      {"a,1,2,3,1,1,,,-1,,,,,,,\n",
       "t.csv:2: priority is '-1', expected a whole number from 0 to 1000000000"},
      {"a,1,2,3,1,1,,,,,,,true,,,\n", "t.csv:2: preemptible is 'true', expected no, yes"},
      {"a,1,2,3,1,1,,,,,,,,,,perhaps\n", "t.csv:2: remote is 'perhaps', expected never, allowed, only"},
      {"a,1,2,3,0,0,,,,,,,,,,only\n", "t.csv:2: remote is 'only' though num_gpu is 0"},
      {"a,1,2,3,0,0,,,,,2,,,,,\n", "t.csv:2: gang_min or gang_max without a gang"},
      {"a,1,2,3,0,0,,,,g,,2,,,,\n", "t.csv:2: gang_max is '2', expected a whole number from 0 to 1"},
      {"a,1,2,3,0,0,,,,g,0,,,,,\n",
       "t.csv:2: gang_min and gang_max of gang 'g' are 0 and 1, expected 1 or more"},
      {"a,1,2,3,0,0,,p,,g,,,,,,\nb,1,2,3,0,0,,q,,g,,,,,,\n",
       "t.csv:3: queue, priority, gang_min or gang_max differ from those of 'a', which is in the same gang "
       "'g'"},
      {"a,1,2,3,0,0,,,,g,1,2,,,,\nb,1,2,3,0,0,,,,g,1,1,,,,\n",
       "t.csv:3: queue, priority, gang_min or gang_max differ from those of 'a', which is in the same gang "
       "'g'"},
      {"a,1,2,3,0,0,,,1,g,,,,,,\nb,1,2,3,0,0,,,2,g,,,,,,\n",
       "t.csv:3: queue, priority, gang_min or gang_max differ from those of 'a', which is in the same gang "
       "'g'"},
  };
  for (const auto& [lines, sentence] : cases) {
    const auto tasks = ParseTasks(std::string(kHeading) + lines, "t.csv", kModels);
    ASSERT_FALSE(tasks.ok()) << sentence;
    EXPECT_EQ(tasks.status().message(), sentence);
  }
}

constexpr const char* kRulesHeading =
    "name,arrival_s,duration_s,cpu_milli,num_gpu,gpu_milli,gang,service,selector,tolerate,spread,apart,"
    "together_class,together,window,expected_run_s\n";

TEST(Workload, ReadsRulesAndWindows) {
  const auto tasks = ParseTasks(std::string(kRulesHeading) +
                                    "a,1,2,3,0,0,g,web,zone in a|b;disk "
                                    "exists,team=ml|old,zone:2,host,rack,zone,mon|tue 22:00-06:00,90\n",
                                "t.csv", kModels);
  ASSERT_TRUE(tasks.ok()) << tasks.status().message();
  const TimedTask& task = tasks->front();
  const placement::ClassRules expected{
      "web",
      {{"zone", placement::Selector::kIn, {"a", "b"}}, {"disk", placement::Selector::kExists, {}}},
      {{"team", "ml"}, {"old", ""}},
      {{"zone", 2}},
      {"host"},
      {"rack"}};
  EXPECT_EQ(task.rules, expected);
  EXPECT_EQ(task.together, "zone");
  EXPECT_EQ(task.window, *placement::TimeWindow::Parse("mon,tue 22:00-06:00"));
  EXPECT_EQ(task.expected_run, Seconds(90));
  const auto again = ParseTasks(TasksText(*tasks, kModels), "t.csv", kModels);
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(*again, *tasks);
}

TEST(Workload, SaysWhatIsWrongWithRules) {
  const std::pair<const char*, const char*> cases[] = {
      {"a,1,2,3,0,0,,,zone,,,,,,,\n",
       "t.csv:2: selector is 'zone', expected for example 'zone in a|b;disk exists', with in, notin, exists, "
       "doesnotexist"},
      {"a,1,2,3,0,0,,,,a=,,,,,,\n",
       "t.csv:2: tolerate is 'a=', expected for example 'team=ml|old', or '*' for all"},
      {"a,1,2,3,0,0,,,,,zone,,,,,\n",
       "t.csv:2: spread is 'zone', expected for example 'zone:1', 1 or more each"},
      {"a,1,2,3,0,0,,,,,,a b,,,,\n", "t.csv:2: apart is 'a b', expected for example 'zone|rack'"},
      {"a,1,2,3,0,0,,,,,,,|,,,\n", "t.csv:2: together_class is '|', expected for example 'zone|rack'"},
      {"a,1,2,3,0,0,g,,,,,,,a|b,,\n", "t.csv:2: together is 'a|b', expected one label, for example 'zone'"},
      {"a,1,2,3,0,0,,,,,,,,zone,,\n", "t.csv:2: together without a gang"},
      {"a,1,2,3,0,0,,,,,,,,,,-1\n",
       "t.csv:2: expected_run_s is '-1', expected seconds from 0 to 315360000, to the nanosecond"},
      {"a,1,2,3,0,0,g,web,,,,,,,,\nb,1,2,3,0,0,g,,,,,,,,,\n",
       "t.csv:3: rules, together, window or expected_run_s differ from those of 'a', which is in the same "
       "gang "
       "'g'"},
  };
  for (const auto& [lines, sentence] : cases) {
    EXPECT_EQ(ParseTasks(std::string(kRulesHeading) + lines, "t.csv", kModels).status().message(), sentence);
  }
  EXPECT_TRUE(ParseTasks(std::string(kRulesHeading) + "a,1,2,3,0,0,,,,,,,,,24:00-25:00,\n", "t.csv", kModels)
                  .status()
                  .message()
                  .starts_with("t.csv:2: "));
}

TEST(Workload, KnowsItsColumns) {
  EXPECT_EQ(ParseTasks("name,arrival_s,duration_s,cpu_milli,num_gpu\na,1,2,3,0\n", "t.csv", kModels)
                .status()
                .message(),
            "t.csv:1: there is no column gpu_milli, only name, arrival_s, duration_s, cpu_milli, num_gpu");
  EXPECT_TRUE(
      ParseTasks("name,arrival_s,duration_s,cpu_milli,num_gpu,gpu_milli,priorty\na,1,2,3,0,0,5\n", "t.csv",
                 kModels)
          .status()
          .message()
          .starts_with("t.csv:1: nobody knows the column 'priorty', expected some of name, arrival_s,"));
}

TEST(Workload, TasksAreInQueuesThatAreLeaves) {
  const std::vector<placement::QueueSpec> queues = {{"top", ""}, {"q", "top"}};
  const auto parse = [&queues](const std::string& queue) {
    return ParseTasks(std::string(kHeading) + "a,1,2,3,0,0,," + queue + ",,,,,,,,\n", "t.csv", kModels,
                      queues);
  };
  EXPECT_TRUE(parse("q").ok());
  EXPECT_EQ(parse("p").status().message(), "t.csv:2: there is no queue 'p'");
  EXPECT_EQ(parse("").status().message(), "t.csv:2: there is no queue 'default'");
  EXPECT_EQ(parse("top").status().message(),
            "t.csv:2: queue 'top' has queues below it, expected one that has none");
}

TEST(Workload, ReadsQueues) {
  const auto queues = ParseQueues(
      "name,parent,weight,borrow,guaranteed_gpu_milli,guaranteed_models,limit_models,limit_cpu_milli,limit_"
      "memory_mib\n"
      "a,,2.5,no,4000,T4=1000|A10=500,,,\nb,a,,,,,V100=0,0,7\n",
      "q.csv", kModels);
  ASSERT_TRUE(queues.ok()) << queues.status().message();
  ASSERT_EQ(queues->size(), 2u);
  const placement::QueueSpec& a = (*queues)[0];
  EXPECT_EQ(a.weight, 2.5);
  EXPECT_FALSE(a.borrow);
  EXPECT_EQ(a.guaranteed,
            (placement::QueueLimits{.device_milli = 4'000, .model_milli = {{0, 1'000}, {2, 500}}}));
  EXPECT_EQ(a.limit, placement::QueueLimits());
  const placement::QueueSpec& b = (*queues)[1];
  EXPECT_EQ(b.parent, "a");
  EXPECT_EQ(b.weight, 1);
  EXPECT_TRUE(b.borrow);
  EXPECT_EQ(b.limit, (placement::QueueLimits{.cpu_milli = 0, .memory_mib = 7, .model_milli = {{1, 0}}}));
}

TEST(Workload, SaysWhatIsWrongWithAQueue) {
  const std::pair<const char*, const char*> cases[] = {
      {",,,\n", "q.csv:2: the name is empty"},
      {"a,-1,,\n", "q.csv:2: weight is '-1', expected a number from 0 to 1000000000"},
      {"a,,x,\n", "q.csv:2: limit_gpu_milli is 'x', expected a whole number from 0 to 1000000000000"},
      {"a,,,T4\n", "q.csv:2: 'T4' is no amount of a device model, expected for example 'T4=2000'"},
      {"a,,,T4=-1\n", "q.csv:2: 'T4=-1' is no amount of a device model, expected for example 'T4=2000'"},
      {"a,,,T4=1|\n", "q.csv:2: '' is no amount of a device model, expected for example 'T4=2000'"},
      {"a,,,X=1\n", "q.csv:2: no node has devices of model 'X'"},
      {"a,,,T4=1|T4=2\n", "q.csv:2: device model 'T4' is there twice"},
  };
  for (const auto& [lines, sentence] : cases) {
    const auto queues =
        ParseQueues(std::string("name,weight,limit_gpu_milli,limit_models\n") + lines, "q.csv", kModels);
    ASSERT_FALSE(queues.ok()) << sentence;
    EXPECT_EQ(queues.status().message(), sentence);
  }
}

}  // namespace
}  // namespace flexai::simulator
