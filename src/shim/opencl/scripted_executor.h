// The other end of a session's channel for tests of the shim: answers every call with success unless told
// otherwise, and ends commands when told to. It stands in for flexai-executor beside the wire, so that a test
// decides what happens between two calls; whether real devices agree is tested with the real executor.
//
// Thread safety: the methods may be called while the executor runs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "api/opencl/calls.h"
#include "os/memory.h"
#include "os/process.h"
#include "os/unique_fd.h"
#include "shim/opencl/session.h"
#include "wire/attach.h"
#include "wire/server_channel.h"

namespace flexai::shim {

struct ScriptedDevice {
  cl_device_type type = CL_DEVICE_TYPE_CPU;
  const char* name = "Scripted";
  const char* extensions = "";
  bool broken = false;  // the session's description breaks off in this device
};

class ScriptedExecutor {
 public:
  struct Command {
    opencl::Call call;
    uint64_t sequence = 0;
    uint64_t queue = 0;
    uint64_t event = 0;
    uint32_t slot = wire::kNoSlot;
    size_t waits = 0;
    wire::Region region;  // destination or payload of a transfer
    uint64_t offset = 0, size = 0;
  };

  // With `unified` the devices' buffers live in the arena.
  explicit ScriptedExecutor(bool unified = true, std::vector<ScriptedDevice> devices = {ScriptedDevice{}});
  ~ScriptedExecutor();

  // A session of the shim at this executor. Owned by the process, as in an application.
  Session* Attach();
  // What flexaid would answer to a shim that opens a session here, and its files.
  wire::AttachReply Offer() const;
  std::vector<int> OfferedFds() const { return {channel_fd_.get(), arena_fd_.get(), peer_.pidfd.get()}; }
  // The session that was attached by such an offer, in this process.
  void Follow(Session* session) { session_ = session; }
  std::byte* arena() { return arena_.data(); }

  // Calls of this kind fail with `status` from now on.
  void FailCalls(opencl::Call call, int32_t status);
  // While held, commands do not end by themselves.
  void HoldCommands(bool held);
  // Ends the oldest held command; `status` 0 or an error. `before` runs first (to fill a destination).
  void EndNext(int32_t status = 0, std::function<void(const Command&)> before = {});
  // How many commands are held. Waits for what was sent before the call.
  size_t Held();
  // Kills the process whose pidfd the shim watches.
  void Die();

  // How many frames of this kind came so far. Waits for what was sent before the call.
  size_t Count(opencl::Call call);
  size_t Frames();
  std::vector<Command> Commands();

 private:
  struct Handler;

  void Run();
  void EnqueueCommand(Command command, bool host_access);
  void End(const Command& command, int32_t status);
  void Settle();

  const bool unified_;
  const std::vector<ScriptedDevice> devices_;
  wire::Geometry geometry_;
  os::UniqueFd channel_fd_, arena_fd_;
  os::Mapping channel_memory_, arena_;
  std::unique_ptr<wire::ServerChannel> channel_;
  os::Process peer_;
  Session* session_ = nullptr;

  std::mutex mutex_;
  std::condition_variable progress_;
  bool held_ = false;
  bool stop_ = false;
  uint64_t seen_sequence_ = 0;
  size_t frames_ = 0;
  std::map<opencl::Call, size_t> counts_;
  std::map<opencl::Call, int32_t> failures_;
  std::map<uint64_t, uint32_t> queue_slots_;
  std::map<uint64_t, uint32_t> event_slots_;
  std::map<uint64_t, Command> host_accesses_;  // by event
  std::vector<Command> pending_, commands_;
  std::thread thread_;
};

}  // namespace flexai::shim
