// A set of the nodes of a cluster, a bit each: which nodes a task may run on for reasons that no state shows
// (selectors, taints, spread, affinity, somebody else's rules).
//
// Thread safety: a value.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace flexai::placement {

using NodeId = uint32_t;  // position in the list that the cluster was made of, which is the order of ties

class NodeSet {
 public:
  static constexpr size_t kWordNodes = 64;

  NodeSet() = default;
  explicit NodeSet(size_t nodes, bool all = false)
      : size_(nodes), words_((nodes + kWordNodes - 1) / kWordNodes, all ? ~uint64_t{0} : 0) {
    if (all && nodes % kWordNodes != 0) {
      words_.back() = (uint64_t{1} << (nodes % kWordNodes)) - 1;
    }
  }

  size_t size() const { return size_; }
  bool Has(NodeId node) const { return (words_[node / kWordNodes] >> (node % kWordNodes) & 1) != 0; }
  void Add(NodeId node) { words_[node / kWordNodes] |= uint64_t{1} << (node % kWordNodes); }
  void Remove(NodeId node) { words_[node / kWordNodes] &= ~(uint64_t{1} << (node % kWordNodes)); }
  // Nodes [64 i, 64 i + 64), the first in the lowest bit.
  uint64_t word(size_t i) const { return words_[i]; }
  size_t words() const { return words_.size(); }

  size_t Count() const {
    size_t count = 0;
    for (const uint64_t word : words_) {
      count += static_cast<size_t>(std::popcount(word));
    }
    return count;
  }
  // Of sets of equal size.
  NodeSet& operator&=(const NodeSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) {
      words_[i] &= other.words_[i];
    }
    return *this;
  }
  NodeSet& operator|=(const NodeSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) {
      words_[i] |= other.words_[i];
    }
    return *this;
  }
  NodeSet& operator-=(const NodeSet& other) {
    for (size_t i = 0; i < words_.size(); ++i) {
      words_[i] &= ~other.words_[i];
    }
    return *this;
  }
  bool operator==(const NodeSet&) const = default;

  template <typename Function>  // of NodeId, in order
  void ForEach(Function function) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      for (uint64_t left = words_[i]; left != 0; left &= left - 1) {
        function(static_cast<NodeId>(i * kWordNodes + static_cast<size_t>(std::countr_zero(left))));
      }
    }
  }

 private:
  size_t size_ = 0;
  std::vector<uint64_t> words_;
};

}  // namespace flexai::placement
