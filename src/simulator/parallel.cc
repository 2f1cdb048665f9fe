#include "simulator/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace flexai::simulator {

void RunAll(size_t count, const std::function<void(size_t)>& work,
            const std::function<void(size_t done, size_t of)>& on_progress) {
  std::atomic<size_t> next = 0;
  std::mutex progress;
  size_t done = 0;
  const auto run = [&] {
    for (size_t i = next++; i < count; i = next++) {
      work(i);
      const std::lock_guard lock(progress);
      ++done;
      if (on_progress) {
        on_progress(done, count);
      }
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < std::min<size_t>(std::max(1u, std::thread::hardware_concurrency()), count); ++i) {
    threads.emplace_back(run);
  }
  run();
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace flexai::simulator
