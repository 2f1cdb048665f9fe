#include "shim/opencl/session.h"

#include <bit>
#include <cstdlib>

#include "os/guest.h"
#include "shim/opencl/device.h"
#include "shim/opencl/objects.h"

namespace flexai::shim {

using flexai::opencl::InfoCursor;
using flexai::opencl::SessionInfo;

Session::Session(const Attachment& attachment, Platform* platform, unsigned index)
    : channel_(attachment.channel, attachment.geometry, attachment.session, attachment.executor),
      attachment_(attachment),
      index_(index),
      arena_at_base_(attachment.arena_at_base),
      platform_(platform) {
  const char* sync = std::getenv("FLEXAI_SYNC");
  sync_ = sync != nullptr && sync[0] == '1';
  deferred_.Init(this);
  notifier_.Init(this);
}

Session* Session::Open(const Attachment& attachment, Platform* platform, unsigned index, Session* parent) {
  void* memory = platform != nullptr ? std::calloc(1, sizeof(Session)) : nullptr;
  if (memory == nullptr) {
    return nullptr;
  }
  auto* session = ::new (memory) Session(attachment, platform, index);
  if (session->arena_.Init(attachment.arena, attachment.geometry.arena_bytes, true) &&
      session->slots_.Init(&session->channel_.status(0), attachment.geometry.status_slots,
                           &session->channel_.header().decoded_sequence) &&
      session->ReadDescription(parent)) {
    return session;
  }
  Delete(session);
  return nullptr;
}

bool Session::ReadDescription(Session* parent) {
  Reply<opencl::OpenSessionReply> reply;
  if (Call(opencl::OpenSession{}, &reply) != CL_SUCCESS) {
    return false;
  }
  description_ = std::move(reply.bytes);
  const std::span<const std::byte> bytes = reply.message.description;
  SessionInfo info(bytes.data(), bytes.size());
  SessionInfo checked = info;
  if (info.device_count() != static_cast<uint32_t>(std::popcount(attachment_.vxpu_mask))) {
    return false;
  }
  for (uint32_t i = 0; i < info.device_count(); ++i) {
    const opencl::DeviceInfo entry = info.NextDevice();
    Device* known = parent != nullptr ? parent->FindDevice(entry.id) : nullptr;
    Device* device = known != nullptr ? known : New<Device>(this, entry.id);
    if (device == nullptr || !devices_.Push(device)) {
      return false;
    }
  }
  if (!info.ok()) {
    return false;
  }
  // Only now, so that a session that is not opened leaves the parent's handles as they were.
  for (Device* device : devices_) {
    DescribeRootDevice(this, checked.NextDevice(), device);
  }
  if (platform_->session == nullptr || platform_->session->forked()) {
    platform_->session = this;
    platform_->values = info.platform();
  }
  return true;
}

Device* Session::DeviceAt(unsigned position) const {
  const uint32_t bit = uint32_t{1} << position;
  const uint32_t before = attachment_.vxpu_mask & (bit - 1);
  return (attachment_.vxpu_mask & bit) != 0 ? devices_[static_cast<size_t>(std::popcount(before))] : nullptr;
}

Device* Session::FindDevice(uint64_t id) const {
  for (Device* device : devices_) {
    if (device->id == id) {
      return device;
    }
  }
  return nullptr;
}

// The parent's threads may have held any lock at the time of the fork, so nothing of theirs is touched: the
// child leaks the parent's objects. Zeros cover the channel, where a stray look at a status finds
// CL_COMPLETE.
void Session::BecomeForkedChild() {
  forked_.store(true, std::memory_order_relaxed);
  channel_.MarkLost();
  os::CoverWithZeros(attachment_.channel, attachment_.geometry.channel_bytes());
  os::CloseFd(attachment_.executor);
  attachment_.arena_file.Close();
}

void Session::Ping() { Call(opencl::Ping{}); }

cl_int Session::TakeReply(uint32_t slot, Array<std::byte>* bytes) {
  const wire::ReplySlot& answer = channel_.reply(slot);
  const cl_int status = answer.status;
  const uint32_t length = answer.length;
  if (bytes == nullptr || length == 0) {
    return status;
  }
  if ((answer.flags & wire::kReplyOversized) != 0) {
    const cl_int fetched = FetchOversized(slot, length, bytes);
    return fetched == CL_SUCCESS ? status : fetched;
  }
  if (length > sizeof(answer.bytes) ||
      !bytes->Assign(reinterpret_cast<const std::byte*>(answer.bytes), length)) {
    return CL_OUT_OF_RESOURCES;
  }
  return status;
}

cl_int Session::FetchOversized(uint32_t slot, uint32_t length, Array<std::byte>* bytes) {
  ArenaRange range = arena_.Allocate(length);
  if (!range) {
    return CL_OUT_OF_RESOURCES;
  }
  opencl::FetchReply fetch;
  fetch.slot = slot;
  fetch.destination = {range.offset, range.length};
  cl_int status = Call(fetch);
  if (status == CL_SUCCESS && !bytes->Assign(arena_.At(range.offset), length)) {
    status = CL_OUT_OF_HOST_MEMORY;
  }
  arena_.Free(&range);
  return status;
}

cl_int Session::WaitStatus(uint32_t slot, cl_int status) {
  const std::atomic<int32_t>& word = channel_.status(slot).status;
  if (lost() || !channel_.WaitStatus(slot, [&] { return word.load(std::memory_order_seq_cst) > status; })) {
    return CL_OUT_OF_RESOURCES;
  }
  return word.load(std::memory_order_acquire);
}

bool Session::WaitSequence(uint32_t slot, uint64_t sequence) {
  wire::StatusSlot& state = channel_.status(slot);
  // Several threads may wait for different commands: `wait_for` is the least of what they wait for.
  const auto pending = [&] {
    const uint64_t done = state.sequence.load(std::memory_order_seq_cst);
    if (done >= sequence) {
      return false;
    }
    uint64_t asked = state.wait_for.load(std::memory_order_seq_cst);
    while ((asked <= done || asked > sequence) && !state.wait_for.compare_exchange_weak(asked, sequence)) {
    }
    return state.sequence.load(std::memory_order_seq_cst) < sequence;
  };
  return !lost() && channel_.WaitStatus(slot, pending);
}

uint64_t Session::SendRelease(uint64_t object, uint32_t slot) {
  opencl::Release release;
  release.object = object;
  release.slot = slot;
  uint64_t sequence = 0;
  Send(release, &sequence);
  return sequence;
}

bool Session::MakePayload(const void* data, size_t bytes, wire::Payload* payload, ArenaRange* staging) {
  if (bytes <= wire::kInlinePayloadBytes) {
    payload->inline_bytes = {static_cast<const std::byte*>(data), bytes};
    return true;
  }
  *staging = arena_.Allocate(bytes);
  if (!*staging) {
    return false;
  }
  CopyIn(staging->offset, data, bytes, staging->fresh);
  payload->region = {staging->offset, bytes};
  return true;
}

void Session::CopyIn(uint64_t offset, const void* data, size_t bytes, bool fresh) {
  // A write makes pages without zeroing and mapping each by a fault of its own.
  constexpr size_t kWorthACall = 64 << 10;
  if (fresh && bytes >= kWorthACall && attachment_.arena_file.Write(data, bytes, offset)) {
    return;
  }
  std::memcpy(arena_.At(offset), data, bytes);
}

void Session::FreeWhenDecoded(ArenaRange* staging, uint64_t sequence) {
  if (!*staging) {
    return;
  }
  auto* transfer = New<Transfer>();
  if (transfer == nullptr || lost()) {
    Delete(transfer);
    *staging = {};  // lost with the session, or leaked where there is no memory for a note
    return;
  }
  transfer->sequence = sequence;
  transfer->staging = *staging;
  *staging = {};
  deferred_.Add(transfer);
}

}  // namespace flexai::shim
