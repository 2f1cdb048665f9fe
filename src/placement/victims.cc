#include "placement/victims.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <tuple>

#include "placement/room.h"

namespace flexai::placement {
namespace {

class Search {
 public:
  Search(const Cluster& cluster, const Request& request, std::span<const Evictable> candidates)
      : cluster_(cluster), request_(request), candidates_(candidates), evicted_(candidates.size()) {
    on_.resize(cluster.nodes().size());
    version_.assign(on_.size(), 0);
    for (NodeId id = 0; id < on_.size(); ++id) {
      nodes_.push_back(cluster.node_free(id));
      room_.push_back(request.Allows(id) ? Room(nodes_[id], id) : 0);
      total_ += room_.back();
    }
    for (size_t i = 0; i < candidates.size(); ++i) {
      for (const Evictable::Part& part : candidates[i].parts) {
        for (const NodeId node : {part.where.cpu_node, part.where.device_node}) {
          if (request.Allows(node) && (on_[node].empty() || on_[node].back() != i)) {
            on_[node].push_back(i);
          }
        }
      }
    }
  }

  std::optional<std::vector<size_t>> Run(int64_t needed) {
    for (NodeId node = 0; node < nodes_.size() && total_ < needed; ++node) {
      Offer(node);
    }
    while (total_ < needed) {
      if (offers_.empty()) {
        return std::nullopt;
      }
      const Deal deal = offers_.top();
      offers_.pop();
      if (deal.version != version_[deal.node]) {
        continue;  // made again when the node changed
      }
      for (const size_t victim : deal.victims) {
        Evict(victim);
      }
    }
    return Spare(needed);
  }

 private:
  // One more task on a node, and what must go for it.
  struct Deal {
    int32_t priority = 0;  // the highest that must go
    double cost = 0;       // for each task that then fits
    NodeId node = 0;
    uint32_t version = 0;
    std::vector<size_t> victims;

    bool operator>(const Deal& other) const {
      return std::tie(priority, cost, node) > std::tie(other.priority, other.cost, other.node);
    }
  };

  int64_t Room(const NodeFree& node, NodeId id) const {
    const NodeSpec& spec = cluster_.nodes()[id];
    return RoomIn(node.State(spec.model, spec.devices), node.memory_mib,
                  cluster_.TakenOn(id, request_.shape));
  }

  void Remove(size_t candidate, NodeId id, NodeFree* node) const { Change(candidate, id, node, 1); }
  void PutBack(size_t candidate, NodeId id, NodeFree* node) const { Change(candidate, id, node, -1); }
  void Change(size_t candidate, NodeId id, NodeFree* node, int sign) const {
    for (const Evictable::Part& part : candidates_[candidate].parts) {
      if (part.where.cpu_node == id) {
        node->AddHost(part.shape, sign);
      }
      if (part.where.device_node == id) {
        node->AddDevices(cluster_.TakenOn(id, part.shape), part.where.devices, sign);
      }
    }
  }

  void Offer(NodeId id) {
    std::vector<size_t> left;
    for (const size_t candidate : on_[id]) {
      if (!evicted_[candidate]) {
        left.push_back(candidate);
      }
    }
    const auto cheaper = [this](size_t a, size_t b) {
      return std::tie(candidates_[a].priority, candidates_[a].cost, a) <
             std::tie(candidates_[b].priority, candidates_[b].cost, b);
    };
    std::sort(left.begin(), left.end(), cheaper);
    NodeFree node = nodes_[id];
    Deal deal;
    deal.node = id;
    deal.version = version_[id];
    for (size_t i = 0; i < left.size() && Room(node, id) <= room_[id]; ++i) {
      Remove(left[i], id, &node);
      deal.victims.push_back(left[i]);
    }
    if (Room(node, id) <= room_[id]) {
      return;
    }
    // The cheap ones that went first may have been for nothing; the dearest is spared first.
    for (size_t i = deal.victims.size(); i-- > 0;) {
      PutBack(deal.victims[i], id, &node);
      if (Room(node, id) > room_[id]) {
        deal.victims.erase(deal.victims.begin() + static_cast<ptrdiff_t>(i));
      } else {
        Remove(deal.victims[i], id, &node);
      }
    }
    deal.priority = INT32_MIN;
    for (const size_t victim : deal.victims) {
      deal.priority = std::max(deal.priority, candidates_[victim].priority);
      deal.cost += candidates_[victim].cost;
    }
    deal.cost /= static_cast<double>(Room(node, id) - room_[id]);
    offers_.push(std::move(deal));
  }

  // The nodes that count on which the candidate has parts.
  std::vector<NodeId> NodesOf(size_t candidate) const {
    std::vector<NodeId> nodes;
    for (const Evictable::Part& part : candidates_[candidate].parts) {
      for (const NodeId node : {part.where.cpu_node, part.where.device_node}) {
        if (request_.Allows(node)) {
          nodes.push_back(node);
        }
      }
    }
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }

  void CountRoom(NodeId id) {
    const int64_t room = Room(nodes_[id], id);
    total_ += room - room_[id];
    room_[id] = room;
  }

  void Evict(size_t victim) {
    evicted_[victim] = true;
    for (const NodeId id : NodesOf(victim)) {
      Remove(victim, id, &nodes_[id]);
      CountRoom(id);
      ++version_[id];
      Offer(id);
    }
  }

  // What was evicted node by node may be more than is needed in all: the dearest are spared first.
  std::vector<size_t> Spare(int64_t needed) {
    std::vector<size_t> dearest;
    for (size_t i = 0; i < evicted_.size(); ++i) {
      if (evicted_[i]) {
        dearest.push_back(i);
      }
    }
    std::sort(dearest.begin(), dearest.end(), [this](size_t a, size_t b) {
      return std::tie(candidates_[a].priority, candidates_[a].cost, a) >
             std::tie(candidates_[b].priority, candidates_[b].cost, b);
    });
    std::vector<size_t> victims;
    for (const size_t victim : dearest) {
      const std::vector<NodeId> nodes = NodesOf(victim);
      for (const NodeId id : nodes) {
        PutBack(victim, id, &nodes_[id]);
        CountRoom(id);
      }
      if (total_ >= needed) {
        continue;
      }
      for (const NodeId id : nodes) {
        Remove(victim, id, &nodes_[id]);
        CountRoom(id);
      }
      victims.push_back(victim);
    }
    std::sort(victims.begin(), victims.end());
    return victims;
  }

  const Cluster& cluster_;
  const Request& request_;
  std::span<const Evictable> candidates_;
  std::vector<bool> evicted_;
  std::vector<NodeFree> nodes_;
  std::vector<std::vector<size_t>> on_;  // candidates by node
  std::vector<int64_t> room_;            // by node
  std::vector<uint32_t> version_;        // by node
  int64_t total_ = 0;
  std::priority_queue<Deal, std::vector<Deal>, std::greater<>> offers_;
};

}  // namespace

std::optional<std::vector<size_t>> ChooseVictims(const Cluster& cluster, const Request& request,
                                                 int64_t needed, std::span<const Evictable> candidates) {
  return Search(cluster, request, candidates).Run(needed);
}

}  // namespace flexai::placement
