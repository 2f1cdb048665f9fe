// What connects the nodes: network domains, the links between and within them, and how much of each is free.
//
// A link joins two domains, or the nodes of one, in both directions; its bandwidth is shared by all remote
// placements that use it. Two domains without a link don't reach each other. Nodes name their domain by its
// number (cluster.h). Bandwidth is counted in Mbit/s; latency is that of a round trip.
//
// Thread safety: one thread; a copy is a snapshot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"

namespace flexai::placement {

inline constexpr int32_t kMostDomains = 256;
inline constexpr int32_t kMostMbit = 1'000'000'000;

struct LinkSpec {
  int32_t from = 0;  // domains; equal: within that one
  int32_t to = 0;
  int32_t mbit = 0;
  Nanos latency;
};

class Links {
 public:
  // Not described: all nodes are in one domain and reach each other without bound and without latency.
  Links() = default;
  // `domains` are names by number. kInvalidArgument, naming the domains, for a link of one that there is not,
  // a pair that has one already and negative amounts; and for more than kMostDomains.
  static Result<Links> Make(std::vector<std::string> domains, std::span<const LinkSpec> links);

  bool described() const { return !domains_.empty(); }
  int32_t domain_count() const { return described() ? static_cast<int32_t>(domains_.size()) : 1; }
  const std::string& domain(int32_t number) const { return domains_[static_cast<size_t>(number)]; }
  size_t size() const { return links_.size(); }
  const LinkSpec& spec(size_t link) const { return links_[link].spec; }
  int32_t free_mbit(size_t link) const { return links_[link].free_mbit; }

  // Whether a task that reserves so much may be placed over these two domains.
  bool HasRoom(int32_t from, int32_t to, int32_t mbit) const;
  Nanos Latency(int32_t from, int32_t to) const;

  // kResourceExhausted, naming the link, and nothing changed, if there is none or it has too little left.
  Status Take(int32_t from, int32_t to, int32_t mbit);
  void Give(int32_t from, int32_t to, int32_t mbit);

  Links Idle() const;  // the same with nothing taken
  bool SameRoom(const Links& other) const;

 private:
  struct Link {
    LinkSpec spec;
    int32_t free_mbit = 0;
  };
  static constexpr int32_t kNone = -1;

  int32_t Find(int32_t from, int32_t to) const {
    return number_[static_cast<size_t>(from) * domains_.size() + static_cast<size_t>(to)];
  }

  std::vector<std::string> domains_;
  std::vector<Link> links_;
  std::vector<int32_t> number_;  // of the link, by pair of domains; kNone: there is none
};

}  // namespace flexai::placement
