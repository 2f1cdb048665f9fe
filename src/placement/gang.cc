#include "placement/gang.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "placement/remote.h"
#include "placement/remote_room.h"

namespace flexai::placement {
namespace {

class FirstFit final : public Policy {
 public:
  using Policy::Choose;
  std::optional<Placement> Choose(const Cluster& cluster, const Request& request) override {
    for (NodeId node = 0; node < cluster.nodes().size(); ++node) {
      if (request.Allows(node) && cluster.Fits(node, request.shape)) {
        const TaskShape taken = cluster.TakenOn(node, request.shape);
        return Placement{node, node,
                         cluster.DevicesAt(node, RoomiestDevices(cluster.state_of_node(node), taken))};
      }
    }
    return std::nullopt;
  }
};

// One gang within one set of nodes.
class Placing {
 public:
  Placing(Transaction* transaction, const Cluster& cluster, const Constraints* constraints, Policy* policy,
          const Gang& gang, const NodeSet* within)
      : transaction_(*transaction),
        cluster_(cluster),
        constraints_(constraints),
        policy_(policy),
        gang_(gang),
        within_(within) {}

  GangResult Run(int most_attempts) {
    GangResult result;
    const NodeSet* const matching =
        Restrict(constraints_ == nullptr ? nullptr : &constraints_->Matching(gang_.rules));
    for (size_t role = 0; role < gang_.roles.size(); ++role) {
      const Role& of = gang_.roles[role];
      if (of.min <= 1 && gang_.roles.size() == 1) {
        continue;  // trying tells as well
      }
      const Request request{of.shape, matching};
      const int64_t room = policy_ != nullptr ? policy_->RoomFor(cluster_, request, of.min)
                                              : RoomAtMost(cluster_, request, of.min);
      if (room < of.min) {
        return {GangResult::kInfeasible, {}, role, room, 0};
      }
    }
    // One role by itself is counted where the policy's places don't suffice.
    const bool count = policy_ == nullptr || gang_.roles.size() > 1;
    if ((policy_ != nullptr && TryOrders(true, most_attempts, &result)) ||
        (count && TryOrders(false, most_attempts, &result))) {
      result.outcome = GangResult::kPlaced;
      std::stable_sort(result.members.begin(), result.members.end(),
                       [](const Member& a, const Member& b) { return a.role < b.role; });
      return result;
    }
    result.outcome = GangResult::kNotFound;
    if (gang_.roles.size() == 1) {
      result.attempts = 0;  // there is one order only; what is bounded is the number of orders
      result.outcome = gang_.roles[0].min <= 1 ? GangResult::kInfeasible : GangResult::kNotFound;
    }
    return result;
  }

 private:
  int64_t Size(size_t role) const {
    const TaskShape& shape = gang_.roles[role].shape;
    return shape.device_milli() * 1'000 + shape.cpu_milli;
  }

  // `rules` and what the gang is restricted to besides; null: every node. Valid until the next call.
  const NodeSet* Restrict(const NodeSet* rules) {
    if (gang_.allowed == nullptr && within_ == nullptr) {
      return rules;
    }
    restricted_ = rules != nullptr ? *rules : NodeSet(cluster_.nodes().size(), true);
    for (const NodeSet* also : {gang_.allowed, within_}) {
      if (also != nullptr) {
        restricted_ &= *also;
      }
    }
    return &restricted_;
  }
  const NodeSet* Allowed() {
    return Restrict(constraints_ == nullptr ? nullptr : &constraints_->Allowed(gang_.rules));
  }
  bool RulesMove() const { return constraints_ != nullptr && constraints_->Moves(gang_.rules); }

  // Orders of the roles, the largest first; with the policy's places or the first that have room.
  bool TryOrders(bool by_policy, int most_attempts, GangResult* result) {
    by_policy_ = by_policy;
    std::vector<size_t> order(gang_.roles.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [this](size_t a, size_t b) { return Size(a) > Size(b); });
    const std::vector<size_t> first = order;
    const size_t start = transaction_.Savepoint();
    do {
      if (result->attempts >= most_attempts) {
        return false;
      }
      ++result->attempts;
      if (Try(order, &result->members)) {
        return true;
      }
      transaction_.Rollback(start);
      result->members.clear();
      // The next order, after the last one the first; until all or enough were tried.
      std::next_permutation(order.begin(), order.end());
    } while (order != first);
    return false;
  }

  bool Try(const std::vector<size_t>& order, std::vector<Member>* members) {
    if (gang_.headroom != nullptr) {
      left_ = *gang_.headroom;
    }
    for (const size_t role : order) {
      if (!PlaceNeeded(role, members)) {
        return false;
      }
    }
    for (const size_t role : order) {
      for (int i = gang_.roles[role].min; i < gang_.roles[role].max && PlaceOne(role, members); ++i) {
      }
    }
    return true;
  }

  bool PlaceNeeded(size_t role, std::vector<Member>* members) {
    if (!by_policy_) {
      return PlaceByCounting(role, gang_.roles[role].min, members);
    }
    const size_t start = transaction_.Savepoint();
    const size_t before = members->size();
    const std::optional<Headroom> left = left_;
    const int needed = gang_.roles[role].min;
    int placed = 0;
    while (placed < needed && PlaceOne(role, members)) {
      ++placed;
    }
    if (placed == needed) {
      return true;
    }
    if (placed == 0) {
      return false;  // where the policy finds no room for one, there is none
    }
    // The policy's places don't suffice, since which devices a member takes matters for those after it.
    transaction_.Rollback(start);
    members->resize(before);
    left_ = left;
    return PlaceByCounting(role, needed, members);
  }

  bool PlaceOne(size_t role, std::vector<Member>* members) {
    if (policy_ == nullptr) {
      return PlaceByCounting(role, 1, members);
    }
    // A set of rules that does not move has been restricted to already, for all members.
    if (RulesMove() || !allowed_known_) {
      allowed_ = Allowed();
      allowed_known_ = true;
    }
    TaskShape shape = gang_.roles[role].shape;
    if (!WithinLimits(&shape)) {
      return false;
    }
    const auto where = policy_->Choose(cluster_, Request{shape, allowed_});
    return where.has_value() && Put(role, *where, members);
  }

  bool PlaceByCounting(size_t role, int needed, std::vector<Member>* members) {
    const TaskShape& shape = gang_.roles[role].shape;
    const auto nodes = static_cast<NodeId>(cluster_.nodes().size());
    const bool local = shape.remote != Remote::kOnly;
    for (NodeId node = 0; needed > 0; --needed) {
      Request request{shape, Allowed()};
      if (!WithinLimits(&request.shape)) {
        return false;
      }
      while (node < nodes && !(local && request.Allows(node) && cluster_.Fits(node, request.shape))) {
        ++node;
      }
      const bool put = node < nodes ? Put(role, {node, node, Roomiest(node, shape)}, members)
                                    : shape.remote != Remote::kNever && PutRemotely(role, request, members);
      if (!put) {
        return false;
      }
      if (RulesMove()) {
        node = 0;  // what the rules forbade may be open now
      }
    }
    return true;
  }

  // What has no room locally: as the policy likes. That proves nothing for the members after it.
  bool PutRemotely(size_t role, const Request& request, std::vector<Member>* members) {
    RemotePolicy first_fit(std::make_unique<FirstFit>());
    const auto where = (policy_ != nullptr ? *policy_ : first_fit).Choose(cluster_, request);
    return where.has_value() && Put(role, *where, members);
  }

  // Leaves the shape the models that the limits leave for one more member; false if there are none.
  bool WithinLimits(TaskShape* shape) const {
    if (!left_.has_value()) {
      return true;
    }
    ModelSet models = 0;
    for (int model = 0; model < (shape->devices > 0 ? kMostModels : 1); ++model) {
      models |= left_->Fits(cluster_.Taken(*shape, model), model) ? OneModel(model) : 0;
    }
    if (shape->devices == 0) {
      return models != 0;
    }
    shape->models &= models;
    return shape->models != 0;
  }

  std::vector<int32_t> Roomiest(NodeId node, const TaskShape& shape) const {
    return cluster_.DevicesAt(node,
                              RoomiestDevices(cluster_.state_of_node(node), cluster_.TakenOn(node, shape)));
  }

  bool Put(size_t role, const Placement& where, std::vector<Member>* members) {
    if (!transaction_.Take(gang_.roles[role].shape, gang_.rules, where).ok()) {
      return false;
    }
    if (left_.has_value()) {
      left_->Take(cluster_.TakenOn(where.device_node, gang_.roles[role].shape),
                  cluster_.nodes()[where.device_node].model);
    }
    members->push_back({role, where});
    return true;
  }

  Transaction& transaction_;
  const Cluster& cluster_;
  const Constraints* constraints_;
  Policy* const policy_;  // null: the first node that has room
  const Gang& gang_;
  const NodeSet* within_;
  bool by_policy_ = false;
  std::optional<Headroom> left_;
  NodeSet restricted_;
  const NodeSet* allowed_ = nullptr;
  bool allowed_known_ = false;
};

// For how many gangs of the needed members a domain has room: the less, the better it fits.
int64_t GangsIn(const Cluster& cluster, const Constraints* constraints, Policy* policy, const Gang& gang,
                const NodeSet& domain) {
  NodeSet allowed = domain;
  if (constraints != nullptr) {
    allowed &= constraints->Matching(gang.rules);
  }
  if (gang.allowed != nullptr) {
    allowed &= *gang.allowed;
  }
  int64_t least = kPlenty;
  for (const Role& role : gang.roles) {
    const Request request{role.shape, &allowed};
    const int64_t room =
        policy != nullptr ? policy->RoomFor(cluster, request, kPlenty) : RoomFor(cluster, request);
    // Counted in thousandths of the needed members.
    least = std::min(least, room * 1'000 / std::max(role.min, 1));
  }
  return least;
}

GangResult Place(Transaction* transaction, const Cluster& cluster, const Constraints* constraints,
                 Policy* policy, const Gang& gang, int most_attempts) {
  if (gang.domains.empty()) {
    return Placing(transaction, cluster, constraints, policy, gang, nullptr).Run(most_attempts);
  }
  std::vector<std::pair<int64_t, const NodeSet*>> by_room;
  for (const NodeSet& domain : gang.domains) {
    by_room.emplace_back(GangsIn(cluster, constraints, policy, gang, domain), &domain);
  }
  std::stable_sort(by_room.begin(), by_room.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  GangResult best;
  for (const auto& [room, domain] : by_room) {
    const int left = most_attempts - best.attempts;
    if (left <= 0) {
      break;
    }
    GangResult result = Placing(transaction, cluster, constraints, policy, gang, domain).Run(left);
    result.attempts += best.attempts;
    if (result.outcome == GangResult::kPlaced) {
      return result;
    }
    const bool worse = best.outcome == GangResult::kNotFound && result.outcome == GangResult::kInfeasible;
    best.attempts = result.attempts;
    if (!worse && (result.outcome == GangResult::kNotFound || result.room >= best.room)) {
      best = std::move(result);
    }
  }
  return best;
}

}  // namespace

GangResult PlaceGang(Transaction* transaction, const Cluster& cluster, const Constraints* constraints,
                     Policy& policy, const Gang& gang, int most_attempts) {
  return Place(transaction, cluster, constraints, &policy, gang, most_attempts);
}

GangResult PlaceGangAnywhere(Transaction* transaction, const Cluster& cluster, const Constraints* constraints,
                             const Gang& gang, int most_attempts) {
  return Place(transaction, cluster, constraints, nullptr, gang, most_attempts);
}

}  // namespace flexai::placement
