#include "placement/fragmentation.h"

#include <algorithm>
#include <set>

namespace flexai::placement {

Fragmentation::Fragmentation(std::span<const TypicalTask> typical) {
  std::set<int64_t> cpu_levels{0};
  std::set<int32_t> distinct_shares;
  for (const TypicalTask& task : typical) {
    cpu_levels.insert(task.shape.cpu_milli);
    distinct_shares.insert(task.shape.share_milli);
  }
  cpu_levels_.assign(cpu_levels.begin(), cpu_levels.end());
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
      fitting.one_share.resize(shares.size() + 1);
      for (size_t i = 0; i < typical.size(); ++i) {
        const TaskShape& shape = typical[i].shape;
        const double popularity = typical[i].popularity;
        if (shape.devices == 0 || !accepts[i] || shape.cpu_milli > cpu_milli) {
          fitting.none += popularity;
        } else if (shape.devices == 1) {
          for (size_t rank = 0; rank < rank_[static_cast<size_t>(shape.share_milli)]; ++rank) {
            fitting.one_share[rank] += popularity;
          }
        } else {
          const auto same = std::find_if(fitting.gangs.begin(), fitting.gangs.end(), [&](const Gang& gang) {
            return gang.devices == shape.devices && gang.share_milli == shape.share_milli;
          });
          if (same != fitting.gangs.end()) {
            same->popularity += popularity;
          } else {
            fitting.gangs.push_back({shape.devices, shape.share_milli, popularity});
          }
        }
      }
    }
  }
}

double Fragmentation::operator()(const NodeState& node) const {
  const auto level = std::upper_bound(cpu_levels_.begin(), cpu_levels_.end(), node.cpu_free) - 1;
  const Fitting& fitting = fitting_[kind_of_model_[static_cast<size_t>(node.model)]]
                                   [static_cast<size_t>(level - cpu_levels_.begin())];
  const auto idle = static_cast<double>(node.free_milli());
  double sum = fitting.none * idle;
  for (int i = 0; i < node.devices; ++i) {
    const int16_t free = node.free[static_cast<size_t>(i)];
    sum += fitting.one_share[rank_[static_cast<size_t>(free)]] * free;
  }
  for (const Gang& gang : fitting.gangs) {
    double fragment = idle;
    if (const int usable = node.CountWith(gang.share_milli); usable >= gang.devices) {
      for (int i = 0; i < usable; ++i) {
        fragment -= node.free[static_cast<size_t>(i)];
      }
    }
    sum += gang.popularity * fragment;
  }
  return sum;
}

}  // namespace flexai::placement
