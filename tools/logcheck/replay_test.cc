#include "replay.h"

#include <gmock/gmock.h>

namespace flexai::logcheck {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr const char* kNodes = "sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,2,A\nb,8000,1000,1,B\n";
constexpr const char* kPods =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"
    "half,1000,100,1,500,\nonlyb,1000,100,1,600,B\npair,1000,100,2,1000,\ncpu,7000,100,0,0,\ntiny,1,1,0,0,\n";
constexpr const char* kHeading = "seq,pod,cpu,memory,num_gpu,gpu_milli,spec,cpu_node,gpu_node,gpus,result\n";

Report Checked(const std::string& lines, const Rules& rules = {}) {
  const auto trace = simulator::ParseOpenb(kNodes, "nodes", kPods, "pods");
  EXPECT_TRUE(trace.ok());
  const auto report = Replay(*trace, kHeading + lines, "log", rules);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report.ok() ? *report : Report();
}

TEST(Replay, AGoodLogHasNoFindings) {
  const Report report = Checked(
      "0,half,1000,100,1,500,,a,a,1,placed\n1,half,1000,100,1,500,,a,a,1,placed\n"
      "2,onlyb,1000,100,1,600,B,b,b,0,placed\n3,pair,1000,100,2,1000,,,,,dropped\n"
      "4,cpu,7000,100,0,0,,b,,,placed\n");
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_EQ(report.decisions, 5u);
  EXPECT_EQ(report.placed, 4u);
  EXPECT_NEAR(report.allocated_percent, 100 * 1600 / 3000.0, 1e-9);
}

TEST(Replay, FindsEachBrokenRule) {
  const std::pair<const char*, const char*> cases[] = {
      {"1,half,1000,100,1,500,,a,a,1,placed\n", "log:2: seq is 1, expected 0"},
      {"0,none,1000,100,1,500,,a,a,1,placed\n", "log:2: the trace has no pod 'none'"},
      {"0,half,1000,100,1,400,,a,a,1,placed\n", "log:2: pod 'half' asks for something else in the trace"},
      {"0,half,1000,100,1,500,,c,c,1,placed\n", "log:2: there is no node 'c'"},
      {"0,half,1000,100,1,500,,a,a,2,placed\n", "log:2: gpus is '2', expected different numbers below 2"},
      {"0,half,1000,100,1,500,,a,a,0|1,placed\n", "log:2: gpus is '0|1', expected 1 of them"},
      {"0,pair,1000,100,2,1000,,a,a,0|0,placed\n",
       "log:2: gpus is '0|0', expected different numbers below 2"},
      {"0,onlyb,1000,100,1,600,B,a,a,0,placed\n", "log:2: node 'a' has devices of another model"},
      {"0,half,1000,100,1,500,,a,b,0,placed\n", "log:2: CPU and devices are on two nodes"},
      {"0,half,1000,100,1,500,,,,,dropped\n", "log:2: pod 'half' is dropped, but fits on a"},
      {"0,half,1000,100,1,500,,a,a,1,lost\n", "log:2: result is 'lost', expected placed or dropped"},
      {"0,cpu,7000,100,0,0,,a,a,0,placed\n", "log:2: a pod without devices has some"},
  };
  for (const auto& [lines, finding] : cases) {
    EXPECT_THAT(Checked(lines).findings, ElementsAre(finding));
  }
  EXPECT_THAT(Checked("0,cpu,7000,100,0,0,,a,,,placed\n1,cpu,7000,100,0,0,,a,,,placed\n").findings,
              ElementsAre("log:3: node 'a' has 1000 milli of CPU and 900 MiB left"));
  EXPECT_THAT(
      Checked("0,onlyb,1000,100,1,600,B,b,b,0,placed\n1,onlyb,1000,100,1,600,B,b,b,0,placed\n").findings,
      ElementsAre("log:3: device 0 of node 'b' has 400 milli left"));
}

TEST(Replay, RemotePlacesCountIfAllowed) {
  constexpr Rules kRemote{.remote = true};
  // Node a has the CPU, b the device.
  const std::string full =
      "0,cpu,7000,100,0,0,,b,,,placed\n1,half,1000,100,1,500,,b,b,0,placed\n"
      "2,pair,1000,100,2,1000,,a,a,0|1,placed\n";
  const std::string dropped = full + "3,half,1000,100,1,500,,,,,dropped\n";
  EXPECT_THAT(Checked(full + "3,half,1000,100,1,500,,a,b,0,placed\n", kRemote).findings, IsEmpty());
  EXPECT_THAT(Checked(dropped).findings, IsEmpty());
  EXPECT_THAT(Checked(dropped, kRemote).findings,
              ElementsAre("log:5: pod 'half' is dropped, but fits on a with devices of b"));
  EXPECT_THAT(Checked("0,half,1000,100,1,500,,,,,dropped\n", kRemote).findings,
              ElementsAre("log:2: pod 'half' is dropped, but fits on a"));
  EXPECT_THAT(Checked("0,half,1000,100,1,500,,a,b,0,placed\n", kRemote).findings,
              ElementsAre("log:2: CPU and devices are on two nodes, but pod 'half' fits on a"));
}

// Tasks that take next to nothing, decided in the order of these numbers.
std::vector<std::string> InOrder(const std::vector<int>& order, size_t batch) {
  std::string lines;
  for (const int seq : order) {
    lines += std::to_string(seq) + ",tiny,1,1,0,0,,a,,,placed\n";
  }
  return Checked(lines, {.batch = batch}).findings;
}

TEST(Replay, ABatchIsDecidedInAnyOrderBeforeTheNext) {
  EXPECT_THAT(InOrder({0, 1, 2, 3, 4, 5}, 3), IsEmpty());
  EXPECT_THAT(InOrder({2, 0, 1, 4, 5, 3}, 3), IsEmpty());
  EXPECT_THAT(InOrder({2, 0, 1, 4, 3}, 3), IsEmpty()) << "the last may be smaller";
  EXPECT_THAT(InOrder({1, 0}, 1), ElementsAre("log:2: seq is 1, expected 0"));
  EXPECT_THAT(InOrder({3, 0, 1, 2}, 3),
              ElementsAre("log:2: seq is 3, expected one from 0 to 2 that is not decided"));
  EXPECT_THAT(InOrder({2, 0, 0, 1}, 3),
              ElementsAre("log:4: seq is 0, expected one from 1 to 2 that is not decided"));
  EXPECT_THAT(InOrder({2, 0, 2, 1}, 3),
              ElementsAre("log:4: seq is 2, expected one from 1 to 2 that is not decided"));
  EXPECT_THAT(InOrder({2, 0, 3, 1}, 3),
              ElementsAre("log:4: seq is 3, expected one from 1 to 2 that is not decided"))
      << "three wait, but 1 and 3 are not of one batch";
  EXPECT_THAT(InOrder({0, 2}, 3), ElementsAre("log: seq 1 is never decided"));
}

TEST(Replay, InABatchADropIsJudgedAtItsTurn) {
  const std::string first = "1,pair,1000,100,2,1000,,a,a,0|1,placed\n2,onlyb,1000,100,1,600,B,b,b,0,placed\n";
  const std::string dropped = "0,half,1000,100,1,500,,,,,dropped\n";
  EXPECT_THAT(Checked(first + dropped, {.batch = 3}).findings, IsEmpty());
  EXPECT_THAT(Checked(dropped + first, {.batch = 3}).findings,
              ElementsAre("log:2: pod 'half' is dropped, but fits on a"));
}

}  // namespace
}  // namespace flexai::logcheck
