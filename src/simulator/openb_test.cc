#include "simulator/openb.h"

#include <gtest/gtest.h>

namespace flexai::simulator {
namespace {

constexpr const char* kNodes =
    "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,262144,2,P100\nn1,96000,393216,8,G2\n";
constexpr const char* kPods =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos\np0,0,16384,1,460,,LS\np1,4000,8192,2,1000,G2|"
    "P100,LS\n"
    "p2,8000,100,0,0,P100,BE\n";

TEST(Openb, ReadsNodesAndPods) {
  const Result<Trace> trace = ParseOpenb(kNodes, "nodes.csv", kPods, "pods.csv");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  ASSERT_EQ(trace->nodes.size(), 2u);
  EXPECT_EQ(trace->nodes[1].devices, 8);
  EXPECT_EQ(trace->models[static_cast<size_t>(trace->nodes[1].model)], "G2");
  ASSERT_EQ(trace->pods.size(), 3u);
  EXPECT_EQ(trace->pods[0].shape, (placement::TaskShape{100, 16'384, 1, 460, placement::kAnyModel}));
  EXPECT_EQ(trace->pods[1].shape.models, 3u);
  EXPECT_EQ(ModelNames(trace->models, trace->pods[1].shape.models), "P100|G2");
  EXPECT_EQ(trace->pods[2].shape.models, placement::kAnyModel) << "it asks for no device";
}

TEST(Openb, NodesWithoutDevicesNeedNoModel) {
  const Result<Trace> trace =
      ParseOpenb(std::string(kNodes) + "n2,96000,393216,0,\n", "nodes.csv", kPods, "p");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace->models.size(), 2u);
}

TEST(Openb, TheSpecIsOptional) {
  const Result<Trace> trace = ParseOpenb(
      kNodes, "nodes.csv", "name,cpu_milli,memory_mib,num_gpu,gpu_milli\r\np0,1,2,1,1000\r\n", "pods.csv");
  ASSERT_TRUE(trace.ok()) << trace.status().message();
  EXPECT_EQ(trace->pods[0].shape.models, placement::kAnyModel);
}

struct Bad {
  const char* nodes;
  const char* pods;
  const char* sentence;
};

TEST(Openb, SaysWhatIsWrongAndWhere) {
  const Bad cases[] = {
      {"", kPods, "nodes.csv: the file is empty, expected a heading"},
      {"sn,cpu_milli,memory_mib,gpu,model\n", kPods, "nodes.csv: there are no lines after the heading"},
      {"sn,cpu_milli,memory_mib,gpu\nn0,1,2,3\n", kPods,
       "nodes.csv:1: there is no column model, only sn, cpu_milli, memory_mib, gpu"},
      {"sn,cpu_milli,memory_mib,gpu,model\nn0,1,2\n", kPods,
       "nodes.csv:2: 3 fields, expected 5 as in the heading"},
      {"sn,cpu_milli,memory_mib,gpu,model\nn0,-1,2,3,A\n", kPods,
       "nodes.csv:2: cpu_milli is '-1', expected a whole number from 0 to 10000000"},
      {"sn,cpu_milli,memory_mib,gpu,model\nn0,1,2,17,A\n", kPods,
       "nodes.csv:2: gpu is '17', expected a whole number from 0 to 16"},
      {"sn,cpu_milli,memory_mib,gpu,model\nn0,1,2,3,A\nn0,1,2,3,A\n", kPods,
       "nodes.csv:3: the name 'n0' is taken by a line before"},
      {kNodes, "p0,4,2,1,1000,\n", "pods.csv: there are no lines after the heading"},
      {kNodes, "p0,1,2,1,1000\np1,1,2,1,1000\n", "pods.csv:1: the column '1' is there twice"},
      {kNodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,1,2,1,1001,\n",
       "pods.csv:2: gpu_milli is '1001', expected a whole number from 0 to 1000"},
      {kNodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,1,2,1,0,\n",
       "pods.csv:2: gpu_milli is 0 though num_gpu is 1"},
      {kNodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,1,2,1,10,H100\n",
       "pods.csv:2: no node has devices of model 'H100'"},
      {kNodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,1,2,1,10,G2|\n",
       "pods.csv:2: no node has devices of model ''"},
      {"sn,cpu_milli,memory_mib,gpu,model\nn0,1,2,3,\n", kPods,
       "nodes.csv:2: model is '', expected a name without | and ="},
      {"sn,cpu_milli,memory_mib,gpu,model\nn0,1,2,3,A|B\n", kPods,
       "nodes.csv:2: model is 'A|B', expected a name without | and ="},
      {kNodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n,1,2,1,10,\n",
       "pods.csv:2: the name is empty"},
      {kNodes, "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np0,1e3,2,1,10,\n",
       "pods.csv:2: cpu_milli is '1e3', expected a whole number from 0 to 10000000"},
  };
  for (const Bad& bad : cases) {
    const Result<Trace> trace = ParseOpenb(bad.nodes, "nodes.csv", bad.pods, "pods.csv");
    ASSERT_FALSE(trace.ok()) << bad.sentence;
    EXPECT_EQ(trace.status().message(), bad.sentence);
    EXPECT_EQ(trace.status().code(), Code::kInvalidArgument);
  }
}

}  // namespace
}  // namespace flexai::simulator
