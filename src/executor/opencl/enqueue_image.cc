// Commands on images.
#include <algorithm>
#include <array>

#include "executor/opencl/enqueueing.h"
#include "executor/opencl/image_layout.h"

namespace flexai::executor::opencl {
namespace {

using Kind = TransferCost::Kind;

// `count` numbers of a call as size_t; false if there are not so many.
template <size_t count>
bool Numbers(std::span<const uint64_t> from, std::array<size_t, count>* to) {
  if (from.size() != count) {
    return false;
  }
  std::copy(from.begin(), from.end(), to->begin());
  return true;
}

uint64_t PixelBytes(const Memory* image, const size_t* region) {
  uint64_t row = 0;
  uint64_t bytes = 0;
  const bool fits = image != nullptr && !__builtin_mul_overflow(region[0], image->element_bytes, &row) &&
                    PitchedBytes(row, region[1], region[2], 0, 0, &bytes);
  return fits ? bytes : 0;
}

// origin, region, row and slice pitch of the host side. Of a 1D array the slice pitch lies in either number.
struct HostImage {
  std::array<size_t, 8> numbers{};
  const size_t* origin() const { return numbers.data(); }
  const size_t* region() const { return numbers.data() + 3; }
  size_t row_pitch() const { return numbers[6]; }
  size_t slice_pitch() const { return numbers[7]; }

  bool Bytes(const Memory* image, uint64_t* bytes) const {
    uint64_t row = 0;
    return image != nullptr && !__builtin_mul_overflow(region()[0], image->element_bytes, &row) &&
           PitchedBytes(row, region()[1], region()[2], row_pitch(), slice_pitch(), bytes);
  }
};

}  // namespace

void Handler::On(const FrameHeader& header, const calls::EnqueueReadImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* image = enqueue.UseImage(call.image);
  HostImage host;
  uint64_t bytes = 0;
  if (!Numbers(call.geometry, &host.numbers) || !host.Bytes(image, &bytes)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  std::byte* to = enqueue.Arena(call.destination, bytes);
  enqueue.Submit(
      Kind::kRead, bytes, [api = &api(), image, host, to](auto queue, auto n, auto waits, auto event) {
        return api->clEnqueueReadImage(queue, image->native(), CL_FALSE, host.origin(), host.region(),
                                       host.row_pitch(), host.slice_pitch(), to, n, waits, event);
      });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueWriteImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* image = enqueue.UseImage(call.image);
  HostImage host;
  uint64_t bytes = 0;
  if (!Numbers(call.geometry, &host.numbers) || !host.Bytes(image, &bytes)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  const std::byte* from = enqueue.Data(call.data, bytes);
  enqueue.Submit(
      Kind::kWrite, bytes, [api = &api(), image, host, from](auto queue, auto n, auto waits, auto event) {
        return api->clEnqueueWriteImage(queue, image->native(), CL_FALSE, host.origin(), host.region(),
                                        host.row_pitch(), host.slice_pitch(), from, n, waits, event);
      });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueCopyImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* from = enqueue.UseImage(call.source);
  const Memory* to = enqueue.UseImage(call.destination);
  std::array<size_t, 9> g{};
  if (!Numbers(call.geometry, &g)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(Kind::kCopy, PixelBytes(from, &g[6]),
                 [api = &api(), from, to, g](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueCopyImage(queue, from->native(), to->native(), &g[0], &g[3], &g[6], n,
                                                  waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueCopyImageToBuffer& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* from = enqueue.UseImage(call.source);
  const Memory* to = enqueue.UseBuffer(call.destination);
  std::array<size_t, 7> g{};
  if (!Numbers(call.geometry, &g)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(Kind::kCopy, PixelBytes(from, &g[3]),
                 [api = &api(), from, to, g](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueCopyImageToBuffer(queue, from->native(), to->native(), &g[0], &g[3],
                                                          g[6], n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueCopyBufferToImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* from = enqueue.UseBuffer(call.source);
  const Memory* to = enqueue.UseImage(call.destination);
  std::array<size_t, 7> g{};
  if (!Numbers(call.geometry, &g)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(Kind::kCopy, PixelBytes(to, &g[4]),
                 [api = &api(), from, to, g](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueCopyBufferToImage(queue, from->native(), to->native(), g[0], &g[1],
                                                          &g[4], n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueFillImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* image = enqueue.UseImage(call.image);
  std::array<size_t, 6> g{};
  std::array<std::byte, 16> color{};
  if (!Numbers(call.geometry, &g) || call.color.size() != color.size()) {
    enqueue.Fail(CL_INVALID_VALUE);
  } else {
    std::copy(call.color.begin(), call.color.end(), color.begin());
  }
  enqueue.Submit(Kind::kFill, PixelBytes(image, &g[3]),
                 [api = &api(), image, color, g](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueFillImage(queue, image->native(), color.data(), &g[0], &g[3], n,
                                                  waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueMapImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* image = enqueue.UseImage(call.image);
  HostImage host;
  uint64_t bytes = 0;
  if (!Numbers(call.geometry, &host.numbers) || !host.Bytes(image, &bytes)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  std::byte* to = enqueue.Arena(call.destination, bytes);
  if (enqueue.failed() || (call.flags & CL_MAP_WRITE_INVALIDATE_REGION) != 0) {
    enqueue.SubmitOrder();
    return;
  }
  enqueue.Submit(
      Kind::kRead, bytes, [api = &api(), image, host, to](auto queue, auto n, auto waits, auto event) {
        return api->clEnqueueReadImage(queue, image->native(), CL_FALSE, host.origin(), host.region(),
                                       host.row_pitch(), host.slice_pitch(), to, n, waits, event);
      });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueUnmapImage& call) {
  Enqueueing enqueue(*this, header, call);
  const Memory* image = enqueue.UseImage(call.image);
  HostImage host;
  uint64_t bytes = 0;
  if (!Numbers(call.geometry, &host.numbers) || !host.Bytes(image, &bytes)) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  const std::byte* from = enqueue.Arena(call.source, bytes);
  if (enqueue.failed() || (call.flags & (CL_MAP_WRITE | CL_MAP_WRITE_INVALIDATE_REGION)) == 0) {
    enqueue.SubmitOrder();
    return;
  }
  enqueue.Submit(
      Kind::kWrite, bytes, [api = &api(), image, host, from](auto queue, auto n, auto waits, auto event) {
        return api->clEnqueueWriteImage(queue, image->native(), CL_FALSE, host.origin(), host.region(),
                                        host.row_pitch(), host.slice_pitch(), from, n, waits, event);
      });
}

}  // namespace flexai::executor::opencl
