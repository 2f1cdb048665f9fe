// Which StatusSlots of the channel are in use.
//
// A slot is settled when the executor will not write to it again: what it stood for has ended, or the
// executor has decoded the frame that released it. Settled slots are used again at once, last in first out,
// so that a program with few live events touches few cache lines; others wait until their frame was decoded.
//
// Thread safety: any thread, after Init.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>

#include "wire/client_channel.h"
#include "wire/layout.h"

namespace flexai::shim {

class StatusSlots {
 public:
  constexpr StatusSlots() = default;
  StatusSlots(const StatusSlots&) = delete;
  StatusSlots& operator=(const StatusSlots&) = delete;
  ~StatusSlots() {
    std::free(next_);
    std::free(released_);
  }

  // `decoded` is ChannelHeader::decoded_sequence. False if there is no memory for the bookkeeping.
  bool Init(wire::StatusSlot* slots, uint32_t count, const std::atomic<uint64_t>* decoded) {
    slots_ = slots;
    count_ = count;
    decoded_ = decoded;
    // Touched as far as slots are used, so that the size costs nothing.
    next_ = static_cast<uint32_t*>(std::malloc(count * sizeof(uint32_t)));
    released_ = static_cast<uint64_t*>(std::malloc(count * sizeof(uint64_t)));
    return next_ != nullptr && released_ != nullptr;
  }

  // A slot with status `initial` and everything else zero; kNoSlot if all are taken.
  uint32_t Allocate(int32_t initial) {
    uint32_t index = wire::kNoSlot;
    {
      const wire::FutexLock lock(mutex_);
      index = Take();
    }
    if (index == wire::kNoSlot) {
      return index;
    }
    wire::StatusSlot& slot = slots_[index];
    slot.notify.store(0, std::memory_order_relaxed);
    slot.sequence.store(0, std::memory_order_relaxed);
    slot.wait_for.store(0, std::memory_order_relaxed);
    slot.queued_ns = slot.submit_ns = slot.start_ns = slot.end_ns = 0;
    slot.status.store(initial, std::memory_order_release);
    return index;
  }

  // `released`: sequence of the frame that released the thing; ignored if `settled`.
  void Free(uint32_t index, bool settled, uint64_t released) {
    if (index == wire::kNoSlot) {
      return;
    }
    const wire::FutexLock lock(mutex_);
    if (settled) {
      next_[index] = settled_;
      settled_ = index;
      return;
    }
    next_[index] = wire::kNoSlot;
    released_[index] = released;
    if (waiting_tail_ == wire::kNoSlot) {
      waiting_head_ = index;
    } else {
      next_[waiting_tail_] = index;
    }
    waiting_tail_ = index;
  }

  wire::StatusSlot& operator[](uint32_t index) const { return slots_[index]; }

 private:
  uint32_t Take() {
    if (settled_ != wire::kNoSlot) {
      const uint32_t index = settled_;
      settled_ = next_[index];
      return index;
    }
    // A later frame was decoded: the one that released the slot has been dealt with.
    if (waiting_head_ != wire::kNoSlot &&
        decoded_->load(std::memory_order_acquire) > released_[waiting_head_]) {
      const uint32_t index = waiting_head_;
      waiting_head_ = next_[index];
      if (waiting_head_ == wire::kNoSlot) {
        waiting_tail_ = wire::kNoSlot;
      }
      return index;
    }
    return used_ < count_ ? used_++ : wire::kNoSlot;
  }

  wire::FutexMutex mutex_;
  wire::StatusSlot* slots_ = nullptr;
  uint32_t count_ = 0;
  uint32_t used_ = 0;  // slots below have been in use at least once
  const std::atomic<uint64_t>* decoded_ = nullptr;
  uint32_t* next_ = nullptr;
  uint64_t* released_ = nullptr;
  uint32_t settled_ = wire::kNoSlot;
  uint32_t waiting_head_ = wire::kNoSlot;
  uint32_t waiting_tail_ = wire::kNoSlot;
};

}  // namespace flexai::shim
