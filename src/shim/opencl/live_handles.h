// The handles of memory objects, samplers and queues that are alive: where a device tells nothing about a
// kernel's arguments, an 8-byte argument whose bytes are such a handle is taken to mean the object.
//
// Open addressing with linear probing and tombstones. Thread safety: any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "shim/opencl/host_memory.h"
#include "shim/opencl/object.h"
#include "wire/client_channel.h"

namespace flexai::shim {

class LiveHandles {
 public:
  constexpr LiveHandles() = default;

  // False without memory: the handle will then not be found.
  bool Add(Object* object) {
    const wire::FutexLock lock(mutex_);
    if ((used_ + 1) * 2 > table_.size() && !Grow()) {
      return false;
    }
    Insert(object);
    return true;
  }

  void Remove(Object* object) {
    const wire::FutexLock lock(mutex_);
    if (const size_t at = IndexOf(object); at != kNone) {
      table_[at] = Tombstone();
      --live_;
    }
  }

  // The object whose handle has these bits; null if none.
  Object* Find(const void* handle) {
    const wire::FutexLock lock(mutex_);
    return IndexOf(handle) == kNone ? nullptr : static_cast<Object*>(const_cast<void*>(handle));
  }

 private:
  static constexpr size_t kNone = ~size_t{0};
  static Object* Tombstone() { return reinterpret_cast<Object*>(uintptr_t{1}); }
  size_t HomeOf(const void* handle) const {
    const auto bits = reinterpret_cast<uintptr_t>(handle);
    return static_cast<size_t>((bits >> 4) * 0x9e3779b97f4a7c15ull >> 20) & (table_.size() - 1);
  }

  size_t IndexOf(const void* handle) const {
    if (table_.empty() || handle == nullptr || handle == Tombstone()) {
      return kNone;
    }
    for (size_t at = HomeOf(handle); table_[at] != nullptr; at = (at + 1) & (table_.size() - 1)) {
      if (table_[at] == handle) {
        return at;
      }
    }
    return kNone;
  }

  void Insert(Object* object) {
    size_t at = HomeOf(object);
    while (table_[at] != nullptr && table_[at] != Tombstone()) {
      at = (at + 1) & (table_.size() - 1);
    }
    used_ += table_[at] == nullptr ? 1 : 0;
    ++live_;
    table_[at] = object;
  }

  // Also sweeps the tombstones out.
  bool Grow() {
    Array<Object*> old = std::move(table_);
    size_t size = 64;
    while (size < live_ * 4) {
      size *= 2;
    }
    table_ = Array<Object*>();
    if (!table_.Resize(size)) {
      table_ = std::move(old);
      return false;
    }
    used_ = live_ = 0;
    for (Object* object : old) {
      if (object != nullptr && object != Tombstone()) {
        Insert(object);
      }
    }
    return true;
  }

  wire::FutexMutex mutex_;
  Array<Object*> table_;
  size_t used_ = 0;  // entries that are not empty, tombstones too
  size_t live_ = 0;
};

}  // namespace flexai::shim
