#include "group.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

namespace flexai::bench {

bool Wanted(const std::vector<std::string>& only, const std::string& row) {
  return only.empty() || std::any_of(only.begin(), only.end(), [&row](const std::string& name) {
           return row.compare(0, name.size(), name) == 0;
         });
}

Rows MeasureGroups(const std::vector<Group>& groups, const std::vector<std::string>& only, bool* complete) {
  Rows results;
  const auto wanted = [&only](const std::string& name) { return Wanted(only, name); };
  for (const Group& group : groups) {
    if (std::none_of(group.rows.begin(), group.rows.end(), wanted)) {
      continue;
    }
    fmt::print(stderr, "flexai-bench: measuring {}{}\n", group.rows.front(),
               group.rows.size() > 1 ? " ..." : "");
    const auto rows = group.measure();
    if (rows.ok()) {
      std::copy_if(rows->begin(), rows->end(), std::back_inserter(results),
                   [&wanted](const Measurement& row) { return wanted(row.name); });
      continue;
    }
    *complete = false;
    fmt::print(stderr, "flexai-bench: {}: {}\n", group.rows.front(), rows.status().message());
    for (const std::string& name : group.rows) {
      if (wanted(name)) {
        results.push_back(
            {.name = name, .unit = "-", .target = "measured", .met = false, .note = rows.status().message()});
      }
    }
  }
  return results;
}

}  // namespace flexai::bench
