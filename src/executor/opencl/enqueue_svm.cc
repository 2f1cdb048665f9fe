// Commands on shared virtual memory. The application's pointers are ours, because the arena is mapped at the
// same address on both sides; what does not lie in it is refused.
#include <algorithm>
#include <array>

#include "executor/opencl/enqueueing.h"

namespace flexai::executor::opencl {
namespace {

using Kind = TransferCost::Kind;

// The bytes at an SVM address, or null if they don't lie in the arena.
std::byte* SvmRange(const Runtime& runtime, uint64_t address, uint64_t size) {
  const auto base = reinterpret_cast<uint64_t>(runtime.arena.data());
  if (!runtime.arena_at_base || address < base) {
    return nullptr;
  }
  return runtime.ArenaRange({address - base, size});
}

}  // namespace

void Handler::On(const FrameHeader& header, const calls::EnqueueSvmMemcpy& call) {
  Enqueueing enqueue(*this, header, call);
  std::byte* to = call.destination != 0 ? SvmRange(runtime_, call.destination, call.size)
                                        : enqueue.Arena(call.destination_host, call.size);
  const std::byte* from = call.source != 0 ? SvmRange(runtime_, call.source, call.size)
                                           : enqueue.Data(call.source_host, call.size);
  if (to == nullptr || from == nullptr || call.size == 0) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.Submit(Kind::kCopy, call.size,
                 [api = &api(), to, from, size = call.size](auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueSVMMemcpy(queue, CL_FALSE, to, from, size, n, waits, event);
                 });
}

void Handler::On(const FrameHeader& header, const calls::EnqueueSvmMemFill& call) {
  Enqueueing enqueue(*this, header, call);
  std::byte* to = SvmRange(runtime_, call.destination, call.size);
  std::array<std::byte, 128> pattern{};
  if (to == nullptr || call.pattern.empty() || call.pattern.size() > pattern.size()) {
    enqueue.Fail(CL_INVALID_VALUE);
  } else {
    std::copy(call.pattern.begin(), call.pattern.end(), pattern.begin());
  }
  enqueue.Submit(Kind::kFill, call.size,
                 [api = &api(), to, pattern, length = call.pattern.size(), size = call.size](
                     auto queue, auto n, auto waits, auto event) {
                   return api->clEnqueueSVMMemFill(queue, to, pattern.data(), length, size, n, waits, event);
                 });
}

// The memory is the application's own: map and unmap only order what stands around them.
void Handler::On(const FrameHeader& header, const calls::EnqueueSvmMap& call) {
  Enqueueing enqueue(*this, header, call);
  if (SvmRange(runtime_, call.address, call.size) == nullptr) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.SubmitOrder();
}

void Handler::On(const FrameHeader& header, const calls::EnqueueSvmUnmap& call) {
  Enqueueing enqueue(*this, header, call);
  if (SvmRange(runtime_, call.address, 0) == nullptr) {
    enqueue.Fail(CL_INVALID_VALUE);
  }
  enqueue.SubmitOrder();
}

void Handler::On(const FrameHeader& header, const calls::EnqueueSvmFree& call) {
  Enqueueing enqueue(*this, header, call);
  enqueue.SubmitOrder();
}

void Handler::On(const FrameHeader& header, const calls::EnqueueSvmMigrateMem& call) {
  Enqueueing enqueue(*this, header, call);
  enqueue.SubmitOrder();
}

}  // namespace flexai::executor::opencl
