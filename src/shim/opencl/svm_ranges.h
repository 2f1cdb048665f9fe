// The SVM allocations of a session, by address.
//
// Thread safety: every method may be called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shim/opencl/arena.h"
#include "shim/opencl/host_memory.h"
#include "shim/opencl/object.h"
#include "wire/client_channel.h"

namespace flexai::shim {

struct SvmRange {
  std::byte* data = nullptr;
  size_t bytes = 0;
  uint64_t id = 0;
  _cl_context* context = nullptr;
  cl_svm_mem_flags flags = 0;
  ArenaRange storage;
};

class SvmRanges {
 public:
  constexpr SvmRanges() = default;

  bool Add(const SvmRange& range) {
    const wire::FutexLock lock(mutex_);
    if (!ranges_.Push(range)) {
      return false;
    }
    size_t at = ranges_.size() - 1;
    for (; at > 0 && ranges_[at - 1].data > range.data; --at) {
      ranges_[at] = ranges_[at - 1];
    }
    ranges_[at] = range;
    return true;
  }

  // The allocation that holds [data, data + bytes); false if none does.
  bool Find(const void* data, size_t bytes, SvmRange* found) {
    const wire::FutexLock lock(mutex_);
    const size_t at = IndexOf(data);
    if (at == kNone) {
      return false;
    }
    const SvmRange& range = ranges_[at];
    const auto skip = static_cast<size_t>(static_cast<const std::byte*>(data) - range.data);
    if (skip >= range.bytes || bytes > range.bytes - skip) {
      return false;
    }
    *found = range;
    return true;
  }

  // Takes out the allocation that begins at `data`; false if there is none.
  bool Remove(const void* data, SvmRange* removed) {
    const wire::FutexLock lock(mutex_);
    const size_t at = IndexOf(data);
    if (at == kNone || ranges_[at].data != data) {
      return false;
    }
    *removed = ranges_[at];
    ranges_.Remove(at);
    return true;
  }

 private:
  static constexpr size_t kNone = ~size_t{0};

  // The last range that begins at or before `data`.
  size_t IndexOf(const void* data) const {
    size_t low = 0;
    size_t high = ranges_.size();
    while (low < high) {
      const size_t middle = (low + high) / 2;
      if (static_cast<const void*>(ranges_[middle].data) <= data) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == 0 ? kNone : low - 1;
  }

  wire::FutexMutex mutex_;
  Array<SvmRange> ranges_;
};

}  // namespace flexai::shim
