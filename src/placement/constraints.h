// Which nodes tasks may run on for reasons that depend on which node it is, apart from what is free there:
// selectors over labels, taints, spread over domains, keeping apart or together, and nodes out of service.
//
// Tasks with equal rules and one purpose (the replicas of a service, the members of a gang) form a class.
// Each class has a set of allowed nodes, which is kept up to date as nodes change and tasks of the class come
// and go: a step touches the domains whose answer changes and nothing else. The rules are those of
// Kubernetes' scheduler that must hold (nodeSelector and required affinity, NoSchedule taints, topology
// spread with DoNotSchedule).
//
// Thread safety: one thread.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "placement/node_set.h"

namespace flexai::placement {

struct Taint {
  std::string key;
  std::string value;
  bool operator==(const Taint&) const = default;
};

// What a node is, apart from its resources.
struct NodeIdentity {
  std::map<std::string, std::string> labels;  // a topology domain is the value of a label
  std::vector<Taint> taints;                  // only tasks that tolerate all of them may come
  bool in_service = true;                     // false: nothing new may come
};

// A condition on one label.
struct Selector {
  enum Operator { kIn, kNotIn, kExists, kDoesNotExist };
  std::string key;
  Operator op = kIn;
  std::vector<std::string> values;  // of kIn and kNotIn; a node without the label is not in any set

  bool Matches(const NodeIdentity& node) const;
  auto operator<=>(const Selector&) const = default;
};

// Tolerates taints with that key (empty: every taint) and, if given, that value.
struct Toleration {
  std::string key;
  std::string value;

  bool Covers(const Taint& taint) const;
  auto operator<=>(const Toleration&) const = default;
};

// No domain of the label may have more than `max_skew` tasks of the class above the one with the fewest,
// among the domains that have nodes the class may run on. Nodes without the label are not allowed.
struct Spread {
  std::string label;
  int max_skew = 1;
  auto operator<=>(const Spread&) const = default;
};

struct ClassRules {
  std::string name;                 // tells apart classes with equal rules
  std::vector<Selector> selectors;  // all must match
  std::vector<Toleration> tolerations;
  std::vector<Spread> spreads;
  std::vector<std::string> apart;     // labels: at most one task of the class in a domain
  std::vector<std::string> together;  // labels: all tasks of the class in one domain, the first chooses
  auto operator<=>(const ClassRules&) const = default;
};

using ClassId = uint32_t;
inline constexpr ClassId kNoRules = 0;  // the class of tasks that may run on every node in service

class Constraints {
 public:
  explicit Constraints(std::vector<NodeIdentity> nodes);

  // The class with these rules, made if there is none yet. kInvalidArgument for a spread with a skew below 1.
  Result<ClassId> Define(const ClassRules& rules);
  // Stays valid, and changes with the calls below, as long as there are Constraints. `id` is of Define.
  const NodeSet& Allowed(ClassId id) const { return classes_[id].allowed; }
  const ClassRules& rules(ClassId id) const { return classes_[id].rules; }
  // The nodes that selectors, taints and service leave, whatever the others of the class do.
  const NodeSet& Matching(ClassId id) const { return classes_[id].matching; }

  // Whether a task of the class changes what the class allows.
  bool Moves(ClassId id) const { return !classes_[id].distributions.empty(); }

  // A task of the class runs there from now, or no more.
  void Placed(ClassId id, NodeId node) { Count(id, node, 1); }
  void Gone(ClassId id, NodeId node) { Count(id, node, -1); }

  const NodeIdentity& node(NodeId id) const { return nodes_[id]; }
  // The node's labels, taints or service changed.
  void SetNode(NodeId id, NodeIdentity identity);

  // The nodes of each domain of a label, by the order of the values.
  std::vector<NodeSet> Domains(const std::string& label) const;

 private:
  // How the tasks of a class are distributed over the domains of one label.
  struct Distribution {
    enum Rule { kSpread, kApart, kTogether };
    std::string label;
    Rule rule = kSpread;
    int max_skew = 1;

    static constexpr uint32_t kNone = ~uint32_t{0};
    std::vector<uint32_t> domain_of;            // by node; kNone: has no such label
    std::vector<std::vector<NodeId>> nodes_of;  // by domain
    std::vector<int> tasks;                     // by domain
    std::vector<bool> eligible;                 // by domain: has nodes that match
    std::map<int, int> domains_with;            // by number of tasks: how many eligible domains
    int total = 0;

    bool Open(uint32_t domain) const;
  };
  struct Class {
    ClassRules rules;
    NodeSet matching;
    NodeSet allowed;
    std::vector<Distribution> distributions;
    std::map<NodeId, int> tasks;
  };

  bool Matches(const ClassRules& rules, NodeId node) const;
  void Build(Class* of) const;
  Distribution Distribute(const Class& of, const std::string& label, Distribution::Rule rule) const;
  void Refresh(Class* of, NodeId node) const;
  void Count(ClassId id, NodeId node, int change);

  std::vector<NodeIdentity> nodes_;
  std::deque<Class> classes_;  // does not move
  std::map<ClassRules, ClassId> ids_;
};

}  // namespace flexai::placement
