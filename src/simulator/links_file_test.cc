#include "simulator/links_file.h"

#include <gtest/gtest.h>

namespace flexai::simulator {
namespace {

constexpr const char* kNodes = "sn,domain,gpu\na,east,1\nb,,1\nc,west,1\nd,east,1\n";

Result<placement::Links> Parse(std::string_view links, std::vector<placement::NodeSpec>* nodes) {
  nodes->assign(4, {});
  return ParseLinks(links, "links.csv", kNodes, "nodes.csv", nodes);
}

TEST(LinksFile, ReadsLinksAndDomains) {
  std::vector<placement::NodeSpec> nodes;
  const auto links =
      Parse("from,to,mbit,latency_us\neast,west,1000,12.5\neast,east,40000,0\ndefault,west,0,2\n", &nodes);
  ASSERT_TRUE(links.ok()) << links.status().message();
  EXPECT_EQ(nodes[0].domain, nodes[3].domain);
  EXPECT_EQ(links->domain(nodes[1].domain), "default");
  const int32_t east = nodes[0].domain;
  const int32_t west = nodes[2].domain;
  EXPECT_EQ(links->Latency(west, east), Nanos{12'500});
  EXPECT_TRUE(links->HasRoom(west, east, 1'000));
  EXPECT_FALSE(links->HasRoom(west, east, 1'001));
  EXPECT_TRUE(links->HasRoom(east, east, 40'000));
  EXPECT_FALSE(links->HasRoom(west, west, 0)) << "not described";
  EXPECT_TRUE(links->HasRoom(nodes[1].domain, west, 0));
}

TEST(LinksFile, WithoutTheColumnAllAreInOneDomain) {
  std::vector<placement::NodeSpec> nodes(2);
  const auto links =
      ParseLinks("from,to,mbit,latency_us\ndefault,default,100,5\n", "l", "sn\na\nb\n", "n", &nodes);
  ASSERT_TRUE(links.ok()) << links.status().message();
  EXPECT_TRUE(links->HasRoom(nodes[0].domain, nodes[1].domain, 100));
}

TEST(LinksFile, SaysWhereAndWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"east,north,1,1\n", "links.csv:2: no node is in a domain 'north', expected one that nodes.csv names"},
      {"east,west,-1,1\n", "links.csv:2: mbit is '-1', expected a whole number from 0 to 1000000000"},
      {"east,west,1,fast\n", "links.csv:2: latency_us is 'fast', expected a number from 0 to 1000000000"},
      {"east,west,1,1\nwest,east,1,1\n",
       "links.csv:3: 'west' and 'east' have a link already, expected one for both directions"},
  };
  for (const auto& [lines, message] : cases) {
    std::vector<placement::NodeSpec> nodes;
    EXPECT_EQ(Parse("from,to,mbit,latency_us\n" + std::string(lines), &nodes).status().message(), message);
    EXPECT_EQ(nodes[2].domain, 0) << "nothing is loaded by halves";
  }
  std::vector<placement::NodeSpec> nodes;
  EXPECT_FALSE(Parse("from,to,mbit\neast,west,1\n", &nodes).ok());
  EXPECT_FALSE(Parse("from,to,mbit,latency_us,colour\neast,west,1,1,red\n", &nodes).ok());
}

}  // namespace
}  // namespace flexai::simulator
