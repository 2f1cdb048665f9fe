#include "oracle.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "gaps.h"
#include "placement/cluster.h"
#include "simulator/sample.h"

namespace flexai::oracle {
namespace {

using placement::Cluster;
using placement::NodeId;
using placement::NodeSpec;
using placement::Placement;
using placement::TaskShape;

NodeSpec Node(int64_t cpu_milli, int32_t devices) { return {"n", cpu_milli, 1'000, devices, 0}; }
TaskShape Task(int64_t cpu_milli, int32_t devices, int32_t share_milli) {
  return {cpu_milli, 10, devices, share_milli, placement::kAnyModel};
}

TEST(Oracle, WhatFitsMustBePlacedUnlessAnyTasksWillDo) {
  const Instance one{{Node(8'000, 1)}, {Task(1, 1, 600), Task(1, 1, 500), Task(1, 1, 500)}};
  EXPECT_EQ(MostAllocated(one, Rule::kWhatFits), 600);
  EXPECT_EQ(MostAllocated(one, Rule::kAnyTasks), 1'000);
  const Instance cpu{{Node(2'000, 1)}, {Task(2'000, 0, 0), Task(1'000, 1, 1'000)}};
  EXPECT_EQ(MostAllocated(cpu, Rule::kWhatFits), 0);
  EXPECT_EQ(MostAllocated(cpu, Rule::kAnyTasks), 1'000);
}

TEST(Oracle, PlacesAreChosenKnowingWhatComes) {
  const Instance halves{{Node(8'000, 1), Node(8'000, 1)},
                        {Task(1, 1, 500), Task(1, 1, 500), Task(1, 1, 1'000)}};
  EXPECT_EQ(MostAllocated(halves, Rule::kWhatFits), 2'000);
  const Instance several{{Node(8'000, 3)},
                         {Task(1, 1, 400), Task(1, 2, 600), Task(1, 2, 400), Task(1, 1, 600)}};
  EXPECT_EQ(MostAllocated(several, Rule::kWhatFits), 3'000);
}

TEST(Oracle, GivesUpRatherThanGuess) {
  const Instance instance = DrawInstance(simulator::SampleTrace(), 2);
  EXPECT_EQ(MostAllocated(instance, Rule::kAnyTasks, 1), std::nullopt);
}

// Tries everything, and leaves to the product's books what fits.
int64_t TryAll(const Instance& instance, size_t next, Rule rule, Cluster* cluster) {
  if (next == instance.tasks.size()) {
    return cluster->device_taken();
  }
  const TaskShape& task = instance.tasks[next];
  int64_t best = 0;
  bool fits = false;
  for (NodeId node = 0; node < instance.nodes.size(); ++node) {
    const auto devices = static_cast<uint32_t>(instance.nodes[node].devices);
    for (uint32_t subset = 0; subset < 1u << devices; ++subset) {
      Placement where{node, node, {}};
      for (uint32_t device = 0; device < devices; ++device) {
        if ((subset >> device & 1) != 0) {
          where.devices.push_back(static_cast<int32_t>(device));
        }
      }
      if (where.devices.size() == static_cast<size_t>(task.devices) && cluster->Take(task, where).ok()) {
        fits = true;
        best = std::max(best, TryAll(instance, next + 1, rule, cluster));
        cluster->Give(task, where);
      }
    }
  }
  return rule == Rule::kAnyTasks || !fits ? std::max(best, TryAll(instance, next + 1, rule, cluster)) : best;
}

TEST(Oracle, FindsWhatTryingAllFinds) {
  const simulator::Trace trace = simulator::SampleTrace();
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Instance instance = DrawInstance(trace, seed);
    std::erase_if(instance.nodes, [](const NodeSpec& node) { return node.devices > 2; });
    instance.nodes.resize(std::min<size_t>(instance.nodes.size(), 2));
    instance.tasks.resize(7);
    // Less CPU, so that it decides as well.
    for (NodeSpec& node : instance.nodes) {
      node.cpu_milli = std::min<int64_t>(node.cpu_milli, 30'000);
    }
    for (const Rule rule : {Rule::kWhatFits, Rule::kAnyTasks}) {
      Cluster cluster(instance.nodes);
      EXPECT_EQ(MostAllocated(instance, rule), TryAll(instance, 0, rule, &cluster)) << "seed " << seed;
    }
  }
}

TEST(Oracle, NoPolicyBeatsItAndHiComesCloserThanBestFitAndRandom) {
  const std::vector<std::string> policies = {"hi", "best-fit", "random", "fgd", "hi-batch16"};
  const auto gaps = MeasureGaps(policies, 1, 300);  // fails if one is better than the optimum
  ASSERT_TRUE(gaps.ok()) << gaps.status().message();
  EXPECT_EQ(gaps->instances, 300u);
  EXPECT_LE(gaps->policies[0].to_what_fits, gaps->policies[1].to_what_fits);
  EXPECT_LE(gaps->policies[0].to_what_fits, gaps->policies[2].to_what_fits);
}

}  // namespace
}  // namespace flexai::oracle
