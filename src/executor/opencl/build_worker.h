// The thread on which programs are built, compiled and linked, one after another, beside later calls.
//
// Thread safety: Post from any thread; RunFinished and Drain from the engine's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace flexai::executor::opencl {

class BuildWorker {
 public:
  struct Build {
    std::function<int32_t()> run;  // on the worker's thread; gives the API's status
    std::function<void(int32_t)>
        publish;                   // on the worker's thread, once RunFinished can see the end of the build
    std::function<void()> finish;  // on the engine's thread, by RunFinished
  };

  // `wake_engine` is called when a build has ended.
  explicit BuildWorker(std::function<void()> wake_engine) : wake_engine_(std::move(wake_engine)) {}
  ~BuildWorker();

  void Post(Build build);
  // Finishes the builds that have ended.
  void RunFinished();
  // Waits for all builds and finishes them.
  void Drain();

 private:
  void Run();

  const std::function<void()> wake_engine_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Build> waiting_;
  std::vector<std::function<void()>> finished_;
  bool busy_ = false;
  bool stopping_ = false;
  std::thread thread_;  // started with the first build
};

}  // namespace flexai::executor::opencl
