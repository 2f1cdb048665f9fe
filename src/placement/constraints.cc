#include "placement/constraints.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace flexai::placement {

bool Selector::Matches(const NodeIdentity& node) const {
  const auto label = node.labels.find(key);
  const bool present = label != node.labels.end();
  const bool listed = present && std::find(values.begin(), values.end(), label->second) != values.end();
  switch (op) {
    case kIn:
      return listed;
    case kNotIn:
      return !listed;
    case kExists:
      return present;
    case kDoesNotExist:
      return !present;
  }
  return false;
}

bool Toleration::Covers(const Taint& taint) const {
  return key.empty() || (key == taint.key && (value.empty() || value == taint.value));
}

Constraints::Constraints(std::vector<NodeIdentity> nodes) : nodes_(std::move(nodes)) {
  const Result<ClassId> none = Define({});
  assert(none.ok() && *none == kNoRules);
  (void)none;
}

bool Constraints::Matches(const ClassRules& rules, NodeId node) const {
  const NodeIdentity& identity = nodes_[node];
  const auto tolerated = [&rules](const Taint& taint) {
    return std::any_of(rules.tolerations.begin(), rules.tolerations.end(),
                       [&taint](const Toleration& toleration) { return toleration.Covers(taint); });
  };
  return identity.in_service &&
         std::all_of(rules.selectors.begin(), rules.selectors.end(),
                     [&identity](const Selector& selector) { return selector.Matches(identity); }) &&
         std::all_of(identity.taints.begin(), identity.taints.end(), tolerated);
}

Result<ClassId> Constraints::Define(const ClassRules& rules) {
  for (const Spread& spread : rules.spreads) {
    if (spread.max_skew < 1) {
      return InvalidArgument("the skew of a spread over " + spread.label + " must be at least 1");
    }
  }
  const auto [entry, is_new] = ids_.try_emplace(rules, static_cast<ClassId>(classes_.size()));
  if (is_new) {
    classes_.emplace_back().rules = rules;
    Build(&classes_.back());
  }
  return entry->second;
}

void Constraints::Build(Class* of) const {
  of->matching = NodeSet(nodes_.size());
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    if (Matches(of->rules, node)) {
      of->matching.Add(node);
    }
  }
  of->distributions.clear();
  for (const Spread& spread : of->rules.spreads) {
    of->distributions.push_back(Distribute(*of, spread.label, Distribution::kSpread));
    of->distributions.back().max_skew = spread.max_skew;
  }
  for (const std::string& label : of->rules.apart) {
    of->distributions.push_back(Distribute(*of, label, Distribution::kApart));
  }
  for (const std::string& label : of->rules.together) {
    of->distributions.push_back(Distribute(*of, label, Distribution::kTogether));
  }
  of->allowed = NodeSet(nodes_.size());
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    Refresh(of, node);
  }
}

Constraints::Distribution Constraints::Distribute(const Class& of, const std::string& label,
                                                  Distribution::Rule rule) const {
  Distribution made;
  made.label = label;
  made.rule = rule;
  made.domain_of.assign(nodes_.size(), Distribution::kNone);
  std::map<std::string_view, uint32_t> domains;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    const auto value = nodes_[node].labels.find(label);
    if (value == nodes_[node].labels.end()) {
      continue;
    }
    const auto [domain, is_new] =
        domains.try_emplace(value->second, static_cast<uint32_t>(made.nodes_of.size()));
    if (is_new) {
      made.nodes_of.emplace_back();
      made.eligible.push_back(false);
    }
    made.domain_of[node] = domain->second;
    made.nodes_of[domain->second].push_back(node);
    made.eligible[domain->second] = made.eligible[domain->second] || of.matching.Has(node);
  }
  made.tasks.assign(made.nodes_of.size(), 0);
  for (const auto& [node, tasks] : of.tasks) {
    if (made.domain_of[node] != Distribution::kNone) {
      made.tasks[made.domain_of[node]] += tasks;
      made.total += tasks;
    }
  }
  for (size_t domain = 0; domain < made.tasks.size(); ++domain) {
    if (made.eligible[domain]) {
      ++made.domains_with[made.tasks[domain]];
    }
  }
  return made;
}

bool Constraints::Distribution::Open(uint32_t domain) const {
  switch (rule) {
    case kSpread:
      return domains_with.empty() || tasks[domain] + 1 - domains_with.begin()->first <= max_skew;
    case kApart:
      return tasks[domain] == 0;
    case kTogether:
      return total == 0 || tasks[domain] > 0;
  }
  return false;
}

void Constraints::Refresh(Class* of, NodeId node) const {
  const bool allowed =
      of->matching.Has(node) &&
      std::all_of(of->distributions.begin(), of->distributions.end(), [node](const Distribution& each) {
        const uint32_t domain = each.domain_of[node];
        return domain != Distribution::kNone && each.Open(domain);
      });
  if (allowed) {
    of->allowed.Add(node);
  } else {
    of->allowed.Remove(node);
  }
}

void Constraints::Count(ClassId id, NodeId node, int change) {
  Class& of = classes_[id];
  if (of.distributions.empty()) {
    return;
  }
  const auto count = of.tasks.try_emplace(node, 0).first;
  count->second += change;
  assert(count->second >= 0);
  if (count->second == 0) {
    of.tasks.erase(count);
  }
  for (Distribution& each : of.distributions) {
    const uint32_t domain = each.domain_of[node];
    if (domain == Distribution::kNone) {
      continue;
    }
    const auto fewest = [&each] { return each.domains_with.empty() ? 0 : each.domains_with.begin()->first; };
    const int fewest_before = fewest();
    const bool none_before = each.total == 0;
    int& tasks = each.tasks[domain];
    if (each.eligible[domain]) {
      const auto before = each.domains_with.find(tasks);
      if (--before->second == 0) {
        each.domains_with.erase(before);
      }
      ++each.domains_with[tasks + change];
    }
    tasks += change;
    each.total += change;
    const bool everywhere =
        each.rule == Distribution::kTogether ? none_before != (each.total == 0) : fewest() != fewest_before;
    for (uint32_t changed = 0; changed < each.nodes_of.size(); ++changed) {
      if (changed == domain || (everywhere && each.rule != Distribution::kApart)) {
        for (const NodeId in_domain : each.nodes_of[changed]) {
          Refresh(&of, in_domain);
        }
      }
    }
  }
}

void Constraints::SetNode(NodeId id, NodeIdentity identity) {
  const NodeIdentity before = std::exchange(nodes_[id], std::move(identity));
  const auto label = [](const NodeIdentity& node, const std::string& key) {
    const auto found = node.labels.find(key);
    return found == node.labels.end() ? nullptr : &found->second;
  };
  for (Class& each : classes_) {
    const bool moved = std::any_of(
        each.distributions.begin(), each.distributions.end(), [&](const Distribution& distribution) {
          const std::string* from = label(before, distribution.label);
          const std::string* to = label(nodes_[id], distribution.label);
          return (from == nullptr) != (to == nullptr) || (from != nullptr && *from != *to);
        });
    if (moved || Matches(each.rules, id) != each.matching.Has(id)) {
      Build(&each);
    }
  }
}

std::vector<NodeSet> Constraints::Domains(const std::string& label) const {
  std::map<std::string_view, NodeSet> domains;
  for (NodeId node = 0; node < nodes_.size(); ++node) {
    const auto value = nodes_[node].labels.find(label);
    if (value != nodes_[node].labels.end()) {
      domains.try_emplace(value->second, nodes_.size()).first->second.Add(node);
    }
  }
  std::vector<NodeSet> sets;
  for (auto& [value, nodes] : domains) {
    sets.push_back(std::move(nodes));
  }
  return sets;
}

}  // namespace flexai::placement
