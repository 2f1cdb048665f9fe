// Runs many independent jobs on all cores.
#pragma once

#include <cstddef>
#include <functional>

namespace flexai::simulator {

// Calls `work` once for each index below `count`, on several threads, and returns after the last.
// `on_progress` (may be null) is called after each, never twice at once.
void RunAll(size_t count, const std::function<void(size_t)>& work,
            const std::function<void(size_t done, size_t of)>& on_progress);

}  // namespace flexai::simulator
