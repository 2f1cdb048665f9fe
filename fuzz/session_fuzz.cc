// A hostile shim: frames of an executor's session, some sensible and some made of the input's bytes, against
// a driver that follows every handle it is given. Then the same input as the image of a suspended session.
#include <cstring>

#include "executor/opencl/fake_driver.h"
#include "executor/opencl/random_frames.h"
#include "executor/opencl/session_bed.h"

namespace {

using namespace flexai::executor::opencl;

struct RawCall {
  static inline uint16_t kCall = 0;
  std::vector<std::byte> body;
  size_t EncodedBytes() const { return body.size(); }
  void Encode(flexai::wire::Encoder& encoder) const {
    for (size_t at = 0; at + 8 <= body.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, body.data() + at, sizeof word);
      encoder.Put(word);
    }
  }
};

// Reads the input piece by piece; zeros after its end.
struct Input {
  const uint8_t* data;
  size_t left;
  uint8_t Byte() { return left == 0 ? 0 : (--left, *data++); }
  uint64_t Word() {
    uint64_t word = 0;
    const size_t size = left < sizeof word ? left : sizeof word;
    std::memcpy(&word, data, size);
    data += size;
    left -= size;
    return word;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kArenaBytes = 1 << 20;
  SessionBed::Options options;
  options.fake_driver = true;
  options.running = false;
  options.arena_bytes = kArenaBytes;
  {
    SessionBed bed(options);
    Input input{data, size};
    RandomFrames frames(input.Word(), kArenaBytes, bed.geometry().status_slots);
    while (input.left > 0) {
      const uint8_t choice = input.Byte();
      RandomFrames::Frame frame = frames.Next();
      if (choice >= 128) {
        frame.call = choice - 128;
        frame.body.resize(8 * (input.Byte() % 32));
        for (size_t at = 0; at < frame.body.size(); at += 8) {
          const uint64_t word = input.Word();
          std::memcpy(frame.body.data() + at, &word, sizeof word);
        }
      }
      RawCall::kCall = frame.call;
      if (!bed.client().Send(RawCall{std::move(frame.body)}) || !bed.session().Step().ok()) {
        break;
      }
    }
  }
  const auto image = flexai::executor::ReadImage({reinterpret_cast<const std::byte*>(data), size});
  if (image.ok()) {
    SessionBed bed(options);
    static_cast<void>(bed.session().Restore(*image));
  }
  if (FakeHandles() != 0) {
    std::abort();
  }
  return 0;
}
