#include "executor/opencl/build_worker.h"

#include <utility>

namespace flexai::executor::opencl {

BuildWorker::~BuildWorker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void BuildWorker::Post(Build build) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(build));
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { Run(); });
  }
  changed_.notify_all();
}

void BuildWorker::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) {
      return;
    }
    const Build build = std::move(waiting_.front());
    waiting_.pop_front();
    busy_ = true;
    lock.unlock();
    const int32_t status = build.run();
    lock.lock();
    finished_.push_back(build.finish);
    lock.unlock();
    build.publish(status);
    wake_engine_();
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void BuildWorker::RunFinished() {
  std::vector<std::function<void()>> finished;
  {
    const std::lock_guard lock(mutex_);
    finished.swap(finished_);
  }
  for (const auto& finish : finished) {
    finish();
  }
}

void BuildWorker::Drain() {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !busy_ && waiting_.empty(); });
  }
  RunFinished();
}

}  // namespace flexai::executor::opencl
