// A session for tests: a real driver, no shim and no keeper. The session runs on a thread of its own; the
// test speaks to it through the client's end of the channel.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "api/opencl/calls.h"
#include "executor/opencl/session.h"
#include "os/process.h"
#include "share/standalone_lease.h"
#include "wire/client_channel.h"

namespace flexai::executor::opencl {

namespace api = flexai::opencl;

// The first platform of the machine, loaded once; its kernel cache lies in a folder of the test's own.
const device::opencl::Platform& TestPlatform();

class SessionBed {
 public:
  struct Options {
    Bytes quota{256u << 20};
    uint32_t vxpus = 1;
    uint64_t arena_bytes = 64u << 20;
    bool running = true;  // else the test calls session().Step() itself
    bool fake_driver = false;
  };

  explicit SessionBed(const Options& options);
  SessionBed() : SessionBed(Options()) {}
  ~SessionBed();

  // Sends a call and waits for its status; `reply` (may be null) gets the reply's bytes.
  template <typename Message>
  int32_t Call(const Message& message, std::vector<std::byte>* reply = nullptr) {
    const uint32_t slot = client_->TakeReplySlot();
    if (!client_->CallInSlot(message, slot)) {
      return kLost;
    }
    const wire::ReplySlot& answer = client_->reply(slot);
    const int32_t status = answer.status;
    if (reply != nullptr) {
      reply->assign(reinterpret_cast<const std::byte*>(answer.bytes),
                    reinterpret_cast<const std::byte*>(answer.bytes) + answer.length);
    }
    client_->GiveReplySlot(slot);
    return status;
  }
  // As Call, and decodes the reply; `*bytes` keeps what its spans point to.
  template <typename Message, typename Reply>
  int32_t CallFor(const Message& message, Reply* reply, std::vector<std::byte>* bytes) {
    const int32_t status = Call(message, bytes);
    wire::Decoder decoder(*bytes);
    EXPECT_TRUE(reply->Decode(decoder));
    return status;
  }
  template <typename Message>
  uint64_t Send(const Message& message) {
    uint64_t sequence = 0;
    EXPECT_TRUE(client_->Send(message, &sequence));
    return sequence;
  }

  uint64_t NewId() { return next_id_++; }
  // A status slot that reads CL_QUEUED.
  uint32_t NewSlot();
  // Sleeps until the slot holds a final status; it is the result.
  int32_t WaitFor(uint32_t slot);
  // Sleeps until the slot's status is at most `status`.
  int32_t WaitFor(uint32_t slot, int32_t status);
  void WaitForQueue(uint32_t slot, uint64_t sequence);
  wire::StatusSlot& slot(uint32_t index) { return client_->status(index); }

  // What most tests begin with. Ids of 0 mean that it failed (and the test with it).
  uint64_t MakeContext();
  uint64_t MakeQueue(uint64_t context, uint32_t slot, uint64_t properties = 0);
  // With storage in the arena unless `in_arena` is false.
  uint64_t MakeBuffer(uint64_t context, uint64_t bytes, wire::Region* storage = nullptr);
  uint64_t MakeProgram(uint64_t context, const std::string& source, int32_t expect = CL_SUCCESS);
  uint64_t MakeKernel(uint64_t program, const std::string& name);
  void SetBuffer(uint64_t kernel, uint32_t index, uint64_t buffer);
  template <typename T>
  void SetValue(uint64_t kernel, uint32_t index, T value) {
    api::SetKernelArg call{};
    call.kernel = kernel;
    call.index = index;
    call.size = sizeof value;
    call.value = std::as_bytes(std::span(&value, 1));
    Send(call);
  }
  // A launch of `items` work items with an event slot; `slot` may be null.
  uint64_t Launch(uint64_t queue, uint64_t kernel, uint64_t items, uint64_t event = 0,
                  uint32_t slot = wire::kNoSlot, std::vector<uint64_t> waits = {});

  // A range of the arena that nobody else uses.
  wire::Region Range(uint64_t bytes);
  template <typename T>
  T* At(const wire::Region& region) {
    return reinterpret_cast<T*>(client_arena_.data() + region.offset);
  }

  Session& session() { return *session_; }
  share::StandaloneLease& lease() { return *lease_; }
  std::span<std::byte> channel_memory() { return client_memory_.span(); }
  wire::ClientChannel& client() { return *client_; }
  const wire::Geometry& geometry() const { return geometry_; }
  // The status that ended Run, once it has.
  Status Ended();
  // Suspends the session and goes on in a second one that was made from what the first one wrote.
  void Move();

  static constexpr int32_t kLost = -9999;
  static constexpr uint64_t kDevice = 0x100;

 private:
  void Start();

  const Options options_;
  wire::Geometry geometry_;
  os::UniqueFd channel_fd_, arena_fd_;
  os::Mapping client_memory_, client_arena_;
  os::UniqueFd self_;
  std::unique_ptr<share::StandaloneLease> lease_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<wire::ClientChannel> client_;
  std::thread thread_;
  Status ended_;
  uint64_t next_id_ = 0x10000;
  uint32_t next_slot_ = 0;
  uint64_t next_range_ = 0;
};

}  // namespace flexai::executor::opencl
