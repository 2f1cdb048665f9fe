#include "wire/server_channel.h"

#include <fmt/core.h>

#include <cassert>
#include <cstring>
#include <new>

#include "os/futex.h"

namespace flexai::wire {

void ServerChannel::Initialize(std::span<std::byte> memory, const Geometry& geometry, uint64_t session) {
  assert(memory.size() >= geometry.channel_bytes());
  auto* header = new (memory.data()) ChannelHeader{};
  header->magic = kChannelMagic;
  header->major = kProtocolMajor;
  header->minor = kProtocolMinor;
  header->session = session;
}

ServerChannel::ServerChannel(std::span<std::byte> memory, const Geometry& geometry, uint64_t session)
    : memory_(memory),
      geometry_(geometry),
      session_(session),
      kept_(std::make_unique<std::unique_ptr<std::byte[]>[]>(geometry.reply_slots)),
      kept_bytes_(std::make_unique<uint64_t[]>(geometry.reply_slots)) {
  assert(memory.size() >= geometry.channel_bytes());
  tail_ = header().tail.load(std::memory_order_relaxed);
  sequence_ = header().decoded_sequence.load(std::memory_order_relaxed);
}

Result<bool> ServerChannel::Next(Frame* frame) {
  const std::byte* ring = memory_.data() + geometry_.ring_offset();
  const uint64_t mask = geometry_.ring_bytes - 1;
  for (;;) {
    const uint64_t head = header().head.load(std::memory_order_acquire);
    const uint64_t available = head - tail_;
    if (available == 0) {
      return false;
    }
    if (available > geometry_.ring_bytes || available % 8 != 0) {
      return InvalidArgument(
          fmt::format("the ring claims {} bytes and holds {}", available, geometry_.ring_bytes));
    }
    const uint64_t to_end = geometry_.ring_bytes - (tail_ & mask);
    if (to_end < sizeof(FrameHeader)) {  // a gap too small for a pad frame
      tail_ += to_end;
      continue;
    }
    if (available < sizeof(FrameHeader)) {
      return InvalidArgument("a frame ends inside its header");
    }
    FrameHeader copy;
    std::memcpy(&copy, ring + (tail_ & mask), sizeof(copy));
    const uint64_t bound = available < to_end ? available : to_end;
    if (copy.length < sizeof(FrameHeader) || copy.length % 8 != 0 || copy.length > bound) {
      return InvalidArgument(fmt::format("a frame of {} bytes where {} are left", copy.length, bound));
    }
    if ((copy.flags & kFlagPad) != 0) {
      tail_ += copy.length;
      continue;
    }
    if (copy.length > kMaxFrameBytes || copy.body_bytes > copy.length - sizeof(FrameHeader)) {
      return InvalidArgument(
          fmt::format("a frame of {} bytes with a body of {}", copy.length, copy.body_bytes));
    }
    if (copy.session != session_ || copy.sequence != sequence_ + 1) {
      return InvalidArgument(fmt::format("frame {} of session {} after frame {} of session {}", copy.sequence,
                                         copy.session, sequence_, session_));
    }
    std::memcpy(frame_, ring + (tail_ & mask) + sizeof(FrameHeader), copy.body_bytes);
    tail_ += copy.length;
    sequence_ = copy.sequence;
    frame->header = copy;
    frame->body = {frame_, copy.body_bytes};
    return true;
  }
}

void ServerChannel::Consumed() {
  header().decoded_sequence.store(sequence_, std::memory_order_release);
  header().tail.store(tail_, std::memory_order_seq_cst);
  if (header().producer_waiters.load(std::memory_order_seq_cst) != 0) {
    header().producer_word.fetch_add(1, std::memory_order_release);
    os::FutexWake(header().producer_word);
  }
}

bool ServerChannel::PrepareSleep() {
  header().consumer_word.store(kConsumerSleeping, std::memory_order_seq_cst);
  if (header().head.load(std::memory_order_seq_cst) != tail_) {
    EndSleep();
    return false;
  }
  return true;
}

void ServerChannel::EndSleep() { header().consumer_word.store(kConsumerRunning, std::memory_order_relaxed); }

void ServerChannel::Reply(const FrameHeader& call, int32_t status, std::span<const std::byte> bytes) {
  if ((call.flags & kFlagReply) == 0 || call.reply_slot >= geometry_.reply_slots) {
    return;
  }
  auto* slots = reinterpret_cast<ReplySlot*>(memory_.data() + geometry_.reply_offset());
  ReplySlot& slot = slots[call.reply_slot];
  slot.status = status;
  slot.length = static_cast<uint32_t>(bytes.size());
  slot.sequence = call.sequence;
  slot.flags = 0;
  if (bytes.size() <= sizeof(slot.bytes)) {
    if (!bytes.empty()) {
      std::memcpy(slot.bytes, bytes.data(), bytes.size());
    }
  } else {
    kept_[call.reply_slot] = std::make_unique_for_overwrite<std::byte[]>(bytes.size());
    std::memcpy(kept_[call.reply_slot].get(), bytes.data(), bytes.size());
    kept_bytes_[call.reply_slot] = bytes.size();
    slot.flags = kReplyOversized;
  }
  slot.state.store(kReplyReady, std::memory_order_release);
  os::FutexWake(slot.state);
}

std::span<const std::byte> ServerChannel::KeptReply(uint32_t slot) const {
  if (slot >= geometry_.reply_slots || kept_[slot] == nullptr) {
    return {};
  }
  return {kept_[slot].get(), kept_bytes_[slot]};
}

void ServerChannel::DropKeptReply(uint32_t slot) {
  if (slot < geometry_.reply_slots) {
    kept_[slot].reset();
    kept_bytes_[slot] = 0;
  }
}

StatusSlot& ServerChannel::status(uint32_t slot) const {
  return reinterpret_cast<StatusSlot*>(memory_.data() + geometry_.status_offset())[slot];
}

void ServerChannel::BumpAndWake(StatusSlot& slot) {
  slot.word.fetch_add(1, std::memory_order_seq_cst);
  if (slot.waiters.load(std::memory_order_seq_cst) != 0) {
    os::FutexWake(slot.word);
  }
}

void ServerChannel::PublishEvent(uint32_t slot, int32_t new_status, const CommandTimes& times) {
  if (!ValidStatusSlot(slot)) {
    return;
  }
  StatusSlot& state = status(slot);
  state.queued_ns = times.queued_ns;
  state.submit_ns = times.submit_ns;
  state.start_ns = times.start_ns;
  state.end_ns = times.end_ns;
  state.status.store(new_status, std::memory_order_release);
  BumpAndWake(state);
  if (state.notify.load(std::memory_order_seq_cst) != 0) {
    header().notify_word.fetch_add(1, std::memory_order_seq_cst);
    if (header().notify_waiters.load(std::memory_order_seq_cst) != 0) {
      os::FutexWake(header().notify_word);
    }
  }
}

void ServerChannel::PublishQueue(uint32_t slot, uint64_t done_sequence, int32_t error) {
  if (!ValidStatusSlot(slot)) {
    return;
  }
  StatusSlot& state = status(slot);
  if (error != 0) {
    int32_t none = 0;
    state.status.compare_exchange_strong(none, error, std::memory_order_release);
  }
  state.sequence.store(done_sequence, std::memory_order_seq_cst);
  // A waiter that needs a later command sleeps on; it set wait_for before it counted itself in `waiters`.
  if (state.waiters.load(std::memory_order_seq_cst) != 0 &&
      done_sequence >= state.wait_for.load(std::memory_order_seq_cst)) {
    state.word.fetch_add(1, std::memory_order_seq_cst);
    os::FutexWake(state.word);
  }
}

void ServerChannel::PublishExecutorState(uint32_t new_state) {
  header().executor_state.store(new_state, std::memory_order_release);
  os::FutexWake(header().executor_state);
}

}  // namespace flexai::wire
