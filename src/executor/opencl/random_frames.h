// Random calls for tests and fuzzing: valid ones of every kind, with numbers changed here and there.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "wire/codec.h"

namespace flexai::executor::opencl {

// Makes one call after another; keeps track of the names it gave, so that most calls mean something.
// Thread safety: none.
class RandomFrames {
 public:
  struct Frame {
    uint16_t call = 0;
    bool wants_reply = false;
    std::vector<std::byte> body;
  };

  RandomFrames(uint64_t seed, uint64_t arena_bytes, uint32_t status_slots)
      : random_(seed), arena_bytes_(arena_bytes), status_slots_(status_slots) {}

  Frame Next();

 private:
  struct Known {
    std::vector<uint64_t> contexts, queues, memory, samplers, programs, kernels, events;
  };

  uint64_t Pick(const std::vector<uint64_t>& from);
  uint64_t New(std::vector<uint64_t>* into);
  uint64_t SmallNumber() { return random_.Below(5000); }
  uint32_t Slot() { return static_cast<uint32_t>(random_.Below(status_slots_ + 2)); }
  void Mutate(std::vector<std::byte>* body);

  Frame SessionCall();
  Frame ObjectCall();
  Frame MemoryCall();
  Frame ProgramCall();
  Frame KernelCall();
  Frame BufferCommand();
  Frame ImageCommand();
  Frame OtherCommand();
  template <typename Call>
  void Enqueue(Call* call);
  template <typename Call>
  Frame Encoded(const Call& call);

  Random random_;
  const uint64_t arena_bytes_;
  const uint32_t status_slots_;
  uint64_t next_id_ = 0x10000;
  Known known_;
  std::vector<uint64_t> waits_;
};

template <typename Call>
RandomFrames::Frame RandomFrames::Encoded(const Call& call) {
  Frame frame;
  frame.call = static_cast<uint16_t>(Call::kCall);
  frame.wants_reply = Call::kReply || random_.Below(8) == 0;
  frame.body.resize(call.EncodedBytes());
  wire::Encoder encoder(frame.body.data());
  call.Encode(encoder);
  return frame;
}

template <typename Call>
void RandomFrames::Enqueue(Call* call) {
  waits_.clear();
  for (uint64_t left = random_.Below(3); left > 0; --left) {
    waits_.push_back(Pick(known_.events));
  }
  call->queue = Pick(known_.queues);
  call->waits = waits_;
  call->event = random_.Below(2) == 0 ? 0 : New(&known_.events);
  call->event_slot = Slot();
}

}  // namespace flexai::executor::opencl
