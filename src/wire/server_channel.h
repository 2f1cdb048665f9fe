// The executor's end of a session's channel. Everything read from the shared memory is hostile: it is copied
// once into private memory and only then checked, indexes and sizes come from our own Geometry.
//
// Ownership: the mapping belongs to the caller and must outlive this object. Thread safety: Next and
// PrepareSleep belong to one thread (the engine's); Reply and the Publish methods may be called from any
// thread as long as two threads do not publish the same slot.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/status.h"
#include "wire/layout.h"

namespace flexai::wire {

// One received call. `body` is private memory, aligned to 8, valid until the next Next().
struct Frame {
  FrameHeader header;
  std::span<const std::byte> body;
};

// Times of an executed command, in nanoseconds of the device's clock.
struct CommandTimes {
  uint64_t queued_ns = 0, submit_ns = 0, start_ns = 0, end_ns = 0;
};

class ServerChannel {
 public:
  // `memory` must be geometry.channel_bytes() large and aligned to a page.
  ServerChannel(std::span<std::byte> memory, const Geometry& geometry, uint64_t session);

  // Writes the header of a fresh channel; done once by whoever makes the memory, before it is shared.
  static void Initialize(std::span<std::byte> memory, const Geometry& geometry, uint64_t session);

  // The next frame, true; false if there is none now. A malformed frame is an error after which the session
  // must be ended: the peer is broken or hostile and the stream has no order any more.
  Result<bool> Next(Frame* frame);
  // Marks payloads of frames up to the last one as copied out and wakes producers that wait for room.
  void Consumed();

  // First half of going to sleep: after it, sleep on consumer_word() while it is kConsumerSleeping, unless
  // this returned false (a frame came meanwhile).
  bool PrepareSleep();
  void EndSleep();
  std::atomic<uint32_t>& consumer_word() { return header().consumer_word; }

  // Answers `call`. A reply longer than fits its slot is kept until FetchReply asks for it. No-op for a frame
  // that wants no reply or names a slot that does not exist.
  void Reply(const FrameHeader& call, int32_t status, std::span<const std::byte> bytes = {});
  // The oversized reply kept for `slot`; empty if there is none.
  std::span<const std::byte> KeptReply(uint32_t slot) const;
  void DropKeptReply(uint32_t slot);

  bool ValidStatusSlot(uint32_t slot) const { return slot < geometry_.status_slots; }
  // Publishes the state of an event, build or release. CL_COMPLETE is 0, errors are negative. kNoSlot is
  // ignored.
  void PublishEvent(uint32_t slot, int32_t status, const CommandTimes& times = {});
  // Publishes how far a queue has come, and its first unreported error (0 keeps what stands there).
  void PublishQueue(uint32_t slot, uint64_t done_sequence, int32_t error = 0);
  void PublishExecutorState(uint32_t state);

  uint64_t session() const { return session_; }
  const Geometry& geometry() const { return geometry_; }

 private:
  ChannelHeader& header() const { return *reinterpret_cast<ChannelHeader*>(memory_.data()); }
  StatusSlot& status(uint32_t slot) const;
  void BumpAndWake(StatusSlot& slot);

  const std::span<std::byte> memory_;
  const Geometry geometry_;
  const uint64_t session_;
  uint64_t tail_ = 0;
  uint64_t sequence_ = 0;
  alignas(8) std::byte frame_[kMaxFrameBytes];
  // Written by replying threads, one per slot at a time; the client owns a slot until it is answered.
  std::unique_ptr<std::unique_ptr<std::byte[]>[]> kept_;
  std::unique_ptr<uint64_t[]> kept_bytes_;
};

}  // namespace flexai::wire
