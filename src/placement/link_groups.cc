#include "placement/link_groups.h"

#include <algorithm>
#include <vector>

namespace flexai::placement {
namespace {

// Devices of a state with equally much left: neighbours there.
struct Equals {
  unsigned positions = 0;
  int wanted = 0;  // how many of them
};

std::vector<Equals> EqualsOf(const NodeState& state, DeviceMask wanted) {
  std::vector<Equals> all;
  for (size_t i = 0; i < static_cast<size_t>(state.devices); ++i) {
    if (i == 0 || !state.SameDevices(i - 1, i)) {
      all.emplace_back();
    }
    all.back().positions |= 1u << i;
    all.back().wanted += wanted >> i & 1;
  }
  std::erase_if(all, [](const Equals& equals) { return equals.wanted == 0; });
  return all;
}

// The next larger number with as many bits. Source: R. Gosper, in "HAKMEM", MIT AI Memo 239, 1972, item 175.
uint32_t NextSet(uint32_t set) {
  const uint32_t lowest = set & ~(set - 1);
  const uint32_t ripple = set + lowest;
  return ripple | (((set ^ ripple) >> 2) / lowest);
}

}  // namespace

DeviceMask KeepTogether(const NodeState& state, DeviceMask wanted,
                        const std::array<uint8_t, kMostDevices>& number, const LinkGroups& groups) {
  const auto devices = static_cast<size_t>(state.devices);
  const auto group_at = [&](size_t position) { return groups[number[position]]; };
  bool one_group = true;
  for (size_t i = 1; i < devices; ++i) {
    one_group = one_group && group_at(i) == group_at(0);
  }
  if (one_group || wanted == 0) {
    return wanted;
  }
  const std::vector<Equals> equals = EqualsOf(state, wanted);
  // The groups that have devices to choose from, each with those positions.
  std::array<unsigned, kMostDevices> of_group{};
  for (size_t i = 0; i < devices; ++i) {
    of_group[group_at(i)] |= 1u << i;
  }
  unsigned candidates = 0;
  for (const Equals& each : equals) {
    candidates |= each.positions;
  }
  std::vector<unsigned> members;
  for (const unsigned positions : of_group) {
    if ((positions & candidates) != 0) {
      members.push_back(positions & candidates);
    }
  }
  // What the groups of a set have between them; 0 if that is not enough.
  const auto offered = [&](uint32_t set) {
    unsigned positions = 0;
    for (uint32_t left = set; left != 0; left &= left - 1) {
      positions |= members[static_cast<size_t>(std::countr_zero(left))];
    }
    const bool enough = std::all_of(equals.begin(), equals.end(), [positions](const Equals& each) {
      return std::popcount(positions & each.positions) >= each.wanted;
    });
    return enough ? positions : 0;
  };
  uint32_t best = 0;
  int fewest = 0;
  for (size_t size = 1; best == 0; ++size) {
    const uint32_t end = uint32_t{1} << members.size();
    for (uint32_t set = (uint32_t{1} << size) - 1; set < end; set = NextSet(set)) {
      const int count = std::popcount(offered(set));
      if (count > 0 && (best == 0 || count < fewest)) {
        best = set;
        fewest = count;
      }
    }
  }
  // The smallest groups of the set are used up first: what is left over is then in one most often.
  std::vector<unsigned> chosen;
  for (uint32_t left = best; left != 0; left &= left - 1) {
    chosen.push_back(members[static_cast<size_t>(std::countr_zero(left))]);
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](unsigned a, unsigned b) { return std::popcount(a) < std::popcount(b); });
  unsigned kept = 0;
  for (const Equals& each : equals) {
    int missing = each.wanted;
    for (const unsigned positions : chosen) {
      const auto of_both = static_cast<DeviceMask>(positions & each.positions);
      const int count = std::min(missing, std::popcount(of_both));
      kept |= FirstDevices(of_both, count);
      missing -= count;
    }
  }
  return static_cast<DeviceMask>(kept);
}

}  // namespace flexai::placement
