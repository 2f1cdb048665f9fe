// Many thousand calls that a shim may or may not send, in random order, and after them no handle is left.
#include "executor/opencl/random_frames.h"

#include "executor/opencl/fake_driver.h"
#include "executor/opencl/session_bed.h"

namespace flexai::executor::opencl {
namespace {

struct RawCall {
  static inline uint16_t kCall = 0;
  std::vector<std::byte> body;
  size_t EncodedBytes() const { return body.size(); }
  void Encode(wire::Encoder& encoder) const {
    for (size_t at = 0; at + 8 <= body.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, body.data() + at, sizeof word);
      encoder.Put(word);
    }
  }
};

// Runs one session on random frames until it breaks the protocol or `most` frames were handled; how many
// were.
uint64_t RunSession(uint64_t seed, uint64_t most) {
  SessionBed::Options options;
  options.fake_driver = true;
  options.running = false;
  SessionBed bed(options);
  RandomFrames frames(seed, bed.geometry().arena_bytes, bed.geometry().status_slots);
  for (uint64_t handled = 0; handled < most; ++handled) {
    RandomFrames::Frame frame = frames.Next();
    RawCall::kCall = frame.call;
    EXPECT_TRUE(bed.client().Send(RawCall{std::move(frame.body)}));
    if (!bed.session().Step().ok()) {
      return handled;
    }
  }
  return most;
}

TEST(RandomFrames, AnySequenceOfCallsLeavesNothingBehind) {
  constexpr uint64_t kSessions = 150;
  constexpr uint64_t kFramesPerSession = 2000;
  uint64_t handled = 0;
  for (uint64_t seed = 1; seed <= kSessions; ++seed) {
    handled += RunSession(seed, kFramesPerSession);
    ASSERT_EQ(FakeHandles(), 0) << "seed " << seed;
  }
  EXPECT_GT(handled, kSessions * 200) << "sessions end too early to test anything";
}

}  // namespace
}  // namespace flexai::executor::opencl
