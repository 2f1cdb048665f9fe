#include "simulator/what_if.h"

#include <gmock/gmock.h>

namespace flexai::simulator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Two nodes of two devices, full but for half a device; at 1000 s, three jobs wait.
const SnapshotTexts kTexts{
    "sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,2,T4\nb,8000,1000,2,T4\n",
    "name,arrival_s,cpu_milli,num_gpu,gpu_milli,queue,priority,expected_run_s,node,devices,started_s\n"
    "pair,0,1000,2,1000,batch,0,,a,0|1,10\n"
    "single,0,1000,1,1000,batch,0,,b,0,10\n"
    "half,0,1000,1,500,batch,0,,b,1,10\n"
    "urgent,990,1000,1,1000,serving,5,100,,,\n"
    "next,991,1000,1,1000,batch,0,3600,,,\n"
    "wide,992,1000,2,1000,batch,0,,,,\n",
    "name\nbatch\nserving\n", "now_s\n1000\n"};

Snapshot Taken() {
  Result<Snapshot> snapshot = ParseSnapshot(kTexts, "f");
  EXPECT_TRUE(snapshot.ok()) << snapshot.status().message();
  return std::move(*snapshot);
}

WhatIf Ask(const ChangeTexts& texts, std::vector<std::string> removed, WhatIfOptions options = {}) {
  const Snapshot snapshot = Taken();
  const Result<Change> change = ParseChange(texts, std::move(removed), snapshot);
  EXPECT_TRUE(change.ok()) << change.status().message();
  options.policy = "binpack";
  Result<WhatIf> result = RunWhatIf(snapshot, *change, options);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(*result);
}

std::vector<std::string> Told(const WhatIf& result) {
  std::vector<std::string> told;
  for (const Difference& each : result.differences) {
    told.push_back(each.job + ": " + each.as_is + " / " + each.with_change + ": " + each.reason);
  }
  return told;
}

ChangeTexts MoreNodes(const std::string& lines) {
  return {"sn,cpu_milli,memory_mib,gpu,model\n" + lines, "more.csv", "", ""};
}

TEST(WhatIf, WithoutAChangeThereIsNoDifference) {
  const WhatIf result = Ask({}, {});
  EXPECT_TRUE(result.differences.empty());
  EXPECT_DOUBLE_EQ(result.now.allocation(), 100 * 3.5 / 4);
  EXPECT_EQ(result.now.all.running, 3u);
  EXPECT_EQ(result.now.all.waiting, 3u);
  // half is ended for urgent: it is the cheapest with room enough.
  EXPECT_DOUBLE_EQ(result.as_is.allocation(), 100);
  EXPECT_EQ(result.as_is.by_queue.at("serving").running, 1u);
  EXPECT_EQ(result.as_is.by_queue.at("batch").waiting, 3u);
  EXPECT_EQ(result.as_is.by_priority.at(5).running, 1u);
  EXPECT_EQ(result.as_is.by_priority.at(0).waiting, 3u);
  EXPECT_EQ(result.as_is.all.waiting_milli, 500 + 1'000 + 2'000);
  EXPECT_DOUBLE_EQ(result.as_is.all.waiting_device_seconds, 3'600);
  EXPECT_EQ(result.as_is.all.of_unknown_length, 2u);
  EXPECT_EQ(result.with_change.taken_milli, result.as_is.taken_milli);
}

TEST(WhatIf, RemoteTasksAreToldWithBothNodes) {
  // Node c has devices but no CPU for them.
  ChangeTexts texts = MoreNodes("c,0,1000,2,V100\n");
  texts.tasks =
      "name,cpu_milli,num_gpu,gpu_milli,gpu_spec,queue,remote\n"
      "far,4000,2,1000,V100,batch,only\n";
  texts.tasks_name = "far.csv";
  const std::string told = "far: is not there / starts on a, with devices of c: it is its turn and it fits";
  EXPECT_THAT(Told(Ask(texts, {})), ::testing::Contains(told));
}

TEST(WhatIf, MoreNodesLetMoreStart) {
  const WhatIf result = Ask(MoreNodes("c,8000,1000,2,T4\n"), {});
  EXPECT_THAT(Told(result), ElementsAre("next: waits / starts on c: it is its turn and it fits",
                                        "half: is ended / runs on b: "));
  EXPECT_EQ(result.with_change.capacity_milli, 6'000);
  EXPECT_EQ(result.waiting, 1u);
  EXPECT_THAT(result.waits, ElementsAre(HasSubstr("job 'wide' in queue 'batch' needs 2 devices")));
}

TEST(WhatIf, JobsOfARemovedNodeWaitOrStartElsewhere) {
  const WhatIf result = Ask(MoreNodes("c,8000,1000,2,T4\n"), {"b"});
  EXPECT_EQ(result.with_change.capacity_milli, 4'000) << "of nodes in service";
  // On c is room for two: urgent and the oldest. half is ended in both, be it for another reason.
  EXPECT_THAT(Told(result),
              ElementsAre("single: runs on b / is ended, starts again on c: node b is gone; it is "
                          "its turn and it fits"));
}

TEST(WhatIf, AddedTasksComeNow) {
  const WhatIf result = Ask(
      {"", "", "name,cpu_milli,num_gpu,gpu_milli,queue,priority\nnew,1000,2,1000,serving,9\n", "more.csv"},
      {});
  EXPECT_THAT(
      Told(result),
      ElementsAre("pair: runs on a / is ended: job 'urgent' has priority 5 and this one 0",
                  "single: runs on b / is ended, starts again on a: job 'new' has priority 9 and this one "
                  "0; it is its turn and it fits",
                  "new: is not there / starts on b: others made room for it"));
}

TEST(WhatIf, TheFirstOfThoseThatWaitAreExplained) {
  WhatIfOptions options;
  options.most_explained = 1;
  const WhatIf result = Ask({}, {}, options);
  EXPECT_EQ(result.waiting, 3u);
  EXPECT_THAT(result.waits, ElementsAre(HasSubstr("job 'half'"))) << "by priority, then by age";
}

// One node of two devices, full, at 1000 s.
WhatIf AskOfOneNode(const std::string& tasks) {
  const Result<Snapshot> snapshot = ParseSnapshot(
      {"sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,2,T4\n",
       "name,arrival_s,cpu_milli,num_gpu,gpu_milli,priority,gang,min_run_s,node,devices,started_s\n" + tasks,
       "", "now_s\n1000\n"},
      "f");
  EXPECT_TRUE(snapshot.ok()) << snapshot.status().message();
  WhatIfOptions options;
  options.policy = "binpack";
  Result<WhatIf> result = RunWhatIf(*snapshot, *ParseChange({}, {"a"}, *snapshot), options);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(*result);
}

TEST(WhatIf, WhatRunsHasRunSinceItStarted) {
  const auto ended = [](const std::string& started) {
    return AskOfOneNode("low,0,1000,2,1000,0,,500,a,0|1," + started + "\nhigh,999,1000,1,1000,1,,,,,\n")
               .as_is.by_priority.at(1)
               .running == 1;
  };
  EXPECT_TRUE(ended("500")) << "its least run time is over";
  EXPECT_FALSE(ended("501"));
}

TEST(WhatIf, MembersOfAGangRunEachInItsRole) {
  const WhatIf result = AskOfOneNode(
      "small,0,1000,1,500,0,g,,a,0,10\nlarge,0,2000,1,1000,0,g,,a,1,10\nnext,5,1000,1,500,0,,,,,\n");
  EXPECT_EQ(result.now.taken_milli, 1'500);
  EXPECT_EQ(result.as_is.taken_milli, 2'000);
  EXPECT_EQ(result.with_change.taken_milli, 0);
}

TEST(WhatIf, TheHighestPriorityIsExplainedFirst) {
  const WhatIf result =
      AskOfOneNode("low,0,1000,2,1000,0,,,a,0|1,0\nold,1,1000,1,1000,1,,,,,\nurgent,2,1000,1,1000,2,,,,,\n");
  EXPECT_THAT(result.waits,
              ElementsAre(HasSubstr("job 'urgent'"), HasSubstr("job 'old'"), HasSubstr("job 'low'")));
}

TEST(WhatIf, SaysWhatIsWrongWithAChange) {
  const Snapshot snapshot = Taken();
  const auto wrong = [&](const ChangeTexts& texts, std::vector<std::string> removed = {}) {
    return ParseChange(texts, std::move(removed), snapshot).status().message();
  };
  EXPECT_EQ(wrong({}, {"z"}), "there is no node 'z' in the snapshot to remove");
  EXPECT_EQ(wrong(MoreNodes("a,1,1,0,\n")), "more.csv:2: there is a node 'a' already");
  const auto tasks = [](const std::string& line) {
    return ChangeTexts{"", "", "name,cpu_milli,num_gpu,gpu_milli,queue,gang\n" + line, "t.csv"};
  };
  EXPECT_EQ(wrong(tasks("half,1,0,0,batch,\n")), "t.csv:2: the snapshot has a task 'half' already");
  EXPECT_EQ(wrong(tasks("x,1,0,0,other,\n")), "t.csv:2: there is no queue 'other'");
  EXPECT_EQ(wrong(tasks("x,1,0,0,batch,g\n")), "");
}

TEST(WhatIf, IsTheSameEachTime) {
  const Snapshot snapshot = Taken();
  const Change change = *ParseChange(MoreNodes("c,8000,1000,2,T4\n"), {"a"}, snapshot);
  const WhatIf first = *RunWhatIf(snapshot, change, {});
  const WhatIf second = *RunWhatIf(snapshot, change, {});
  EXPECT_EQ(Told(first), Told(second));
  EXPECT_EQ(first.waits, second.waits);
  EXPECT_EQ(RunWhatIf(snapshot, change, {.policy = "best"}).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace flexai::simulator
