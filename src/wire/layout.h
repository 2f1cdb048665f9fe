// The bytes that an application's shim and its executor share: the channel (frames, reply slots, status
// slots) and the arena (payloads, buffer storage). docs/formats/channel.md describes them with a worked
// example; the static_asserts here keep that document true.
//
// This header is included by shims, so it uses nothing that needs a C++ library at run time.
//
// Trust: the executor never believes a byte here. It copies a frame out before it checks it and reads nothing
// twice. The shim bounds whatever it reads (a lost or lying executor ends the session, never the host
// process).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace flexai::wire {

inline constexpr uint32_t kChannelMagic = 0x31435846;  // "FXC1"
inline constexpr uint16_t kProtocolMajor = 1;          // a change here ends interoperation
inline constexpr uint16_t kProtocolMinor = 1;          // additions; N and N-1 work together

inline constexpr uint32_t kNoSlot = 0xffffffff;

// FrameHeader::flags
inline constexpr uint16_t kFlagReply = 1;  // the caller waits in reply slot `reply_slot`
inline constexpr uint16_t kFlagPad = 2;    // filler up to the end of the ring; carries no call

// Every frame begins with this and is padded to 8 bytes. Little endian throughout.
struct FrameHeader {
  uint32_t length;      // of the whole frame with header and padding; multiple of 8, at most kMaxFrameBytes
  uint16_t call;        // the call's stable id (src/api/*/*.api); 0 in a pad frame
  uint16_t flags;       // kFlag*
  uint64_t session;     // the session id given at attach
  uint64_t sequence;    // 1, 2, 3 ... within the session; pad frames carry 0
  uint32_t reply_slot;  // index of a ReplySlot, or kNoSlot
  uint32_t body_bytes;  // of the encoded arguments that follow, without padding
};
static_assert(sizeof(FrameHeader) == 32);

inline constexpr uint32_t kMaxFrameBytes = 64 * 1024;
// Payloads up to this many bytes travel inside the frame; larger ones in the arena.
inline constexpr uint32_t kInlinePayloadBytes = 16 * 1024;

// One outstanding synchronous call. A shim thread takes a free slot, sends a frame that names it and sleeps
// on `state`. The executor fills the rest, then stores kReplyReady and wakes the futex.
struct ReplySlot {
  std::atomic<uint32_t> state;  // kReplyFree / kReplyWaiting / kReplyReady; futex word
  int32_t status;               // the API's own code (cl_int); 0 is success
  uint32_t length;              // of the whole reply
  uint32_t flags;               // kReplyOversized
  uint64_t sequence;            // of the frame that is answered
  uint64_t reserved;
  unsigned char bytes[4096 - 32];  // the reply, if it fits
};
static_assert(sizeof(ReplySlot) == 4096);
inline constexpr uint32_t kReplyFree = 0;
inline constexpr uint32_t kReplyWaiting = 1;
inline constexpr uint32_t kReplyReady = 2;
// The reply is `length` bytes and did not fit: it is kept by the executor until the call FetchReply copies it
// to an arena range of the caller's choice.
inline constexpr uint32_t kReplyOversized = 1;

// What the executor publishes about one event, queue, build or release without being asked. The client names
// the slot in the frame that creates the thing and may reuse it once the frame that releases the thing was
// sent (frames are in total order, and an executor forgets a slot when it decodes that frame).
struct StatusSlot {
  std::atomic<uint32_t> word;      // changes with every update; futex word
  std::atomic<uint32_t> waiters;   // > 0: someone sleeps on `word`; the executor then wakes all
  std::atomic<int32_t> status;     // events: CL_QUEUED .. CL_COMPLETE or a negative error; queues: first
                                   // unreported late error (0 none)
  std::atomic<uint32_t> notify;    // set by the client: bump and wake ChannelHeader::notify_word on the end
  std::atomic<uint64_t> sequence;  // queues: every command of the queue with a frame sequence <= this is done
  std::atomic<uint64_t> wait_for;  // queues: set by a waiter; the executor need not wake before it is reached
  uint64_t queued_ns, submit_ns, start_ns, end_ns;  // events: device time, valid once status <= CL_COMPLETE
};
static_assert(sizeof(StatusSlot) == 64);

// The first page of the channel's memory. All offsets are from its start. The regions are fixed when the
// channel is made and are re-derived (never re-read) by each side from the Geometry it was given at attach.
struct ChannelHeader {
  uint32_t magic;
  uint16_t major, minor;
  uint64_t session;
  alignas(64) std::atomic<uint64_t> head;           // bytes ever written to the ring; written by the shim
  std::atomic<uint64_t> last_sequence;              // of the last frame written
  alignas(64) std::atomic<uint64_t> tail;           // bytes ever read from the ring; written by the executor
  std::atomic<uint64_t> decoded_sequence;           // payloads of frames up to this one have been copied out
  alignas(64) std::atomic<uint32_t> consumer_word;  // kConsumer*; futex word the executor sleeps on
  alignas(64) std::atomic<uint32_t> producer_word;  // bumped by the executor when space was freed and
  std::atomic<uint32_t> producer_waiters;           // > 0 producers sleep for it
  alignas(64) std::atomic<uint32_t> notify_word;    // bumped at the end of a thing with StatusSlot::notify
  std::atomic<uint32_t> notify_waiters;
  alignas(64) std::atomic<uint32_t> executor_state;  // kExecutor*; futex word while starting
};
static_assert(sizeof(ChannelHeader) <= 4096);

inline constexpr uint32_t kConsumerRunning = 0;
inline constexpr uint32_t kConsumerSleeping = 1;

inline constexpr uint32_t kExecutorStarting = 0;
inline constexpr uint32_t kExecutorReady = 1;
inline constexpr uint32_t kExecutorEnded = 2;  // it ended the session in order (a protocol error, a limit)

// The shape of a channel and its arena. The default is what flexaid makes.
struct Geometry {
  uint32_t ring_bytes = 1u << 20;  // power of two
  uint32_t reply_slots = 64;
  uint32_t status_slots = 1u << 20;
  uint64_t arena_bytes = 0;  // set per session

  constexpr uint64_t reply_offset() const { return 4096; }
  constexpr uint64_t ring_offset() const {
    return reply_offset() + uint64_t{reply_slots} * sizeof(ReplySlot);
  }
  constexpr uint64_t status_offset() const { return ring_offset() + ring_bytes; }
  constexpr uint64_t channel_bytes() const {
    return status_offset() + uint64_t{status_slots} * sizeof(StatusSlot);
  }
};

// Where both processes map the arena, so that an SVM pointer means the same in each: `kArenaBase` plus a
// per-session multiple of `kArenaStride` chosen by flexaid. A side that cannot map there reports SVM absent.
inline constexpr uint64_t kArenaBase = 0x2000'0000'0000;
inline constexpr uint64_t kArenaStride = 0x10'0000'0000;  // 64 GiB

}  // namespace flexai::wire
