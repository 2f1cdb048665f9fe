#include "executor/opencl/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "api/opencl/dispatch.h"
#include "executor/opencl/suspend.h"
#include "os/futex.h"

namespace flexai::executor::opencl {
namespace {

// Frames decoded before the producers are told that there is room again.
constexpr int kFramesPerBatch = 64;
// While something is with the driver, failures without a callback are looked for so often.
constexpr int64_t kFailureCheckNs = 100 * 1000 * 1000;

std::vector<LaneLease> LanesOf(const SessionParts& parts) {
  std::vector<LaneLease> lanes;
  for (const SessionParts::VxpuPart& vxpu : parts.vxpus) {
    lanes.push_back(vxpu.access);
  }
  return lanes;
}

}  // namespace

Session::Session(SessionParts parts)
    : parts_(std::move(parts)),
      channel_(parts_.channel.span(), parts_.geometry, parts_.session),
      layer_(runtime_),
      graph_(layer_, *this, LanesOf(parts_), clock_, [this] { Wake(); }),
      builds_([this] { Wake(); }) {
  runtime_.platform = parts_.platform;
  runtime_.api = parts_.platform.api;
  runtime_.channel = &channel_;
  runtime_.graph = &graph_;
  runtime_.arena = parts_.arena.span();
  runtime_.arena_at_base = parts_.arena_at_base;
  for (const SessionParts::VxpuPart& part : parts_.vxpus) {
    runtime_.vxpus.push_back({&runtime_, static_cast<uint32_t>(runtime_.vxpus.size()), part.id, part.device,
                              part.quota, part.access});
  }
  handler_ = std::make_unique<Handler>(runtime_, builds_);
}

Session::~Session() {
  builds_.Drain();
  WaitIdle();
  graph_.Abandon();
  handler_.reset();
}

void Session::PublishEvent(uint32_t slot, int32_t status, const wire::CommandTimes& times) {
  channel_.PublishEvent(slot, status, times);
}

void Session::PublishQueue(uint32_t slot, uint64_t done_sequence, int32_t error) {
  channel_.PublishQueue(slot, done_sequence, error);
}

void Session::Wake() {
  doorbell_.fetch_add(1, std::memory_order_seq_cst);
  if (asleep_.load(std::memory_order_seq_cst)) {
    os::FutexWake(doorbell_, 1);
  }
}

void Session::Stop() {
  stopped_.store(true, std::memory_order_seq_cst);
  Wake();
}

void Session::Suspend() {
  suspending_.store(true, std::memory_order_seq_cst);
  Wake();
}

Status Session::Restore(const SessionImage& image) {
  return RestoreSession(image, *handler_, builds_, &recorder_);
}

Result<SessionImage> Session::Capture() const {
  return CaptureSession(handler_->objects(), recorder_.record());
}

Status Session::Handle(const wire::Frame& frame) {
  handler_->ClearStatus();
  if (!flexai::opencl::Dispatch(*handler_, frame.header, frame.body)) {
    return InvalidArgument(fmt::format("frame {} is no valid {}", frame.header.sequence,
                                       flexai::opencl::CallName(frame.header.call)));
  }
  if (!handler_->violated().empty()) {
    return InvalidArgument(handler_->violated());
  }
  recorder_.Observe(frame, handler_->status() != CL_SUCCESS, runtime_, handler_->objects());
  return {};
}

// True if there was anything to decode.
Result<bool> Session::DecodeSome(int most) {
  int decoded = 0;
  Status failure;
  for (; decoded < most && failure.ok(); ++decoded) {
    wire::Frame frame;
    Result<bool> next = channel_.Next(&frame);
    if (!next.ok()) {
      failure = next.status();
    } else if (*next) {
      failure = Handle(frame);
    } else {
      break;
    }
  }
  if (!failure.ok()) {
    return failure;
  }
  if (decoded > 0) {
    channel_.Consumed();
  }
  return decoded > 0;
}

Result<bool> Session::Step() {
  builds_.RunFinished();
  graph_.Harvest();
  return DecodeSome(suspending_.load(std::memory_order_relaxed) ? 1 : kFramesPerBatch);
}

bool Session::RepliesFetched() const {
  for (uint32_t slot = 0; slot < channel_.geometry().reply_slots; ++slot) {
    if (!channel_.KeptReply(slot).empty()) {
      return false;
    }
  }
  return true;
}

// Whether nothing is under way. What runs on the device is waited for; what waits for the application itself
// needs its next frames.
bool Session::AtRest() {
  builds_.Drain();
  WaitIdle();
  return graph_.outstanding() == 0 && RepliesFetched();
}

void Session::WaitIdle() {
  while (graph_.Busy()) {
    const uint32_t seen = doorbell_.load(std::memory_order_acquire);
    graph_.Pump();
    graph_.CheckFailed();
    constexpr int64_t kPollNs = 1'000'000;
    os::FutexWait(doorbell_, seen, kPollNs);
  }
}

Status Session::Run() {
  channel_.PublishExecutorState(wire::kExecutorReady);
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (suspending_.load(std::memory_order_relaxed) && AtRest()) {
      suspended_ = true;
      return {};
    }
    Result<bool> worked = Step();
    if (!worked.ok()) {
      channel_.PublishExecutorState(wire::kExecutorEnded);
      return worked.status();
    }
    if (graph_.Deadline().value <= clock_.Now().value) {
      graph_.OnDeadline();
    }
    if (!*worked) {
      Sleep();
    }
  }
  channel_.PublishExecutorState(wire::kExecutorEnded);
  return {};
}

// Sleeps until a frame comes, the doorbell rings, a lease word changes or a deadline passes.
void Session::Sleep() {
  os::FutexCondition words[8];
  unsigned count = 0;
  words[count++] = {&channel_.consumer_word(), wire::kConsumerSleeping};
  words[count++] = {&doorbell_, doorbell_.load(std::memory_order_seq_cst)};
  const share::Lease* last = nullptr;
  for (const Vxpu& vxpu : runtime_.vxpus) {
    if (vxpu.access.lease == last) {
      continue;
    }
    last = vxpu.access.lease;
    for (const std::atomic<uint32_t>* word : last->WakeWords()) {
      if (count < std::size(words)) {
        words[count++] = {word, word->load(std::memory_order_seq_cst)};
      }
    }
  }
  // What happened before the words were read must not be slept over.
  graph_.Pump();
  graph_.Harvest();
  if (stopped_.load(std::memory_order_seq_cst) || (suspending_.load(std::memory_order_seq_cst) && AtRest())) {
    return;
  }
  const int64_t deadline = graph_.Deadline().value;
  int64_t timeout = -1;
  if (deadline != INT64_MAX) {
    timeout = std::max<int64_t>(0, deadline - clock_.Now().value);
  }
  if (graph_.Busy()) {
    timeout = timeout < 0 ? kFailureCheckNs : std::min(timeout, kFailureCheckNs);
  }
  asleep_.store(true, std::memory_order_seq_cst);
  if (channel_.PrepareSleep()) {
    const bool woken = os::FutexWaitAny(words, count, timeout);
    channel_.EndSleep();
    if (!woken && graph_.Busy()) {
      graph_.CheckFailed();
    }
  }
  asleep_.store(false, std::memory_order_seq_cst);
}

}  // namespace flexai::executor::opencl
