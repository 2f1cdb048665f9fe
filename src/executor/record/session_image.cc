// The written form: little endian, every field aligned to 8 bytes.
//   u64 magic "FXREC\0\0\1"
//   u64 count of frames; each: u64 sequence, u64 call, blob body
//   u64 count of released; each: u64 id
//   u64 count of events; each: u64 id, u64 context, i64 status
//   u64 count of memory; each: u64 id, blob contents
// blob: u64 bytes, the bytes, zeros up to a multiple of 8.
#include <cstring>

#include "executor/record/live_record.h"
#include "wire/codec.h"

namespace flexai::executor {
namespace {

constexpr uint64_t kMagic = 0x0100'0043'4552'5846;

class Writer {
 public:
  void Number(uint64_t value) { Append(&value, sizeof value); }
  void Blob(std::span<const std::byte> bytes) {
    Number(bytes.size());
    Append(bytes.data(), bytes.size());
    bytes_.resize(wire::Padded(bytes_.size()));
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  void Append(const void* data, size_t size) {
    const auto* from = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), from, from + size);
  }
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : decoder_(bytes) {}
  uint64_t Number() {
    uint64_t value = 0;
    decoder_.Get(&value);
    return value;
  }
  std::vector<std::byte> Blob() {
    std::span<const std::byte> bytes;
    decoder_.Get(&bytes);
    return {bytes.begin(), bytes.end()};
  }
  // Calls `read` as often as the next number says, or until the input has failed.
  template <typename Function>
  void Each(Function read) {
    for (uint64_t left = Number(); left > 0 && !decoder_.failed(); --left) {
      read();
    }
  }
  bool Complete() const { return decoder_.Complete(); }
  bool failed() const { return decoder_.failed(); }

 private:
  wire::Decoder decoder_;
};

}  // namespace

std::vector<std::byte> WriteImage(const SessionImage& image) {
  Writer writer;
  writer.Number(kMagic);
  writer.Number(image.frames.size());
  for (const RecordedFrame& frame : image.frames) {
    writer.Number(frame.sequence);
    writer.Number(frame.call);
    writer.Blob(frame.body);
  }
  writer.Number(image.released.size());
  for (const uint64_t id : image.released) {
    writer.Number(id);
  }
  writer.Number(image.events.size());
  for (const SessionImage::EndedEvent& event : image.events) {
    writer.Number(event.id);
    writer.Number(event.context);
    writer.Number(static_cast<uint64_t>(int64_t{event.status}));
  }
  writer.Number(image.memory.size());
  for (const SessionImage::MemoryImage& memory : image.memory) {
    writer.Number(memory.id);
    writer.Blob(memory.bytes);
  }
  return writer.Take();
}

Result<SessionImage> ReadImage(std::span<const std::byte> bytes) {
  // The decoder reads in place and wants its input aligned.
  std::vector<uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) {
    std::memcpy(aligned.data(), bytes.data(), bytes.size());
  }
  Reader reader({reinterpret_cast<const std::byte*>(aligned.data()), bytes.size()});
  SessionImage image;
  if (reader.Number() != kMagic) {
    return InvalidArgument("this is no record of a session");
  }
  reader.Each([&] {
    RecordedFrame frame;
    frame.sequence = reader.Number();
    frame.call = static_cast<uint16_t>(reader.Number());
    frame.body = reader.Blob();
    image.frames.push_back(std::move(frame));
  });
  reader.Each([&] { image.released.push_back(reader.Number()); });
  reader.Each([&] {
    const uint64_t id = reader.Number();
    const uint64_t context = reader.Number();
    image.events.push_back({id, context, static_cast<int32_t>(static_cast<int64_t>(reader.Number()))});
  });
  reader.Each([&] {
    const uint64_t id = reader.Number();
    image.memory.push_back({id, reader.Blob()});
  });
  if (!reader.Complete()) {
    return InvalidArgument("the record of the session is malformed");
  }
  return image;
}

}  // namespace flexai::executor
