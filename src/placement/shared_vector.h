// A vector whose copies share what none has changed since: copying takes a pointer for each chunk of
// elements.
//
// Thread safety: one thread for each copy; copies may be used in different threads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

namespace flexai::placement {

template <typename T, size_t kChunk = 64>
class SharedVector {
 public:
  size_t size() const { return size_; }
  const T& operator[](size_t i) const { return (*chunks_[i / kChunk])[i % kChunk]; }
  // For changing it. Valid until the vector is copied.
  T& Mutable(size_t i) {
    std::shared_ptr<Chunk>& chunk = chunks_[i / kChunk];
    if (chunk.use_count() != 1) {
      chunk = std::make_shared<Chunk>(*chunk);
    } else {
      // Whoever shared it has read for the last time.
      std::atomic_thread_fence(std::memory_order_acquire);
    }
    return (*chunk)[i % kChunk];
  }
  void PushBack(const T& value) {
    if (size_ % kChunk == 0) {
      chunks_.push_back(std::make_shared<Chunk>());
    }
    ++size_;
    Mutable(size_ - 1) = value;
  }

 private:
  using Chunk = std::array<T, kChunk>;
  std::vector<std::shared_ptr<Chunk>> chunks_;
  size_t size_ = 0;
};

}  // namespace flexai::placement
