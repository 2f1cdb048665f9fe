// One session: the connection of this process to one executor, for its vXPUs of one device. The sessions on
// devices of one vendor's platform are one platform to the application.
//
// A session is made at attach and lives as long as the process, since the application's handles point at it.
// It is lost when the executor ended or the process is a forked child of the one that attached: then every
// call returns CL_OUT_OF_RESOURCES, releases succeed, and nothing touches the shared memory any more.
//
// Thread safety: every method may be called from any thread. Lock order: queue, memory object, session lists.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "api/opencl/calls.h"
#include "api/opencl/session_info.h"
#include "os/guest.h"
#include "shim/opencl/arena.h"
#include "shim/opencl/deferred.h"
#include "shim/opencl/host_memory.h"
#include "shim/opencl/live_handles.h"
#include "shim/opencl/notifier.h"
#include "shim/opencl/object.h"
#include "shim/opencl/status_slots.h"
#include "shim/opencl/svm_ranges.h"
#include "wire/client_channel.h"

struct _cl_platform_id final : flexai::shim::Object {
  static constexpr flexai::shim::Kind kKind = flexai::shim::Kind::kPlatform;
  _cl_platform_id() : Object(kKind, nullptr, 1) {}

  // As the first of its sessions in this process says, which is `session`.
  flexai::opencl::InfoTable values;
};

namespace flexai::shim {

using Platform = _cl_platform_id;
using Device = _cl_device_id;

// The bytes of a reply, decoded as `Message`: spans in `message` point into `bytes`.
template <class Message>
struct Reply {
  Array<std::byte> bytes;
  Message message;
};

// What flexaid gave at attach. Descriptors and mappings belong to the session from then on.
struct Attachment {
  uint64_t session = 0;
  wire::Geometry geometry;
  std::byte* channel = nullptr;
  std::byte* arena = nullptr;
  os::SharedFile arena_file;   // the arena's memfd, if it could be kept
  bool arena_at_base = false;  // the executor's pointers into the arena are ours
  int executor = -1;           // pidfd
  unsigned platform = 0;       // the least index of a session on the same platform of the vendor
  uint32_t vxpu_mask = 1;      // bit i: entry i of FLEXAI_VXPUS is of this session
};

class Session {
 public:
  // Opens the session: fetches its description and makes its devices, as ones of `platform`. Null if the
  // executor ended or sent nonsense; the attachment is then still the caller's. `index`: of the session, as
  // flexaid counts them. `parent` (may be null) is the session of that index in the process that this one was
  // forked from: its devices are taken over, because loaders and applications keep such handles across a
  // fork.
  static Session* Open(const Attachment& attachment, Platform* platform, unsigned index = 0,
                       Session* parent = nullptr);

  unsigned index() const { return index_; }
  Platform* platform() const { return platform_; }
  std::span<Device* const> devices() const { return devices_.span(); }
  // The device that entry `position` of FLEXAI_VXPUS stands for; null if it is not of this session.
  Device* DeviceAt(unsigned position) const;
  // The root device of that id; null if there is none.
  Device* FindDevice(uint64_t id) const;

  bool lost() const { return forked_.load(std::memory_order_relaxed) || channel_.lost(); }
  // Whether the shared memory is still mapped here.
  bool forked() const { return forked_.load(std::memory_order_relaxed); }
  void BecomeForkedChild();

  // The first of `count` new names in a row.
  uint64_t NewId(uint64_t count = 1) { return next_id_.fetch_add(count, std::memory_order_relaxed); }

  // Sends a call that needs no answer. CL_SUCCESS or CL_OUT_OF_RESOURCES. `sequence` (may be null) gets the
  // number of its frame.
  template <class Message>
  cl_int Send(const Message& message, uint64_t* sequence = nullptr) {
    if (lost() || !channel_.Send(message, sequence)) {
      return CL_OUT_OF_RESOURCES;
    }
    if (sync_) {
      Ping();
    }
    return CL_SUCCESS;
  }

  // Sends a call and waits for its status: the API's own code, CL_OUT_OF_RESOURCES if the session is lost.
  template <class Message>
  cl_int Call(const Message& message) {
    return CallFor(message, nullptr);
  }
  // As Call, and keeps what the executor answered. A malformed answer is CL_OUT_OF_RESOURCES.
  template <class Message, class Answer>
  cl_int Call(const Message& message, Reply<Answer>* reply) {
    const cl_int status = CallFor(message, &reply->bytes);
    if (reply->bytes.empty()) {
      return status;
    }
    wire::Decoder decoder({reply->bytes.data(), reply->bytes.size()});
    if (!reply->message.Decode(decoder)) {
      reply->message = Answer{};
      return status == CL_SUCCESS ? CL_OUT_OF_RESOURCES : status;
    }
    return status;
  }

  // Waits until everything sent so far was decoded.
  void Ping();

  // Waits until the status of `slot` is at most `status` (CL_RUNNING, CL_COMPLETE) or an error, which it
  // returns; CL_OUT_OF_RESOURCES if the session was lost first.
  cl_int WaitStatus(uint32_t slot, cl_int status);
  // Waits until the queue of `slot` has done every command up to `sequence`; false if the session was lost.
  bool WaitSequence(uint32_t slot, uint64_t sequence);

  // Lets go of an object in the executor. `slot`: see Release in opencl.api.
  uint64_t SendRelease(uint64_t object, uint32_t slot = wire::kNoSlot);

  // A blob for a frame: small ones inline, others copied to the arena. `*staging` holds the arena range,
  // which the caller frees when the executor has read it.
  bool MakePayload(const void* data, size_t bytes, wire::Payload* payload, ArenaRange* staging);
  // Copies into the arena. `fresh`: the target has no pages yet, which is best left to the kernel.
  void CopyIn(uint64_t offset, const void* data, size_t bytes, bool fresh);
  // Frees `staging` once the frame `sequence` has been decoded, or at once if there is no session any more.
  void FreeWhenDecoded(ArenaRange* staging, uint64_t sequence);

  wire::StatusSlot& status(uint32_t slot) const { return channel_.status(slot); }
  wire::ClientChannel& channel() { return channel_; }
  Arena& arena() { return arena_; }
  StatusSlots& slots() { return slots_; }
  DeferredWork& deferred() { return deferred_; }
  Notifier& notifier() { return notifier_; }
  SvmRanges& svm() { return svm_; }
  LiveHandles& live_handles() { return live_handles_; }
  bool arena_at_base() const { return arena_at_base_; }

 private:
  Session(const Attachment& attachment, Platform* platform, unsigned index);
  bool ReadDescription(Session* parent);

  template <class Message>
  cl_int CallFor(const Message& message, Array<std::byte>* bytes) {
    if (lost()) {
      return CL_OUT_OF_RESOURCES;
    }
    const uint32_t slot = channel_.TakeReplySlot();
    cl_int status = CL_OUT_OF_RESOURCES;
    if (channel_.CallInSlot(message, slot)) {
      status = TakeReply(slot, bytes);
      channel_.GiveReplySlot(slot);
    }
    return status;
  }
  cl_int TakeReply(uint32_t slot, Array<std::byte>* bytes);
  cl_int FetchOversized(uint32_t slot, uint32_t length, Array<std::byte>* bytes);

  wire::ClientChannel channel_;
  const Attachment attachment_;
  const unsigned index_;
  std::atomic<bool> forked_{false};
  std::atomic<uint64_t> next_id_{0x10000};
  const bool arena_at_base_;
  bool sync_ = false;  // FLEXAI_SYNC
  Platform* const platform_;
  Array<std::byte> description_;
  Array<Device*> devices_;
  Arena arena_;
  StatusSlots slots_;
  DeferredWork deferred_;
  Notifier notifier_;
  SvmRanges svm_;
  LiveHandles live_handles_;
};

// What a call does first with a valid handle's session.
inline bool IsLost(const Object* object) { return object->session->lost(); }

}  // namespace flexai::shim
