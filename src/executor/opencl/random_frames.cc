#include "executor/opencl/random_frames.h"

#include <CL/cl.h>

#include <cstring>
#include <string_view>

#include "api/opencl/dispatch.h"
#include "executor/opencl/kernel.h"

namespace flexai::executor::opencl {
namespace {

namespace api = flexai::opencl;

constexpr uint64_t kDevices[] = {0x100};
constexpr uint64_t kQueueProperties[] = {CL_QUEUE_PROPERTIES, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, 0};
constexpr uint64_t kRect[] = {0, 0, 0, 0, 0, 0, 16, 4, 1, 64, 0, 64, 0};
constexpr uint64_t kImageHost[] = {0, 0, 0, 2, 2, 1, 0, 0};
constexpr uint64_t kNumbers[] = {0, 0, 0, 0, 0, 0, 2, 2, 1};
constexpr uint64_t kGlobal[] = {64, 2};
constexpr std::string_view kText = "__kernel void k() {}";

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

struct NoHandler {
  template <typename Message>
  void On(const wire::FrameHeader&, const Message&) {}
};

bool Decodes(uint16_t call, std::span<const std::byte> body) {
  NoHandler handler;
  wire::FrameHeader header{};
  header.call = call;
  return flexai::opencl::Dispatch(handler, header, body);
}

}  // namespace

uint64_t RandomFrames::Pick(const std::vector<uint64_t>& from) {
  return from.empty() || random_.Below(50) == 0 ? random_.Below(next_id_ + 3) : from[random_.Below(from.size())];
}

uint64_t RandomFrames::New(std::vector<uint64_t>* into) {
  into->push_back(next_id_);
  if (into->size() > 16) {
    into->erase(into->begin());
  }
  return next_id_++;
}

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

// Some 64-bit words become others that are likely to hurt.
void RandomFrames::Mutate(std::vector<std::byte>* body) {
  const uint64_t hurtful[] = {0, 1, 2, 0x100, next_id_ - 1, 0xffffffff, uint64_t{1} << 32, uint64_t{1} << 63,
                              ~uint64_t{0}, arena_bytes_, arena_bytes_ - 8, random_.Next(), random_.Below(64)};
  for (uint64_t left = random_.Below(3); left > 0 && body->size() >= 8; --left) {
    const uint64_t word = hurtful[random_.Below(std::size(hurtful))];
    std::memcpy(body->data() + 8 * random_.Below(body->size() / 8), &word, sizeof word);
  }
}

RandomFrames::Frame RandomFrames::Next() {
  Frame frame;
  switch (random_.Below(8)) {
    case 0: frame = SessionCall(); break;
    case 1: frame = ObjectCall(); break;
    case 2: frame = MemoryCall(); break;
    case 3: frame = ProgramCall(); break;
    case 4: frame = KernelCall(); break;
    case 5: frame = BufferCommand(); break;
    case 6: frame = ImageCommand(); break;
    default: frame = OtherCommand(); break;
  }
  if (random_.Below(3) == 0) {
    std::vector<std::byte> mutated = frame.body;
    Mutate(&mutated);
    // A malformed frame ends a session, which is tested soon enough.
    if (Decodes(frame.call, mutated) || random_.Below(300) == 0) {
      frame.body = std::move(mutated);
    }
  }
  return frame;
}

RandomFrames::Frame RandomFrames::SessionCall() {
  switch (random_.Below(5)) {
    case 0: return Encoded(api::OpenSession{});
    case 1: {
      api::FetchReply call{};
      call.slot = static_cast<uint32_t>(random_.Below(66));
      call.destination = {random_.Below(arena_bytes_), SmallNumber()};
      return Encoded(call);
    }
    case 2: {
      api::Query call{};
      call.function = static_cast<uint32_t>(random_.Below(150));
      call.object = random_.Below(next_id_);
      call.other = 0x100;
      call.parameter = static_cast<uint32_t>(0x1000 + random_.Below(0x200));
      return Encoded(call);
    }
    default: {
      const std::vector<uint64_t>* lists[] = {&known_.contexts, &known_.queues,  &known_.memory, &known_.samplers,
                                              &known_.programs, &known_.kernels, &known_.events};
      api::Release call{};
      call.object = Pick(*lists[random_.Below(std::size(lists))]);
      call.slot = Slot();
      return Encoded(call);
    }
  }
}

RandomFrames::Frame RandomFrames::ObjectCall() {
  switch (random_.Below(6)) {
    case 0: {
      api::CreateContext call{};
      call.context = New(&known_.contexts);
      call.devices = kDevices;
      return Encoded(call);
    }
    case 1: {
      api::CreateQueue call{};
      call.queue = New(&known_.queues);
      call.context = Pick(known_.contexts);
      call.device = 0x100;
      call.properties = random_.Below(2) == 0 ? std::span<const uint64_t>(kQueueProperties) : std::span<const uint64_t>();
      call.slot = Slot();
      return Encoded(call);
    }
    case 2: {
      api::CreateSampler call{};
      call.sampler = New(&known_.samplers);
      call.context = Pick(known_.contexts);
      return Encoded(call);
    }
    case 3: {
      api::CreateSubDevices call{};
      call.device = 0x100;
      call.first_id = next_id_++;
      call.capacity = static_cast<uint32_t>(random_.Below(4));
      return Encoded(call);
    }
    case 4: {
      api::CreateUserEvent call{};
      call.event = New(&known_.events);
      call.context = Pick(known_.contexts);
      call.slot = Slot();
      return Encoded(call);
    }
    default: {
      api::SetUserEventStatus call{};
      call.event = Pick(known_.events);
      call.status = random_.Below(3) == 0 ? -5 : 0;
      return Encoded(call);
    }
  }
}

RandomFrames::Frame RandomFrames::MemoryCall() {
  switch (random_.Below(6)) {
    case 0: {
      api::CreateSubBuffer call{};
      call.buffer = New(&known_.memory);
      call.parent = Pick(known_.memory);
      call.origin = SmallNumber();
      call.size = SmallNumber();
      return Encoded(call);
    }
    case 1: {
      cl_image_format format{CL_RGBA, CL_UNSIGNED_INT8};
      cl_image_desc shape{};
      shape.image_type = CL_MEM_OBJECT_IMAGE2D;
      shape.image_width = shape.image_height = 1 + random_.Below(40);
      api::CreateImage call{};
      call.image = New(&known_.memory);
      call.context = Pick(known_.contexts);
      call.format = std::as_bytes(std::span(&format, 1));
      call.descriptor = std::as_bytes(std::span(&shape, 1));
      call.memory = random_.Below(4) == 0 ? Pick(known_.memory) : 0;
      return Encoded(call);
    }
    case 2: {
      api::SvmAlloc call{};
      call.memory = New(&known_.memory);
      call.context = Pick(known_.contexts);
      call.storage = {random_.Below(arena_bytes_), SmallNumber()};
      return Encoded(call);
    }
    case 3: {
      api::CreatePipe call{};
      call.pipe = New(&known_.memory);
      call.context = Pick(known_.contexts);
      call.packet_bytes = call.max_packets = 16;
      return Encoded(call);
    }
    default: {
      api::CreateBuffer call{};
      call.buffer = New(&known_.memory);
      call.context = Pick(known_.contexts);
      call.size = SmallNumber();
      if (random_.Below(2) == 0) {
        call.storage = {random_.Below(arena_bytes_), call.size};
      }
      call.initial.inline_bytes = random_.Below(3) == 0 ? Bytes(kText) : std::span<const std::byte>();
      return Encoded(call);
    }
  }
}

RandomFrames::Frame RandomFrames::ProgramCall() {
  const uint64_t inputs[] = {Pick(known_.programs), Pick(known_.programs)};
  switch (random_.Below(6)) {
    case 0: {
      const uint64_t lengths[] = {kText.size()};
      api::CreateProgramWithBinary call{};
      call.program = New(&known_.programs);
      call.context = Pick(known_.contexts);
      call.devices = kDevices;
      call.lengths = lengths;
      call.binaries.inline_bytes = Bytes(kText);
      return Encoded(call);
    }
    case 1: {
      api::BuildProgram call{};
      call.program = Pick(known_.programs);
      call.slot = Slot();
      return Encoded(call);
    }
    case 2: {
      api::CompileProgram call{};
      call.program = Pick(known_.programs);
      call.headers = std::span(inputs).first(1);
      call.header_names = Bytes({"a.h", 4});
      call.slot = Slot();
      return Encoded(call);
    }
    case 3: {
      api::LinkProgram call{};
      call.program = New(&known_.programs);
      call.context = Pick(known_.contexts);
      call.inputs = inputs;
      call.slot = Slot();
      return Encoded(call);
    }
    case 4: {
      api::DescribeProgram call{};
      call.program = Pick(known_.programs);
      return Encoded(call);
    }
    default: {
      api::CreateProgramWithSource call{};
      call.program = New(&known_.programs);
      call.context = Pick(known_.contexts);
      call.source.inline_bytes = Bytes(kText);
      return Encoded(call);
    }
  }
}

RandomFrames::Frame RandomFrames::KernelCall() {
  switch (random_.Below(5)) {
    case 0: {
      api::CreateKernel call{};
      call.kernel = New(&known_.kernels);
      call.program = Pick(known_.programs);
      call.name = Bytes("k");
      return Encoded(call);
    }
    case 1: {
      api::CloneKernel call{};
      call.kernel = New(&known_.kernels);
      call.source = Pick(known_.kernels);
      return Encoded(call);
    }
    case 2:
    case 3: {
      const uint64_t value = random_.Next();
      api::SetKernelArg call{};
      call.kernel = Pick(known_.kernels);
      call.index = static_cast<uint32_t>(random_.Below(5));
      call.kind = static_cast<uint32_t>(random_.Below(8));
      call.size = sizeof value;
      call.object = call.kind == 1 ? Pick(known_.memory) : call.kind == 2 ? Pick(known_.samplers) : 0;
      call.value = std::as_bytes(std::span(&value, 1));
      return Encoded(call);
    }
    default: {
      api::EnqueueNDRangeKernel call{};
      Enqueue(&call);
      call.kernel = Pick(known_.kernels);
      call.dimensions = 2;
      call.global = kGlobal;
      return Encoded(call);
    }
  }
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

RandomFrames::Frame RandomFrames::BufferCommand() {
  const wire::Region region{random_.Below(arena_bytes_), SmallNumber()};
  const auto fill = [&](auto call) {
    Enqueue(&call);
    call.buffer = Pick(known_.memory);
    call.offset = random_.Below(100);
    call.size = random_.Below(100);
    return call;
  };
  switch (random_.Below(8)) {
    case 0: {
      auto call = fill(api::EnqueueReadBuffer{});
      call.destination = random_.Below(2) == 0 ? region : wire::Region{};
      return Encoded(call);
    }
    case 1: {
      auto call = fill(api::EnqueueWriteBuffer{});
      call.host_access = static_cast<uint32_t>(random_.Below(2));
      call.data.region = region;
      return Encoded(call);
    }
    case 2: {
      auto call = fill(api::EnqueueFillBuffer{});
      call.pattern = Bytes("abcd");
      return Encoded(call);
    }
    case 3: {
      auto call = fill(api::EnqueueMapBuffer{});
      call.flags = random_.Below(8);
      call.destination = region;
      return Encoded(call);
    }
    case 4: {
      auto call = fill(api::EnqueueUnmapBuffer{});
      call.flags = random_.Below(8);
      call.source = region;
      return Encoded(call);
    }
    case 5: {
      api::EnqueueReadBufferRect call{};
      Enqueue(&call);
      call.buffer = Pick(known_.memory);
      call.geometry = kRect;
      call.destination = region;
      return Encoded(call);
    }
    case 6: {
      api::EnqueueWriteBufferRect call{};
      Enqueue(&call);
      call.buffer = Pick(known_.memory);
      call.geometry = kRect;
      call.data.inline_bytes = Bytes(kText);
      return Encoded(call);
    }
    default: {
      api::EnqueueCopyBuffer call{};
      Enqueue(&call);
      call.source = Pick(known_.memory);
      call.destination = Pick(known_.memory);
      call.size = random_.Below(64);
      return Encoded(call);
    }
  }
}

RandomFrames::Frame RandomFrames::ImageCommand() {
  const wire::Region region{random_.Below(arena_bytes_), SmallNumber()};
  const auto fill = [&](auto call) {
    Enqueue(&call);
    call.image = Pick(known_.memory);
    call.geometry = kImageHost;
    return call;
  };
  const auto copy = [&](auto call, size_t numbers) {
    Enqueue(&call);
    call.source = Pick(known_.memory);
    call.destination = Pick(known_.memory);
    call.geometry = std::span(kNumbers).first(numbers);
    return call;
  };
  switch (random_.Below(8)) {
    case 0: {
      auto call = fill(api::EnqueueReadImage{});
      call.destination = region;
      return Encoded(call);
    }
    case 1: {
      auto call = fill(api::EnqueueWriteImage{});
      call.data.region = region;
      return Encoded(call);
    }
    case 2: {
      auto call = fill(api::EnqueueMapImage{});
      call.destination = region;
      return Encoded(call);
    }
    case 3: {
      auto call = fill(api::EnqueueUnmapImage{});
      call.flags = CL_MAP_WRITE;
      call.source = region;
      return Encoded(call);
    }
    case 4: return Encoded(copy(api::EnqueueCopyImage{}, 9));
    case 5: return Encoded(copy(api::EnqueueCopyImageToBuffer{}, 7));
    case 6: return Encoded(copy(api::EnqueueCopyBufferToImage{}, 7));
    default: {
      api::EnqueueFillImage call{};
      Enqueue(&call);
      call.image = Pick(known_.memory);
      call.geometry = std::span(kNumbers).first(6);
      call.color = Bytes("0123456789abcdef");
      return Encoded(call);
    }
  }
}

RandomFrames::Frame RandomFrames::OtherCommand() {
  switch (random_.Below(6)) {
    case 0: {
      api::EnqueueMarker call{};
      Enqueue(&call);
      return Encoded(call);
    }
    case 1: {
      api::EnqueueBarrier call{};
      Enqueue(&call);
      return Encoded(call);
    }
    case 2: {
      api::HostAccessDone call{};
      call.event = Pick(known_.events);
      return Encoded(call);
    }
    case 3: {
      const uint64_t objects[] = {Pick(known_.memory), Pick(known_.memory)};
      api::EnqueueMigrateMemObjects call{};
      Enqueue(&call);
      call.objects = objects;
      return Encoded(call);
    }
    case 4: {
      api::EnqueueSvmMemFill call{};
      Enqueue(&call);
      call.destination = random_.Next();
      call.pattern = Bytes("abcd");
      call.size = 16;
      return Encoded(call);
    }
    default: {
      api::EnqueueSvmMemcpy call{};
      Enqueue(&call);
      call.destination_host = {random_.Below(arena_bytes_), 64};
      call.source_host.inline_bytes = Bytes("0123456789abcdef");
      call.size = 16;
      return Encoded(call);
    }
  }
}

}  // namespace flexai::executor::opencl
