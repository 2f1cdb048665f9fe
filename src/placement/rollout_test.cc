#include "placement/rollout.h"

#include <gtest/gtest.h>

#include "placement/hi_parameters.h"

namespace flexai::placement {
namespace {

TaskShape Share(int32_t milli, int64_t cpu_milli) { return {cpu_milli, 0, 1, milli, kAnyModel}; }

std::vector<NodeSpec> Nodes(int count, int64_t cpu_milli) {
  std::vector<NodeSpec> nodes;
  for (int i = 0; i < count; ++i) {
    nodes.push_back({"n" + std::to_string(i), cpu_milli, 0, 8, 0});
  }
  return nodes;
}

Outcome Play(const Rollouts& rollouts, const std::string& policy, std::span<const TypicalTask> typical) {
  return rollouts.Play([&] { return *MakePolicy(policy, {typical, 1}); });
}

TEST(Rollouts, SayHowMuchIsAllocatedAndAcceptedOnAverage) {
  const std::vector<TypicalTask> whole{{Share(1000, 1'000), 1}};
  const std::vector<NodeSpec> nodes = Nodes(10, 8'000);
  const Outcome all = Play({whole, nodes, 3, 1}, "fgd", whole);
  EXPECT_DOUBLE_EQ(all.allocation, 100);
  EXPECT_DOUBLE_EQ(all.acceptance, 100 * 80 / 104.0) << "asked for are 130 %";
  const std::vector<NodeSpec> half = Nodes(10, 4'000);
  EXPECT_DOUBLE_EQ(Play({whole, half, 3, 1}, "fgd", whole).allocation, 50);
}

TEST(Rollouts, AreTheSameForTheSameSeed) {
  const std::vector<TypicalTask> typical{{Share(300, 1'000), 0.6}, {Share(1000, 1'000), 0.4}};
  const std::vector<NodeSpec> nodes = Nodes(10, 80'000);
  const Outcome once = Play({typical, nodes, 2, 1}, "spread", typical);
  EXPECT_DOUBLE_EQ(Play({typical, nodes, 2, 1}, "spread", typical).acceptance, once.acceptance);
  EXPECT_NE(Play({typical, nodes, 2, 2}, "spread", typical).acceptance, once.acceptance);
  EXPECT_GT(Play({typical, nodes, 2, 1}, "fgd", typical).allocation, once.allocation);
}

TEST(Rollouts, WithoutDevicesOrTasksThereIsNothingToSay) {
  const std::vector<TypicalTask> cpu_only{{{1'000, 0, 0, 0, kAnyModel}, 1}};
  const std::vector<NodeSpec> nodes = Nodes(2, 8'000);
  EXPECT_EQ(Play({cpu_only, nodes, 2, 1}, "fgd", cpu_only).allocation, 0);
  EXPECT_EQ(TuneHi({}, nodes), UntunedHi({}));
  EXPECT_EQ(TuneHi(cpu_only, {}), UntunedHi(cpu_only));
}

// Half the tasks are of 700, and hardly any of the 300 that they leave finds a task: to keep two of 500 on a
// device, the 300 must not count as a use of what is left.
TEST(TuneHi, FindsWhatIsScarce) {
  const std::vector<TypicalTask> typical{
      {Share(700, 1'000), 0.5}, {Share(400, 1'000), 0.47}, {Share(300, 1'000), 0.03}};
  const std::vector<NodeSpec> nodes = Nodes(40, 64'000);
  const HiParameters tuned = TuneHi(typical, nodes);
  EXPECT_EQ(tuned.least_common_share, 301);
}

// Most devices are on nodes with little CPU for each, and all the CPU together is hardly enough.
TEST(TuneHi, GainsWhereCpuIsShort) {
  const std::vector<TypicalTask> typical{{Share(1000, 4'000), 0.3},
                                         {Share(1000, 11'000), 0.3},
                                         {Share(1000, 16'000), 0.2},
                                         {{8'000, 0, 0, 0, kAnyModel}, 0.2}};
  std::vector<NodeSpec> nodes = Nodes(60, 72'000);
  for (size_t i = 0; i < nodes.size(); i += 3) {
    nodes[i].cpu_milli = 80'000;
    nodes[i].devices = 2;
  }
  const HiParameters tuned = TuneHi(typical, nodes);
  const Rollouts others(typical, nodes, 8, 99);
  const auto allocation = [&](const HiParameters& parameters) {
    return others.Play([&] { return *MakePolicy("hi", {typical, 1, parameters}); }).allocation;
  };
  EXPECT_GT(tuned.cpu_per_device, UntunedHi(typical).cpu_per_device);
  EXPECT_GT(allocation(tuned), allocation(UntunedHi(typical)) + 1);
  EXPECT_GT(allocation(UntunedHi(typical)), Play(others, "fgd", typical).allocation + 1);
}

}  // namespace
}  // namespace flexai::placement
