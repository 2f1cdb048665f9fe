// The shim's end of a session's channel: frames out, replies and statuses back.
//
// Header-only and libc-only, because shims use it. The channel's memory, the arena and the executor's pidfd
// belong to the caller and must outlive this object. Thread safety: every method may be called from any
// thread. Frames are in total order; the order of two threads' frames is the order in which they took the
// lock.
//
// Waiting: a waiter sleeps on a futex in shared memory and wakes every kPeerCheckNs to see by the executor's
// pidfd whether there is still somebody to wait for. A lost session is remembered: from then on every call
// returns false or kLost at once.
#pragma once

#include <poll.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>

#include "os/futex.h"
#include "wire/codec.h"
#include "wire/layout.h"

namespace flexai::wire {

// A mutex that needs nothing but a futex word (states: 0 free, 1 held, 2 held with sleepers; Drepper,
// "Futexes are tricky", mutex 3).
class FutexMutex {
 public:
  void lock() {
    uint32_t state = 0;
    if (word_.compare_exchange_strong(state, 1, std::memory_order_acquire)) {
      return;
    }
    if (state != 2) {
      state = word_.exchange(2, std::memory_order_acquire);
    }
    while (state != 0) {
      os::FutexWait(word_, 2);
      state = word_.exchange(2, std::memory_order_acquire);
    }
  }
  bool try_lock() {
    uint32_t state = 0;
    return word_.compare_exchange_strong(state, 1, std::memory_order_acquire);
  }
  void unlock() {
    if (word_.exchange(0, std::memory_order_release) == 2) {
      os::FutexWake(word_, 1);
    }
  }

 private:
  std::atomic<uint32_t> word_{0};
};

class FutexLock {
 public:
  explicit FutexLock(FutexMutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~FutexLock() { mutex_.unlock(); }
  FutexLock(const FutexLock&) = delete;
  FutexLock& operator=(const FutexLock&) = delete;

 private:
  FutexMutex& mutex_;
};

class ClientChannel {
 public:
  static constexpr int64_t kPeerCheckNs = 50 * 1000 * 1000;

  // `memory` is the mapped channel of the given geometry; `executor` the executor's pidfd.
  ClientChannel(std::byte* memory, const Geometry& geometry, uint64_t session, int executor)
      : memory_(memory), geometry_(geometry), session_(session), executor_(executor) {
    head_ = header().head.load(std::memory_order_relaxed);
    sequence_ = header().last_sequence.load(std::memory_order_relaxed);
  }

  ChannelHeader& header() const { return *reinterpret_cast<ChannelHeader*>(memory_); }
  StatusSlot& status(uint32_t slot) const {
    return reinterpret_cast<StatusSlot*>(memory_ + geometry_.status_offset())[slot];
  }
  ReplySlot& reply(uint32_t slot) const {
    return reinterpret_cast<ReplySlot*>(memory_ + geometry_.reply_offset())[slot];
  }
  const Geometry& geometry() const { return geometry_; }

  bool lost() const { return lost_.load(std::memory_order_relaxed); }

  // Sends one call without waiting for it. False if the session is lost or the message exceeds
  // kMaxFrameBytes. `sequence` (may be null) gets the frame's number.
  template <typename Message>
  bool Send(const Message& message, uint64_t* sequence = nullptr) {
    return SendFrame(message, kNoSlot, 0, sequence);
  }

  // As Send, and runs `in_order(sequence)` under the send lock, before the frame can be seen: for bookkeeping
  // that must have the order of the frames.
  template <typename Message, typename Function>
  bool SendThen(const Message& message, Function&& in_order) {
    return SendFrame(message, kNoSlot, 0, nullptr, in_order);
  }

  // A reply slot of the caller's own for one synchronous call; blocks while all are taken.
  uint32_t TakeReplySlot() {
    for (;;) {
      for (uint32_t word = 0; word < kReplyWords; ++word) {
        uint64_t used = reply_used_[word].load(std::memory_order_relaxed);
        while (~used != 0) {
          const uint32_t bit = static_cast<uint32_t>(__builtin_ctzll(~used));
          if (word * 64 + bit >= geometry_.reply_slots) {
            break;
          }
          if (reply_used_[word].compare_exchange_weak(used, used | (uint64_t{1} << bit),
                                                      std::memory_order_acquire)) {
            return word * 64 + bit;
          }
        }
      }
      const uint32_t seen = reply_freed_.load(std::memory_order_acquire);
      os::FutexWait(reply_freed_, seen, kPeerCheckNs / 50);
    }
  }
  void GiveReplySlot(uint32_t slot) {
    reply(slot).state.store(kReplyFree, std::memory_order_relaxed);
    reply_used_[slot / 64].fetch_and(~(uint64_t{1} << (slot % 64)), std::memory_order_release);
    reply_freed_.fetch_add(1, std::memory_order_release);
    os::FutexWake(reply_freed_, 1);
  }

  // Sends a call that is answered in `slot` (from TakeReplySlot) and waits for the answer. False if the
  // session is lost. The answer stays in the slot until GiveReplySlot.
  template <typename Message>
  bool CallInSlot(const Message& message, uint32_t slot) {
    ReplySlot& answer = reply(slot);
    answer.state.store(kReplyWaiting, std::memory_order_relaxed);
    if (!SendFrame(message, slot, kFlagReply, nullptr)) {
      return false;
    }
    return WaitWhile(answer.state,
                     [&] { return answer.state.load(std::memory_order_acquire) != kReplyReady; });
  }

  // Sleeps on `word` until `pending` is false; false if the session was lost first.
  template <typename Pending>
  bool WaitWhile(const std::atomic<uint32_t>& word, Pending&& pending) {
    for (;;) {
      const uint32_t seen = word.load(std::memory_order_acquire);
      if (!pending()) {
        return true;
      }
      if (lost()) {
        return false;
      }
      if (!os::FutexWait(word, seen, kPeerCheckNs) && ExecutorEnded()) {
        return !pending();  // it may have answered just before it ended
      }
    }
  }

  // Sleeps until `pending` of this status slot is false, and tells the executor that someone sleeps.
  template <typename Pending>
  bool WaitStatus(uint32_t slot, Pending&& pending) {
    if (!pending()) {
      return true;
    }
    StatusSlot& state = status(slot);
    state.waiters.fetch_add(1, std::memory_order_seq_cst);
    const bool found = WaitWhile(state.word, pending);
    state.waiters.fetch_sub(1, std::memory_order_relaxed);
    return found;
  }

  // Asks the executor's pidfd; a session found lost stays lost.
  bool ExecutorEnded() {
    pollfd entry{executor_, POLLIN, 0};
    if (header().executor_state.load(std::memory_order_relaxed) == kExecutorEnded ||
        poll(&entry, 1, 0) != 0) {
      MarkLost();
    }
    return lost();
  }
  void MarkLost() { lost_.store(true, std::memory_order_relaxed); }

  uint64_t last_sequence() const { return header().last_sequence.load(std::memory_order_relaxed); }

 private:
  static constexpr uint32_t kReplyWords = 4;  // up to 256 reply slots

  struct Nothing {
    void operator()(uint64_t) const {}
  };

  template <typename Message, typename Function = Nothing>
  bool SendFrame(const Message& message, uint32_t reply_slot, uint16_t flags, uint64_t* sequence,
                 Function&& in_order = Function{}) {
    const uint64_t body = message.EncodedBytes();
    const uint64_t total = sizeof(FrameHeader) + Padded(body);
    if (total > kMaxFrameBytes || lost()) {
      return false;
    }
    {
      const FutexLock lock(send_mutex_);
      std::byte* at = Reserve(total);
      if (at == nullptr) {
        return false;
      }
      const FrameHeader frame{static_cast<uint32_t>(total),
                              static_cast<uint16_t>(Message::kCall),
                              flags,
                              session_,
                              ++sequence_,
                              reply_slot,
                              static_cast<uint32_t>(body)};
      if (sequence != nullptr) {
        *sequence = sequence_;
      }
      in_order(sequence_);
      std::memcpy(at, &frame, sizeof(frame));
      Encoder encoder(at + sizeof(frame));
      message.Encode(encoder);
      head_ += total;
      header().last_sequence.store(sequence_, std::memory_order_relaxed);
      header().head.store(head_, std::memory_order_seq_cst);
    }
    // The executor stores kConsumerSleeping and looks at `head` again before it sleeps; both sides are
    // sequentially consistent, so one of the two sees the other.
    if (header().consumer_word.load(std::memory_order_seq_cst) == kConsumerSleeping &&
        header().consumer_word.exchange(kConsumerRunning, std::memory_order_acq_rel) == kConsumerSleeping) {
      os::FutexWake(header().consumer_word, 1);
    }
    return true;
  }

  // Contiguous room for `bytes` at head_, with a pad frame up to the end of the ring if need be. Null if the
  // session is lost. Holds send_mutex_.
  std::byte* Reserve(uint64_t bytes) {
    std::byte* ring = memory_ + geometry_.ring_offset();
    const uint64_t size = geometry_.ring_bytes;
    const uint64_t to_end = size - (head_ & (size - 1));
    const uint64_t pad = bytes > to_end ? to_end : 0;
    if (!WaitForSpace(bytes + pad)) {
      return nullptr;
    }
    if (pad != 0) {
      // Frames are multiples of 8 and so is the end of the ring; a gap smaller than a header is skipped by
      // both.
      if (pad >= sizeof(FrameHeader)) {
        const FrameHeader filler{static_cast<uint32_t>(pad), 0, kFlagPad, session_, 0, kNoSlot, 0};
        std::memcpy(ring + (head_ & (size - 1)), &filler, sizeof(filler));
      }
      head_ += pad;
    }
    return ring + (head_ & (size - 1));
  }

  bool WaitForSpace(uint64_t bytes) {
    const auto full = [&] {
      return head_ + bytes - header().tail.load(std::memory_order_seq_cst) > geometry_.ring_bytes;
    };
    if (!full()) {
      return true;
    }
    // What is in the ring must be seen before we sleep for it to be read.
    header().producer_waiters.fetch_add(1, std::memory_order_seq_cst);
    if (header().consumer_word.exchange(kConsumerRunning, std::memory_order_seq_cst) == kConsumerSleeping) {
      os::FutexWake(header().consumer_word, 1);
    }
    const bool found = WaitWhile(header().producer_word, full);
    header().producer_waiters.fetch_sub(1, std::memory_order_relaxed);
    return found;
  }

  std::byte* const memory_;
  const Geometry geometry_;
  const uint64_t session_;
  const int executor_;
  FutexMutex send_mutex_;
  uint64_t head_ = 0;
  uint64_t sequence_ = 0;
  std::atomic<bool> lost_{false};
  std::atomic<uint64_t> reply_used_[kReplyWords]{};
  std::atomic<uint32_t> reply_freed_{0};
};

}  // namespace flexai::wire
