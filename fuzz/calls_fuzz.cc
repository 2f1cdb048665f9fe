// Arbitrary bytes as the body of every OpenCL call; each decoded array and blob is read to its end.
#include <cstring>
#include <vector>

#include "api/opencl/dispatch.h"

namespace {

volatile uint64_t sink;

struct Reader {
  template <typename Message>
  void On(const flexai::wire::FrameHeader&, const Message& message) {
    // Encoding reads every field whole, and must give a message that decodes again.
    std::vector<uint64_t> bytes(message.EncodedBytes() / 8);
    flexai::wire::Encoder encoder(reinterpret_cast<std::byte*>(bytes.data()));
    message.Encode(encoder);
    flexai::wire::Decoder decoder(std::as_bytes(std::span(bytes)));
    Message again;
    if (!again.Decode(decoder)) {
      __builtin_trap();
    }
    sink = bytes.empty() ? 0 : bytes.back();
  }
  void Creates(uint64_t id, flexai::opencl::ObjectKind, std::span<const uint64_t> parents) {
    sink = id + parents.size();
  }
  void Mutates(uint64_t id, uint64_t key) { sink = id + key; }
  void Destroys(uint64_t id) { sink = id; }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) {
    return 0;
  }
  flexai::wire::FrameHeader header{};
  std::memcpy(&header.call, data, 2);
  header.call %= 100;
  std::vector<uint64_t> body((size - 2 + 7) / 8);
  std::memcpy(body.data(), data + 2, size - 2);
  const auto bytes = std::as_bytes(std::span(body)).first(size - 2);
  Reader reader;
  flexai::opencl::Dispatch(reader, header, bytes);
  flexai::opencl::VisitEffect(reader, header, bytes);
  return 0;
}
