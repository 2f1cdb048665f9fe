#include "executor/opencl/recorder.h"

#include "api/opencl/dispatch.h"

namespace flexai::executor::opencl {
namespace {

using flexai::opencl::Call;

template <typename Message>
std::vector<std::byte> Encoded(const Message& message) {
  std::vector<std::byte> bytes(message.EncodedBytes());
  wire::Encoder encoder(bytes.data());
  message.Encode(encoder);
  return bytes;
}

template <typename Message>
Message Decoded(std::span<const std::byte> body) {
  Message message;
  wire::Decoder decoder(body);
  message.Decode(decoder);  // it was decoded before
  return message;
}

// A message as it was sent, changed by `change`.
template <typename Message, typename Function>
std::vector<std::byte> Rewritten(std::span<const std::byte> body, Function change) {
  auto message = Decoded<Message>(body);
  change(message);
  return Encoded(message);
}

// The payload's bytes inside the message: the arena's range belongs to somebody else soon.
void Inline(const Runtime& runtime, wire::Payload* payload) { *payload = {runtime.Find(*payload), {}}; }

// A frame's body as it must be replayed: on its own, and without a word to slots that mean other things by
// then.
std::vector<std::byte> ReplayableBody(const Runtime& runtime, uint16_t call,
                                      std::span<const std::byte> body) {
  switch (static_cast<Call>(call)) {
    case Call::kCreateProgramWithSource:
      return Rewritten<calls::CreateProgramWithSource>(body, [&](auto& m) { Inline(runtime, &m.source); });
    case Call::kCreateProgramWithBinary:
      return Rewritten<calls::CreateProgramWithBinary>(body, [&](auto& m) { Inline(runtime, &m.binaries); });
    case Call::kCreateProgramWithIl:
      return Rewritten<calls::CreateProgramWithIl>(body, [&](auto& m) { Inline(runtime, &m.il); });
    case Call::kAddHeader:
      return Rewritten<calls::AddHeader>(body, [&](auto& m) { Inline(runtime, &m.content); });
    case Call::kBuildProgram:
      return Rewritten<calls::BuildProgram>(body, [](auto& m) { m.slot = wire::kNoSlot; });
    case Call::kCompileProgram:
      return Rewritten<calls::CompileProgram>(body, [](auto& m) { m.slot = wire::kNoSlot; });
    case Call::kLinkProgram:
      return Rewritten<calls::LinkProgram>(body, [](auto& m) { m.slot = wire::kNoSlot; });
    case Call::kCreateBuffer:  // the contents are part of the memory image
      return Rewritten<calls::CreateBuffer>(body, [](auto& m) { m.initial = {}; });
    case Call::kCreateImage:
      return Rewritten<calls::CreateImage>(body, [](auto& m) { m.initial = {}; });
    default:
      return {body.begin(), body.end()};
  }
}

// What a frame does to the record.
struct Effects {
  LiveRecord& record;
  const ObjectTable& objects;
  uint64_t sequence;
  uint16_t call;
  std::span<const std::byte> body;
  bool failed;

  // A program whose source the driver refused is there all the same: the application has it in hand.
  void Creates(uint64_t id, ObjectKind, std::span<const uint64_t> parents) {
    if (objects.Contains(id)) {
      record.Create(id, parents, {sequence, call, {body.begin(), body.end()}});
    }
  }
  void Mutates(uint64_t id, uint64_t key) {
    if (failed) {
      return;
    }
    std::span<const uint64_t> parents;
    if (call == static_cast<uint16_t>(Call::kCompileProgram)) {
      parents = Decoded<calls::CompileProgram>(body).headers;
    }
    record.Mutate(id, key, parents, sequence, call, body);
  }
  void Destroys(uint64_t id) { record.Destroy(id); }
};

}  // namespace

void Recorder::Observe(const wire::Frame& frame, bool failed, const Runtime& runtime,
                       const ObjectTable& objects) {
  const uint16_t call = frame.header.call;
  if (call >= static_cast<uint16_t>(Call::kEnqueueNDRangeKernel)) {
    return;  // commands leave nothing behind but memory contents
  }
  switch (static_cast<Call>(call)) {
    case Call::kSetKernelArg:  // the most frequent by far
    case Call::kRelease:
      Visit(frame.header.sequence, call, frame.body, failed, objects);
      break;
    default:
      Visit(frame.header.sequence, call, ReplayableBody(runtime, call, frame.body), failed, objects);
      break;
  }
}

void Recorder::Readmit(const RecordedFrame& frame, bool failed, const ObjectTable& objects) {
  Visit(frame.sequence, frame.call, frame.body, failed, objects);
}

void Recorder::Visit(uint64_t sequence, uint16_t call, std::span<const std::byte> body, bool failed,
                     const ObjectTable& objects) {
  Effects effects{record_, objects, sequence, call, body, failed};
  wire::FrameHeader header{};
  header.call = call;
  flexai::opencl::VisitEffect(effects, header, body);
  if (call == static_cast<uint16_t>(Call::kCreateSubDevices)) {
    const auto message = Decoded<calls::CreateSubDevices>(body);
    for (uint64_t id = message.first_id + 1; objects.Contains(id) && id < message.first_id + message.capacity;
         ++id) {
      record_.CreateWith(message.first_id, id);
    }
  }
}

}  // namespace flexai::executor::opencl
