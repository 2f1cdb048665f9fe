// The commands among random calls.
#include <CL/cl.h>

#include <string_view>

#include "api/opencl/calls.h"
#include "executor/opencl/random_frames.h"

namespace flexai::executor::opencl {
namespace {

namespace api = flexai::opencl;

constexpr uint64_t kRect[] = {0, 0, 0, 0, 0, 0, 16, 4, 1, 64, 0, 64, 0};
constexpr uint64_t kImageHost[] = {0, 0, 0, 2, 2, 1, 0, 0};
constexpr uint64_t kNumbers[] = {0, 0, 0, 0, 0, 0, 2, 2, 1};
constexpr std::string_view kText = "__kernel void k() {}";

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace

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
    case 4:
      return Encoded(copy(api::EnqueueCopyImage{}, 9));
    case 5:
      return Encoded(copy(api::EnqueueCopyImageToBuffer{}, 7));
    case 6:
      return Encoded(copy(api::EnqueueCopyBufferToImage{}, 7));
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
