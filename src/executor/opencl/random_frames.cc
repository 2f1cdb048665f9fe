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
  return from.empty() || random_.Below(50) == 0 ? random_.Below(next_id_ + 3)
                                                : from[random_.Below(from.size())];
}

uint64_t RandomFrames::New(std::vector<uint64_t>* into) {
  into->push_back(next_id_);
  if (into->size() > 16) {
    into->erase(into->begin());
  }
  return next_id_++;
}

// Some 64-bit words become others that are likely to hurt.
void RandomFrames::Mutate(std::vector<std::byte>* body) {
  const uint64_t hurtful[] = {0,
                              1,
                              2,
                              0x100,
                              next_id_ - 1,
                              0xffffffff,
                              uint64_t{1} << 32,
                              uint64_t{1} << 63,
                              ~uint64_t{0},
                              arena_bytes_,
                              arena_bytes_ - 8,
                              random_.Next(),
                              random_.Below(64)};
  for (uint64_t left = random_.Below(3); left > 0 && body->size() >= 8; --left) {
    const uint64_t word = hurtful[random_.Below(std::size(hurtful))];
    std::memcpy(body->data() + 8 * random_.Below(body->size() / 8), &word, sizeof word);
  }
}

RandomFrames::Frame RandomFrames::Next() {
  Frame frame;
  switch (random_.Below(8)) {
    case 0:
      frame = SessionCall();
      break;
    case 1:
      frame = ObjectCall();
      break;
    case 2:
      frame = MemoryCall();
      break;
    case 3:
      frame = ProgramCall();
      break;
    case 4:
      frame = KernelCall();
      break;
    case 5:
      frame = BufferCommand();
      break;
    case 6:
      frame = ImageCommand();
      break;
    default:
      frame = OtherCommand();
      break;
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
    case 0:
      return Encoded(api::OpenSession{});
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
      const std::vector<uint64_t>* lists[] = {&known_.contexts, &known_.queues,   &known_.memory,
                                              &known_.samplers, &known_.programs, &known_.kernels,
                                              &known_.events};
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
      call.properties =
          random_.Below(2) == 0 ? std::span<const uint64_t>(kQueueProperties) : std::span<const uint64_t>();
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

}  // namespace flexai::executor::opencl
