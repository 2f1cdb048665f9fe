#include "simulator/nodes.h"

#include <gtest/gtest.h>

namespace flexai::simulator {
namespace {

constexpr const char* kText =
    "sn,cpu_milli,memory_mib,gpu,model,labels,taints,in_service\n"
    "a,8000,1000,2,T4,rack=1|zone=x,team=ml|old,yes\n"
    "b,4000,500,0,,,,yes\n"
    "c,8000,1000,4,V100,,,no\n";

NodeList Parse(std::string_view text) {
  NodeList nodes;
  const Status status = AddNodes(text, "n.csv", OtherColumns::kRefused, &nodes);
  EXPECT_TRUE(status.ok()) << status.message();
  return nodes;
}

TEST(Nodes, ReadsWhatRulesSee) {
  const NodeList nodes = Parse(kText);
  ASSERT_EQ(nodes.specs.size(), 3u);
  ASSERT_EQ(nodes.identities.size(), 3u);
  EXPECT_EQ(nodes.specs[2].devices, 4);
  EXPECT_EQ(nodes.specs[2].model, 1);
  EXPECT_EQ(nodes.models, (std::vector<std::string>{"T4", "V100"}));
  EXPECT_EQ(nodes.identities[0].labels.at("zone"), "x");
  EXPECT_EQ(nodes.identities[0].taints, (std::vector<placement::Taint>{{"team", "ml"}, {"old", ""}}));
  EXPECT_TRUE(nodes.identities[1].in_service);
  EXPECT_FALSE(nodes.identities[2].in_service);
}

TEST(Nodes, WritesWhatItReads) {
  EXPECT_EQ(NodesText(Parse(kText)), kText);
  const char* plain = "sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,2,T4\n";
  EXPECT_EQ(NodesText(Parse(plain)), plain) << "without columns that say nothing";
}

TEST(Nodes, HaveDeviceMemoryAndKeepTheirDevicesToThemselves) {
  const char* text =
      "sn,cpu_milli,memory_mib,gpu,model,gpu_memory_mib,lends\n"
      "a,8000,1000,2,T4,16384,no\n"
      "b,8000,1000,0,,0,yes\n";
  const NodeList nodes = Parse(text);
  EXPECT_EQ(nodes.specs[0].device_memory_mib, 16'384);
  EXPECT_FALSE(nodes.specs[0].lends);
  EXPECT_TRUE(nodes.specs[1].lends);
  EXPECT_EQ(NodesText(nodes), text);
}

TEST(Nodes, KeepsAModelThatOnlyNodesWithoutDevicesHave) {
  const char* text = "sn,cpu_milli,memory_mib,gpu,model\na,8000,1000,0,T4\nb,8000,1000,1,V100\n";
  EXPECT_EQ(NodesText(Parse(text)), text);
}

TEST(Nodes, AddsToThoseThereAre) {
  NodeList nodes = Parse(kText);
  ASSERT_TRUE(AddNodes("sn,cpu_milli,memory_mib,gpu,model\nd,1,1,1,A10\ne,1,1,1,T4\n", "m.csv",
                       OtherColumns::kRefused, &nodes)
                  .ok());
  EXPECT_EQ(nodes.specs.size(), 5u);
  EXPECT_EQ(nodes.identities.size(), 5u);
  EXPECT_EQ(nodes.specs[3].model, 2);
  EXPECT_EQ(nodes.specs[4].model, 0);
  const Status again = AddNodes("sn,cpu_milli,memory_mib,gpu,model\nf,1,1,1,A10\na,1,1,1,T4\n", "m.csv",
                                OtherColumns::kRefused, &nodes);
  EXPECT_EQ(again.message(), "m.csv:3: there is a node 'a' already");
  EXPECT_EQ(nodes.specs.size(), 5u) << "nothing by halves";
}

TEST(Nodes, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"a,1,1,1,T4,zone,,\n",
       "n.csv:2: labels is 'zone', expected for example 'zone=a|disk=ssd', each label once"},
      {"a,1,1,1,T4,,a=,\n", "n.csv:2: taints is 'a=', expected for example 'team=ml|old'"},
      {"a,1,1,1,T4,,,maybe\n", "n.csv:2: in_service is 'maybe', expected no, yes"},
      {"a,1,1,17,T4,,,\n", "n.csv:2: gpu is '17', expected a whole number from 0 to 16"},
      {"a,1,1,1,,,,\n", "n.csv:2: model is '', expected a name without | and ="},
      {"a,1,1,1,T4,,,\na,1,1,1,T4,,,\n", "n.csv:3: the name 'a' is taken by a line before"},
  };
  for (const auto& [lines, sentence] : cases) {
    NodeList nodes;
    const std::string text =
        std::string("sn,cpu_milli,memory_mib,gpu,model,labels,taints,in_service\n") + lines;
    EXPECT_EQ(AddNodes(text, "n.csv", OtherColumns::kRefused, &nodes).message(), sentence);
  }
}

TEST(Nodes, OthersColumnsAreForTraces) {
  NodeList nodes;
  const char* text = "sn,cpu_milli,memory_mib,gpu,model,lables\na,1,1,1,T4,x\n";
  EXPECT_TRUE(AddNodes(text, "n.csv", OtherColumns::kPassedOver, &nodes).ok());
  NodeList strict;
  EXPECT_TRUE(AddNodes(text, "n.csv", OtherColumns::kRefused, &strict)
                  .message()
                  .starts_with("n.csv:1: nobody knows the column 'lables', expected some of sn,"));
}

}  // namespace
}  // namespace flexai::simulator
