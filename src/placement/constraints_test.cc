#include "placement/constraints.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace flexai::placement {
namespace {

NodeIdentity In(const std::string& zone, const std::string& host) {
  return {{{"zone", zone}, {"host", host}, {"disk", host < "c" ? "ssd" : "hdd"}}, {}, true};
}

// a, b in zone 1; c in zone 2; d in none.
std::vector<NodeIdentity> FourNodes() {
  std::vector<NodeIdentity> nodes{In("1", "a"), In("1", "b"), In("2", "c"), In("", "d")};
  nodes[3].labels.erase("zone");
  return nodes;
}

std::string Names(const NodeSet& set) {
  std::string names;
  set.ForEach([&names](NodeId node) { names += static_cast<char>('a' + node); });
  return names;
}

std::string AllowedOf(Constraints* constraints, const ClassRules& rules) {
  return Names(constraints->Allowed(*constraints->Define(rules)));
}

TEST(Constraints, SelectorsAreAsInKubernetes) {
  Constraints constraints(FourNodes());
  EXPECT_EQ(Names(constraints.Allowed(kNoRules)), "abcd");
  const auto of = [&](const Selector& selector) {
    ClassRules rules;
    rules.selectors = {selector};
    return AllowedOf(&constraints, rules);
  };
  EXPECT_EQ(of({"disk", Selector::kIn, {"ssd", "nvme"}}), "ab");
  EXPECT_EQ(of({"disk", Selector::kNotIn, {"ssd"}}), "cd");
  EXPECT_EQ(of({"zone", Selector::kNotIn, {"1"}}), "cd") << "a node without the label is not in the set";
  EXPECT_EQ(of({"zone", Selector::kExists, {}}), "abc");
  EXPECT_EQ(of({"zone", Selector::kDoesNotExist, {}}), "d");
}

TEST(Constraints, TaintsKeepOutWhoDoesNotTolerateThem) {
  std::vector<NodeIdentity> nodes = FourNodes();
  nodes[1].taints = {{"team", "x"}, {"old", ""}};
  Constraints constraints(nodes);
  ClassRules rules;
  EXPECT_EQ(AllowedOf(&constraints, rules), "acd");
  rules.tolerations = {{"team", "x"}};
  EXPECT_EQ(AllowedOf(&constraints, rules), "acd") << "all taints must be tolerated";
  rules.tolerations = {{"team", "y"}, {"old", ""}};
  EXPECT_EQ(AllowedOf(&constraints, rules), "acd");
  rules.tolerations = {{"team", ""}, {"old", ""}};
  EXPECT_EQ(AllowedOf(&constraints, rules), "abcd");
  rules.tolerations = {{"", ""}};
  EXPECT_EQ(AllowedOf(&constraints, rules), "abcd");
}

TEST(Constraints, NodesLeaveAndComeBack) {
  Constraints constraints(FourNodes());
  ClassRules rules;
  rules.spreads = {{"zone", 1}};
  const ClassId id = *constraints.Define(rules);
  constraints.Placed(id, 2);
  EXPECT_EQ(Names(constraints.Allowed(id)), "ab");
  NodeIdentity a = constraints.node(0);
  a.in_service = false;
  constraints.SetNode(0, a);
  EXPECT_EQ(Names(constraints.Allowed(id)), "b");
  NodeIdentity b = constraints.node(1);
  b.in_service = false;
  constraints.SetNode(1, b);
  EXPECT_EQ(Names(constraints.Allowed(id)), "c")
      << "zone 1 has no nodes for them any more and does not count";
  a.in_service = b.in_service = true;
  constraints.SetNode(0, a);
  constraints.SetNode(1, b);
  EXPECT_EQ(Names(constraints.Allowed(id)), "ab") << "the task on c is still counted";
  EXPECT_EQ(Names(constraints.Allowed(kNoRules)), "abcd");
}

TEST(Constraints, ApartAndTogether) {
  Constraints constraints(FourNodes());
  ClassRules rules;
  rules.apart = {"host"};
  const ClassId apart = *constraints.Define(rules);
  constraints.Placed(apart, 1);
  EXPECT_EQ(Names(constraints.Allowed(apart)), "acd");
  rules = {};
  rules.together = {"zone"};
  const ClassId together = *constraints.Define(rules);
  EXPECT_EQ(Names(constraints.Allowed(together)), "abc");
  constraints.Placed(together, 0);
  constraints.Placed(together, 1);
  EXPECT_EQ(Names(constraints.Allowed(together)), "ab");
  constraints.Gone(together, 0);
  constraints.Gone(together, 1);
  EXPECT_EQ(Names(constraints.Allowed(together)), "abc");
}

TEST(Constraints, EqualRulesAreOneClassUnlessNamed) {
  Constraints constraints(FourNodes());
  ClassRules rules;
  rules.apart = {"host"};
  const ClassId first = *constraints.Define(rules);
  EXPECT_EQ(*constraints.Define(rules), first);
  rules.name = "other service";
  EXPECT_NE(*constraints.Define(rules), first);
  rules.spreads = {{"zone", 0}};
  EXPECT_EQ(constraints.Define(rules).status().message(),
            "the skew of a spread over zone must be at least 1");
}

// The definition, without anything incremental.
NodeSet AllowedByDefinition(const std::vector<NodeIdentity>& nodes, const ClassRules& rules,
                            const std::vector<NodeId>& tasks) {
  const auto matches = [&](NodeId node) {
    return nodes[node].in_service &&
           std::all_of(rules.selectors.begin(), rules.selectors.end(),
                       [&](const Selector& selector) { return selector.Matches(nodes[node]); });
  };
  const auto count = [&](const std::string& label, const std::string& value) {
    return std::count_if(tasks.begin(), tasks.end(), [&](NodeId node) {
      const auto found = nodes[node].labels.find(label);
      return found != nodes[node].labels.end() && found->second == value;
    });
  };
  NodeSet allowed(nodes.size());
  for (NodeId node = 0; node < nodes.size(); ++node) {
    bool good = matches(node);
    for (const Spread& spread : rules.spreads) {
      const auto own = nodes[node].labels.find(spread.label);
      good = good && own != nodes[node].labels.end();
      if (!good) {
        break;
      }
      long fewest = 1'000'000;
      for (NodeId other = 0; other < nodes.size(); ++other) {
        const auto domain = nodes[other].labels.find(spread.label);
        if (matches(other) && domain != nodes[other].labels.end()) {
          fewest = std::min<long>(fewest, count(spread.label, domain->second));
        }
      }
      good = count(spread.label, own->second) + 1 - fewest <= spread.max_skew;
    }
    for (const std::string& label : rules.apart) {
      const auto own = nodes[node].labels.find(label);
      good = good && own != nodes[node].labels.end() && count(label, own->second) == 0;
    }
    if (good) {
      allowed.Add(node);
    }
  }
  return allowed;
}

TEST(Constraints, StepsAgreeWithTheDefinition) {
  Random random(5);
  std::vector<NodeIdentity> nodes;
  for (int i = 0; i < 40; ++i) {
    NodeIdentity node;
    if (random.Below(10) != 0) {
      node.labels["zone"] = std::to_string(random.Below(4));
    }
    node.labels["host"] = std::to_string(i);
    node.labels["disk"] = random.Below(2) == 0 ? "ssd" : "hdd";
    nodes.push_back(node);
  }
  Constraints constraints(nodes);
  std::vector<ClassRules> classes(4);
  classes[0].spreads = {{"zone", 2}};
  classes[1].spreads = {{"zone", 1}, {"host", 1}};
  classes[2].apart = {"host"};
  classes[2].selectors = {{"disk", Selector::kIn, {"ssd"}}};
  classes[3].spreads = {{"zone", 1}};
  classes[3].selectors = {{"disk", Selector::kNotIn, {"ssd"}}};
  std::vector<std::vector<NodeId>> tasks(classes.size());
  for (int event = 0; event < 4'000; ++event) {
    const size_t kind = random.Below(classes.size());
    const ClassId id = *constraints.Define(classes[kind]);
    std::vector<NodeId>& running = tasks[kind];
    if (random.Below(20) == 0) {
      const auto node = static_cast<NodeId>(random.Below(nodes.size()));
      nodes[node].in_service = random.Below(3) != 0;
      nodes[node].labels["disk"] = random.Below(2) == 0 ? "ssd" : "hdd";
      constraints.SetNode(node, nodes[node]);
    } else if (!running.empty() && random.Below(2) == 0) {
      std::swap(running[random.Below(running.size())], running.back());
      constraints.Gone(id, running.back());
      running.pop_back();
    } else {
      const auto node = static_cast<NodeId>(random.Below(nodes.size()));
      if (constraints.Allowed(id).Has(node)) {
        constraints.Placed(id, node);
        running.push_back(node);
      }
    }
    ASSERT_EQ(constraints.Allowed(id), AllowedByDefinition(nodes, classes[kind], running)) << event;
  }
}

}  // namespace
}  // namespace flexai::placement
