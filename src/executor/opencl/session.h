// One session: the engine that decodes an application's frames and keeps its device busy until the
// application or the keeper ends it.
//
// Thread safety: everything from one thread, apart from Stop.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/status.h"
#include "executor/graph/graph.h"
#include "executor/opencl/build_worker.h"
#include "executor/opencl/handler.h"
#include "executor/opencl/native_command.h"
#include "executor/opencl/recorder.h"
#include "executor/opencl/runtime.h"
#include "os/memory.h"
#include "os/monotonic_clock.h"
#include "wire/server_channel.h"

namespace flexai::executor::opencl {

// What a session is made of. Mappings go with the session; leases must outlive it.
struct SessionParts {
  device::opencl::Platform platform;
  uint64_t session = 0;
  wire::Geometry geometry;
  os::Mapping channel;
  os::Mapping arena;
  bool arena_at_base = false;
  struct VxpuPart {
    uint64_t id = 0;
    cl_device_id device = nullptr;
    Bytes quota;
    LaneLease access;
  };
  std::vector<VxpuPart> vxpus;
};

class Session final : private StatusSink {
 public:
  explicit Session(SessionParts parts);
  ~Session() override;

  // Makes the objects of a session that was suspended elsewhere; before Run. The channel and the arena must
  // be that session's.
  Status Restore(const SessionImage& image);

  // Serves the application until Stop or Suspend is called or it breaks the protocol, which is the status
  // then.
  Status Run();
  // Makes Run return soon. From any thread.
  void Stop();
  // Makes Run return once the session is at rest; suspended() then holds. From any thread.
  void Suspend();
  bool suspended() const { return suspended_; }
  // The session as it was suspended.
  Result<SessionImage> Capture() const;

  // Decodes what is there and does what is due, without waiting. For tests. False if there was nothing to
  // decode.
  Result<bool> Step();
  // Waits until everything that was decoded has ended, user events apart. For tests.
  void WaitIdle();
  ObjectTable& objects() { return handler_->objects(); }
  std::span<std::byte> arena() const { return runtime_.arena; }

 private:
  void PublishEvent(uint32_t slot, int32_t status, const wire::CommandTimes& times) override;
  void PublishQueue(uint32_t slot, uint64_t done_sequence, int32_t error) override;

  Result<bool> DecodeSome(int most);
  Status Handle(const wire::Frame& frame);
  bool AtRest();
  bool RepliesFetched() const;
  void Sleep();
  void Wake();

  SessionParts parts_;
  os::MonotonicClock clock_;
  wire::ServerChannel channel_;
  Runtime runtime_;
  NativeLayer layer_;
  Graph graph_;
  BuildWorker builds_;
  std::unique_ptr<Handler> handler_;
  Recorder recorder_;

  std::atomic<uint32_t> doorbell_{0};  // futex word: bumped when the engine has something to do
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> suspending_{false};
  bool suspended_ = false;
};

}  // namespace flexai::executor::opencl
