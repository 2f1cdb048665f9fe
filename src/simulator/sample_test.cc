#include "simulator/sample.h"

#include <gtest/gtest.h>

#include "placement/demand.h"

namespace flexai::simulator {
namespace {

int64_t Devices(const Trace& trace) {
  int64_t devices = 0;
  for (const placement::NodeSpec& node : trace.nodes) {
    devices += node.devices;
  }
  return devices;
}

TEST(Sample, IsTheClusterOfTheTrace) {
  const Trace trace = SampleTrace();
  EXPECT_EQ(trace.nodes.size(), kSampleNodes);
  EXPECT_EQ(Devices(trace), 6'212);
  EXPECT_EQ(trace.models.size(), 7u);
  EXPECT_EQ(trace.pods.size(), 7'961u);
  EXPECT_EQ(placement::TypicalTasks(ShapesOf(trace), 1).size(), 45u);
}

TEST(Sample, ScalesWithTheNodes) {
  for (const size_t nodes : {0, 1, 7, 100, 10'000}) {
    const Trace trace = SampleTrace(nodes);
    EXPECT_EQ(trace.nodes.size(), nodes);
    EXPECT_NEAR(static_cast<double>(Devices(trace)), 6'212.0 * static_cast<double>(nodes) / kSampleNodes, 16);
  }
}

}  // namespace
}  // namespace flexai::simulator
