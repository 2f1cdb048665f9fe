// Commands on buffers, and the commands that only order others.
#include <algorithm>
#include <array>

#include "executor/opencl/enqueueing.h"
#include "executor/opencl/image_layout.h"

namespace flexai::executor::opencl {
namespace {

using Kind = TransferCost::Kind;

// The 13 numbers of a rectangular transfer.
struct RectGeometry {
  size_t a_origin[3], b_origin[3], region[3];
  size_t a_row_pitch, a_slice_pitch, b_row_pitch, b_slice_pitch;

  static bool From(std::span<const uint64_t> numbers, RectGeometry* geometry) {
    if (numbers.size() != 13) {
      return false;
    }
    std::copy_n(numbers.begin(), 3, geometry->a_origin);
    std::copy_n(numbers.begin() + 3, 3, geometry->b_origin);
    std::copy_n(numbers.begin() + 6, 3, geometry->region);
    geometry->a_row_pitch = numbers[9];
    geometry->a_slice_pitch = numbers[10];
    geometry->b_row_pitch = numbers[11];
    geometry->b_slice_pitch = numbers[12];
    return true;
  }

  uint64_t Bytes() const {
    uint64_t bytes = 0;
    return PitchedBytes(region[0], region[1], region[2], 0, 0, &bytes) ? bytes : ~uint64_t{0};
  }

  // How many bytes side b needs from its start; false if the numbers overflow.
  bool HostBytes(uint64_t* bytes) const {
    const uint64_t row = b_row_pitch != 0 ? b_row_pitch : region[0];
    uint64_t slice = b_slice_pitch;
    uint64_t offset = 0;
    uint64_t part = 0;
    return (slice != 0 || !__builtin_mul_overflow(row, region[1], &slice)) &&
           PitchedBytes(region[0], region[1], region[2], row, slice, bytes) &&
           !__builtin_mul_overflow(slice, b_origin[2], &offset) &&
           !__builtin_mul_overflow(row, b_origin[1], &part) &&
           !__builtin_add_overflow(offset, part, &offset) &&
           !__builtin_add_overflow(offset, b_origin[0], &offset) &&
           !__builtin_add_overflow(*bytes, offset, bytes);
  }
};

bool InBuffer(const Memory* buffer, uint64_t offset, uint64_t size) {
  return buffer != nullptr && offset <= buffer->size && size <= buffer->size - offset;
}

}  // namespace

void Handler::On(const FrameHeader& header, const calls::EnqueueReadBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  if (!InBuffer(buffer, call.offset, call.size)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  if (call.destination.length == 0) {
    enqueue.SubmitHostAccess();
    return;
  }
  std::byte* to = enqueue.Arena(call.destination, call.size);
  enqueue.Submit(Kind::kRead, call.size,
                 [api = &api(), buffer, offset = call.offset, size = call.size, to](auto queue, auto n,
                                                                                    auto waits, auto event) {
                   return api->clEnqueueReadBuffer(queue, buffer->native(), CL_FALSE, offset, size, to, n,
                                                   waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueWriteBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  if (!InBuffer(buffer, call.offset, call.size)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  if (call.host_access != 0) {
    enqueue.SubmitHostAccess();
    return;
  }
  const std::byte* from = enqueue.Data(call.data, call.size);
  enqueue.Submit(Kind::kWrite, call.size,
                 [api = &api(), buffer, offset = call.offset, size = call.size, from](
                     auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueWriteBuffer(queue, buffer->native(), CL_FALSE, offset, size, from, n,
                                                    waits, event);
                 });
}

void Handler::On(const FrameHeader&, const calls::HostAccessDone& call) {
  const Event* event = Find<Event>(call.event);
  if (event != nullptr && event->command()->queue != nullptr) {
    runtime_.graph->EndHost(event->command(), CL_COMPLETE);
  }
}

void Handler::On(const FrameHeader& header, const calls::EnqueueReadBufferRect& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  RectGeometry g{};
  uint64_t host_bytes = 0;
  if (!RectGeometry::From(call.geometry, &g) || !g.HostBytes(&host_bytes)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  std::byte* to = enqueue.Arena(call.destination, host_bytes);
  enqueue.Submit(Kind::kRead, g.Bytes(),
                 [api = &api(), buffer, g, to](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueReadBufferRect(queue, buffer->native(), CL_FALSE, g.a_origin,
                                                       g.b_origin, g.region, g.a_row_pitch, g.a_slice_pitch,
                                                       g.b_row_pitch, g.b_slice_pitch, to, n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueWriteBufferRect& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  RectGeometry g{};
  uint64_t host_bytes = 0;
  if (!RectGeometry::From(call.geometry, &g) || !g.HostBytes(&host_bytes)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  const std::byte* from = enqueue.Data(call.data, host_bytes);
  enqueue.Submit(
      Kind::kWrite, g.Bytes(), [api = &api(), buffer, g, from](auto queue, auto n, auto waits, auto event) {
        return api->clEnqueueWriteBufferRect(queue, buffer->native(), CL_FALSE, g.a_origin, g.b_origin,
                                             g.region, g.a_row_pitch, g.a_slice_pitch, g.b_row_pitch,
                                             g.b_slice_pitch, from, n, waits, event);
      });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueCopyBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* from = enqueue.UseBuffer(call.source);
  const Memory* to = enqueue.UseBuffer(call.destination);
  if (!InBuffer(from, call.source_offset, call.size) || !InBuffer(to, call.destination_offset, call.size)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(
      Kind::kCopy, call.size,
      [api = &api(), from, to, from_offset = call.source_offset, to_offset = call.destination_offset,
       size = call.size](auto queue, auto n, auto waits, auto event) {
        return api->clEnqueueCopyBuffer(queue, from->native(), to->native(), from_offset, to_offset, size, n,
                                        waits, event);
      });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueCopyBufferRect& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* from = enqueue.UseBuffer(call.source);
  const Memory* to = enqueue.UseBuffer(call.destination);
  RectGeometry g{};
  if (!RectGeometry::From(call.geometry, &g)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(Kind::kCopy, g.Bytes(),
                 [api = &api(), from, to, g](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueCopyBufferRect(queue, from->native(), to->native(), g.a_origin,
                                                       g.b_origin, g.region, g.a_row_pitch, g.a_slice_pitch,
                                                       g.b_row_pitch, g.b_slice_pitch, n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueFillBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  std::array<std::byte, 128> pattern{};
  if (!InBuffer(buffer, call.offset, call.size) || call.pattern.empty() ||
      call.pattern.size() > pattern.size()) {
    enqueue.Fail(CL_INVALID_VALUE);
  } else {
    std::copy(call.pattern.begin(), call.pattern.end(), pattern.begin());
  }
  enqueue.Submit(Kind::kFill, call.size,
                 [api = &api(), buffer, pattern, length = call.pattern.size(), offset = call.offset,
                  size = call.size](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueFillBuffer(queue, buffer->native(), pattern.data(), length, offset,
                                                   size, n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueMapBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  if (!InBuffer(buffer, call.offset, call.size)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  std::byte* to = enqueue.Arena(call.destination, call.size);
  const bool in_place = buffer != nullptr && buffer->storage != nullptr;
  if (enqueue.failed() || in_place || (call.flags & CL_MAP_WRITE_INVALIDATE_REGION) != 0) {
    enqueue.SubmitOrder();
    return;
  }
  enqueue.Submit(Kind::kRead, call.size,
                 [api = &api(), buffer, offset = call.offset, size = call.size, to](auto queue, auto n,
                                                                                    auto waits, auto event) {
                   return api->clEnqueueReadBuffer(queue, buffer->native(), CL_FALSE, offset, size, to, n,
                                                   waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueUnmapBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* buffer = enqueue.UseBuffer(call.buffer);
  if (!InBuffer(buffer, call.offset, call.size)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  const std::byte* from = enqueue.Arena(call.source, call.size);
  const bool in_place = buffer != nullptr && buffer->storage != nullptr;
  if (enqueue.failed() || in_place || (call.flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)) == 0) {
    enqueue.SubmitOrder();
    return;
  }
  enqueue.Submit(Kind::kWrite, call.size,
                 [api = &api(), buffer, offset = call.offset, size = call.size, from](
                     auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueWriteBuffer(queue, buffer->native(), CL_FALSE, offset, size, from, n,
                                                    waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueMigrateMemObjects& call) {
  Enqueueing enqueue(*this, header, call);
  std::vector<cl_mem> natives;
  for (const uint64_t id : call.objects) {
    if (const Memory* memory = enqueue.Use<Memory>(id, CL_INVALID_MEM_OBJECT); memory != nullptr) {
      natives.push_back(memory->native());
    }
  }
  if (call.objects.empty()) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(Kind::kCopy, 0,
                 [api = &api(), natives = std::move(natives), flags = call.flags](auto queue, auto n,
                                                                                  auto waits, auto event) {
                   return api->clEnqueueMigrateMemObjects(queue, static_cast<cl_uint>(natives.size()),
                                                          natives.data(), flags, n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueMarker& call) {
  Enqueueing enqueue(*this, header, call);
  enqueue.SubmitOrder(call.waits.empty() ? Graph::Ordering::kAllBefore : Graph::Ordering::kWaitList);
}

void Handler::On(const FrameHeader& header, const calls::EnqueueBarrier& call) {
  Enqueueing enqueue(*this, header, call);
  enqueue.SubmitOrder(call.waits.empty() ? Graph::Ordering::kAllBefore : Graph::Ordering::kWaitList, true);
}

}  // namespace flexai::executor::opencl
