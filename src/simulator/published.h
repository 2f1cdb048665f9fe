// Published results to compare with: CSV with columns trace, policy, alloc_pct_at_100 and alloc_pct_at_130.
#pragma once

#include <map>
#include <string>

#include "base/status.h"

namespace flexai::simulator {

struct PublishedRow {
  double at_100 = 0;  // percent of the devices allocated
  double at_130 = 0;
};

// By our name of the policy. The trace is the one in the name of the pods' file:
// "openb_pod_list_default.csv" is "default".
Result<std::map<std::string, PublishedRow>> ReadPublished(const std::string& path,
                                                          const std::string& pods_path);

}  // namespace flexai::simulator
