#include "placement/fragmentation.h"

#include <algorithm>
#include <set>

namespace flexai::placement {
namespace {

constexpr size_t kMostMemoryLevels = 16;  // the tables grow with each

// Evenly spaced ones of ascending levels, among them the first and the last.
std::vector<int32_t> Thinned(const std::vector<int32_t>& levels) {
  if (levels.size() <= kMostMemoryLevels) {
    return levels;
  }
  std::vector<int32_t> thinned;
  for (size_t i = 0; i < kMostMemoryLevels; ++i) {
    thinned.push_back(levels[i * (levels.size() - 1) / (kMostMemoryLevels - 1)]);
  }
  return thinned;
}

}  // namespace

Fragmentation::Fragmentation(std::span<const TypicalTask> typical) {
  std::set<int64_t> cpu_levels{0};
  std::set<int32_t> distinct_shares;
  std::set<int32_t> memory_levels{0};
  for (const TypicalTask& task : typical) {
    cpu_levels.insert(task.shape.cpu_milli);
    distinct_shares.insert(task.shape.share_milli);
    memory_levels.insert(task.shape.device_memory_mib);
  }
  cpu_levels_.assign(cpu_levels.begin(), cpu_levels.end());
  memory_levels_ = Thinned({memory_levels.begin(), memory_levels.end()});
  const std::vector<int32_t> shares(distinct_shares.begin(), distinct_shares.end());
  for (size_t free = 0; free < rank_.size(); ++free) {
    rank_[free] = static_cast<uint16_t>(
        std::upper_bound(shares.begin(), shares.end(), static_cast<int32_t>(free)) - shares.begin());
  }
  std::vector<std::vector<bool>> kinds;  // which tasks accept it
  for (int model = 0; model < kMostModels; ++model) {
    std::vector<bool> accepts;
    for (const TypicalTask& task : typical) {
      accepts.push_back((task.shape.models & OneModel(model)) != 0);
    }
    const auto known = std::find(kinds.begin(), kinds.end(), accepts);
    kind_of_model_[static_cast<size_t>(model)] = static_cast<uint8_t>(known - kinds.begin());
    if (known == kinds.end()) {
      kinds.push_back(std::move(accepts));
    }
  }
  for (const std::vector<bool>& accepts : kinds) {
    std::vector<Fitting>& levels = fitting_.emplace_back();
    for (const int64_t cpu_milli : cpu_levels_) {
      Fitting& fitting = levels.emplace_back();
      fitting.one_share.assign(memory_levels_.size() + 1, std::vector<double>(shares.size() + 1));
      for (size_t i = 0; i < typical.size(); ++i) {
        const TaskShape& shape = typical[i].shape;
        if (shape.devices == 0 || !accepts[i] || shape.cpu_milli > cpu_milli) {
          fitting.none += typical[i].popularity;
        } else if (shape.devices == 1) {
          AddOneShare(typical[i], &fitting);
        } else {
          AddGang(typical[i], &fitting);
        }
      }
    }
  }
}

size_t Fragmentation::MemoryRank(int32_t mib) const {
  return static_cast<size_t>(std::upper_bound(memory_levels_.begin(), memory_levels_.end(), mib) -
                             memory_levels_.begin());
}

// To the level that a task's memory counts as.
int32_t Fragmentation::RoundedUp(int32_t mib) const {
  return *std::lower_bound(memory_levels_.begin(), memory_levels_.end(), mib);
}

void Fragmentation::AddOneShare(const TypicalTask& task, Fitting* fitting) const {
  const size_t share_rank = rank_[static_cast<size_t>(task.shape.share_milli)];
  const size_t memory_rank = MemoryRank(RoundedUp(task.shape.device_memory_mib));
  for (size_t memory = 0; memory < fitting->one_share.size(); ++memory) {
    for (size_t share = 0; share < fitting->one_share[memory].size(); ++share) {
      if (share < share_rank || memory < memory_rank) {
        fitting->one_share[memory][share] += task.popularity;
      }
    }
  }
}

void Fragmentation::AddGang(const TypicalTask& task, Fitting* fitting) {
  const TaskShape& shape = task.shape;
  const auto same = std::find_if(fitting->gangs.begin(), fitting->gangs.end(), [&](const Gang& gang) {
    return gang.devices == shape.devices && gang.share_milli == shape.share_milli &&
           gang.device_memory_mib == shape.device_memory_mib;
  });
  if (same != fitting->gangs.end()) {
    same->popularity += task.popularity;
  } else {
    fitting->gangs.push_back({shape.devices, shape.share_milli, shape.device_memory_mib, task.popularity});
  }
}

double Fragmentation::operator()(const NodeState& node) const {
  return memory_levels_.size() > 1 ? Of<true>(node) : Of<false>(node);
}

template <bool kByMemory>
double Fragmentation::Of(const NodeState& node) const {
  const auto level = std::upper_bound(cpu_levels_.begin(), cpu_levels_.end(), node.cpu_free) - 1;
  const Fitting& fitting = fitting_[kind_of_model_[static_cast<size_t>(node.model)]]
                                   [static_cast<size_t>(level - cpu_levels_.begin())];
  const auto idle = static_cast<double>(node.free_milli());
  const auto devices = static_cast<size_t>(node.devices);
  double sum = fitting.none * idle;
  for (size_t i = 0; i < devices; ++i) {
    const std::vector<double>& one_share = fitting.one_share[kByMemory ? MemoryRank(node.memory[i]) : 1];
    sum += one_share[rank_[static_cast<size_t>(node.free[i])]] * node.free[i];
  }
  for (const Gang& gang : fitting.gangs) {
    int usable = 0;
    int usable_milli = 0;
    for (size_t i = 0; i < devices && node.free[i] >= gang.share_milli; ++i) {
      if (!kByMemory || node.memory[i] >= gang.device_memory_mib) {
        ++usable;
        usable_milli += node.free[i];
      }
    }
    sum += gang.popularity * (usable >= gang.devices ? idle - usable_milli : idle);
  }
  return sum;
}

}  // namespace flexai::placement
