#include "shim/opencl/scripted_executor.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstring>

#include "api/opencl/dispatch.h"
#include "api/opencl/session_info_writer.h"
#include "os/futex.h"

namespace flexai::shim {

namespace {

constexpr uint64_t kArenaBytes = 64 << 20;
constexpr uint64_t kSession = 9;

template <class T>
void Put(opencl::InfoWriter* writer, uint32_t parameter, const T& value) {
  writer->Value(parameter, std::as_bytes(std::span(&value, 1)));
}

void PutText(opencl::InfoWriter* writer, uint32_t parameter, const char* text) {
  writer->Value(parameter, std::as_bytes(std::span(text, std::strlen(text) + 1)));
}

void DescribeDevice(bool unified, uint64_t id, const ScriptedDevice& shape, opencl::InfoWriter* out) {
  opencl::InfoWriter& writer = *out;
  writer.U64(id);
  writer.U32(unified ? opencl::kDeviceUnifiedMemory | opencl::kDeviceSvm : 0);
  writer.U32(0);
  writer.BeginTable();
  Put(&writer, CL_DEVICE_TYPE, shape.type);
  PutText(&writer, CL_DEVICE_NAME, shape.name);
  PutText(&writer, CL_DEVICE_EXTENSIONS, shape.extensions);
  Put(&writer, CL_DEVICE_MAX_MEM_ALLOC_SIZE, cl_ulong{kArenaBytes / 2});
  Put(&writer, CL_DEVICE_MAX_WORK_GROUP_SIZE, size_t{64});
  Put(&writer, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, cl_uint{3});
  const size_t sizes[3] = {64, 64, 64};
  writer.Value(CL_DEVICE_MAX_WORK_ITEM_SIZES, std::as_bytes(std::span(sizes)));
  Put(&writer, CL_DEVICE_MEM_BASE_ADDR_ALIGN, cl_uint{1024});
  Put(&writer, CL_DEVICE_IMAGE_SUPPORT, cl_bool{CL_TRUE});
  Put(&writer, CL_DEVICE_SVM_CAPABILITIES, cl_device_svm_capabilities{CL_DEVICE_SVM_COARSE_GRAIN_BUFFER});
  writer.EndTable();
}

std::vector<std::byte> DescribeSession(bool unified, const std::vector<ScriptedDevice>& devices) {
  opencl::InfoWriter writer;
  writer.BeginTable();
  PutText(&writer, CL_PLATFORM_NAME, "Scripted");
  writer.EndTable();
  writer.U32(static_cast<uint32_t>(devices.size()));
  writer.U32(0);
  for (size_t i = 0; i < devices.size(); ++i) {
    DescribeDevice(unified, 0x100 + i, devices[i], &writer);
    if (devices[i].broken) {
      std::vector<std::byte> description = writer.Take();
      description.resize(description.size() - 8);
      return description;
    }
  }
  return writer.Take();
}

// __kernel void k(global float* a, float b, local float* c, <unknown> d)
std::vector<std::byte> DescribeKernel() {
  opencl::InfoWriter writer;
  writer.U32(4);
  writer.U32(0);
  const auto argument = [&](bool present, uint32_t address, const char* type) {
    writer.U32(present ? 1 : 0);
    writer.U32(address);
    writer.U32(CL_KERNEL_ARG_ACCESS_NONE);
    writer.U32(0);
    writer.U64(0);
    writer.String(type);
    writer.String("x");
  };
  argument(true, CL_KERNEL_ARG_ADDRESS_GLOBAL, "float*");
  argument(true, CL_KERNEL_ARG_ADDRESS_PRIVATE, "float");
  argument(true, CL_KERNEL_ARG_ADDRESS_LOCAL, "float*");
  argument(false, 0, "");
  writer.String("");
  writer.U32(1);
  writer.U32(0);
  writer.U64(0x100);
  writer.BeginTable();
  Put(&writer, CL_KERNEL_WORK_GROUP_SIZE, size_t{32});
  writer.EndTable();
  return writer.Take();
}

template <class Reply>
std::vector<std::byte> Encoded(const Reply& reply) {
  std::vector<std::byte> bytes(reply.EncodedBytes());
  wire::Encoder encoder(bytes.data());
  reply.Encode(encoder);
  return bytes;
}

template <class Message>
void NoteTransfer(const Message& message, ScriptedExecutor::Command* command) {
  if constexpr (requires { message.destination.length; }) {
    command->region = message.destination;
  }
  if constexpr (requires { message.data.region; }) {
    command->region = message.data.region;
  }
  if constexpr (requires { message.offset + message.size; }) {
    command->offset = message.offset;
    command->size = message.size;
  }
}

}  // namespace

struct ScriptedExecutor::Handler {
  ScriptedExecutor& self;

  template <class Message>
  void On(const wire::FrameHeader& header, const Message& message) {
    if constexpr (Message::kEnqueue) {
      Command command{Message::kCall,
                      header.sequence,
                      message.queue,
                      message.event,
                      message.event_slot,
                      message.waits.size(),
                      {},
                      0,
                      0};
      NoteTransfer(message, &command);
      bool host_access = false;
      if constexpr (std::is_same_v<Message, opencl::EnqueueReadBuffer>) {
        host_access = message.destination.length == 0;
      } else if constexpr (std::is_same_v<Message, opencl::EnqueueWriteBuffer>) {
        host_access = message.host_access != 0;
      }
      self.EnqueueCommand(command, host_access);
    } else {
      Answer(header, Special(message));
    }
  }

  void Answer(const wire::FrameHeader& header, const std::vector<std::byte>& reply) {
    const auto failure = self.failures_.find(static_cast<opencl::Call>(header.call));
    if (failure != self.failures_.end()) {
      self.channel_->Reply(header, failure->second);
    } else {
      self.channel_->Reply(header, CL_SUCCESS, reply);
    }
  }

  template <class Message>
  std::vector<std::byte> Special(const Message&) {
    return {};
  }
  std::vector<std::byte> Special(const opencl::OpenSession&) {
    const std::vector<std::byte> description = DescribeSession(self.unified_, self.devices_);
    return Encoded(opencl::OpenSessionReply{description});
  }
  std::vector<std::byte> Special(const opencl::CreateKernel&) {
    const std::vector<std::byte> description = DescribeKernel();
    return Encoded(opencl::CreateKernelReply{description});
  }
  std::vector<std::byte> Special(const opencl::CreateQueue& call) {
    self.queue_slots_[call.queue] = call.slot;
    return {};
  }
  std::vector<std::byte> Special(const opencl::CreateUserEvent& call) {
    self.event_slots_[call.event] = call.slot;
    return {};
  }
  std::vector<std::byte> Special(const opencl::SetUserEventStatus& call) {
    self.channel_->PublishEvent(self.event_slots_[call.event], call.status);
    return {};
  }
  std::vector<std::byte> Special(const opencl::BuildProgram& call) {
    self.channel_->PublishEvent(call.slot, CL_COMPLETE);
    return {};
  }
  std::vector<std::byte> Special(const opencl::CompileProgram& call) {
    self.channel_->PublishEvent(call.slot, CL_COMPLETE);
    return {};
  }
  std::vector<std::byte> Special(const opencl::LinkProgram& call) {
    self.channel_->PublishEvent(call.slot, CL_COMPLETE);
    return {};
  }
  std::vector<std::byte> Special(const opencl::Release& call) {
    self.channel_->PublishEvent(call.slot, CL_COMPLETE);
    return {};
  }
  std::vector<std::byte> Special(const opencl::HostAccessDone& call) {
    const auto access = self.host_accesses_.find(call.event);
    if (access != self.host_accesses_.end()) {
      self.End(access->second, CL_COMPLETE);
      self.host_accesses_.erase(access);
    }
    return {};
  }
};

ScriptedExecutor::ScriptedExecutor(bool unified, std::vector<ScriptedDevice> devices)
    : unified_(unified), devices_(std::move(devices)) {
  geometry_.ring_bytes = 1 << 18;
  geometry_.reply_slots = 8;
  geometry_.status_slots = 4096;
  geometry_.arena_bytes = kArenaBytes;
  channel_fd_ = os::CreateSealedMemfd("test-channel", geometry_.channel_bytes()).value();
  arena_fd_ = os::CreateSealedMemfd("test-arena", kArenaBytes).value();
  channel_memory_ =
      os::Mapping::Map(channel_fd_, geometry_.channel_bytes(), os::Mapping::Access::kReadWrite).value();
  arena_ = os::Mapping::Map(arena_fd_, kArenaBytes, os::Mapping::Access::kReadWrite).value();
  wire::ServerChannel::Initialize(channel_memory_.span(), geometry_, kSession);
  channel_ = std::make_unique<wire::ServerChannel>(channel_memory_.span(), geometry_, kSession);
  os::SpawnOptions sleeper;
  sleeper.program = "/bin/sleep";
  sleeper.arguments = {"3600"};
  sleeper.die_with_parent = true;
  peer_ = os::Spawn(sleeper).value();
  thread_ = std::thread([this] { Run(); });
}

ScriptedExecutor::~ScriptedExecutor() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  channel_->consumer_word().store(wire::kConsumerRunning);
  os::FutexWake(channel_->consumer_word());
  thread_.join();
  Die();
  // A session lives as long as its process, and its threads look at the memory.
  static auto& kept = *new std::vector<std::pair<os::Mapping, Session*>>();
  kept.emplace_back(std::move(channel_memory_), session_);
  kept.emplace_back(std::move(arena_), nullptr);
}

Session* ScriptedExecutor::Attach() {
  Attachment attachment;
  attachment.session = kSession;
  attachment.geometry = geometry_;
  attachment.channel = channel_memory_.data();
  attachment.arena = arena_.data();
  attachment.arena_at_base = true;
  attachment.executor = peer_.pidfd.get();
  session_ = Session::Open(attachment, New<Platform>());
  return session_;
}

wire::AttachReply ScriptedExecutor::Offer() const {
  wire::AttachReply reply{};
  reply.magic = wire::kAttachMagic;
  reply.major = wire::kProtocolMajor;
  reply.minor = wire::kProtocolMinor;
  reply.session_count = 1;
  reply.session = kSession;
  reply.arena_bytes = geometry_.arena_bytes;
  reply.ring_bytes = geometry_.ring_bytes;
  reply.reply_slots = geometry_.reply_slots;
  reply.status_slots = geometry_.status_slots;
  reply.vxpu_count = static_cast<uint32_t>(devices_.size());
  return reply;
}

void ScriptedExecutor::Run() {
  Handler handler{*this};
  for (;;) {
    wire::Frame frame;
    const Result<bool> next = channel_->Next(&frame);
    ASSERT_TRUE(next.ok()) << next.status().message();
    if (next.value()) {
      const std::lock_guard lock(mutex_);
      ++counts_[static_cast<opencl::Call>(frame.header.call)];
      ++frames_;
      ASSERT_TRUE(opencl::Dispatch(handler, frame.header, frame.body));
      seen_sequence_ = frame.header.sequence;
      channel_->Consumed();
      progress_.notify_all();
      continue;
    }
    channel_->Consumed();
    {
      const std::lock_guard lock(mutex_);
      if (stop_) {
        return;
      }
    }
    if (channel_->PrepareSleep()) {
      os::FutexWait(channel_->consumer_word(), wire::kConsumerSleeping, 10'000'000);
      channel_->EndSleep();
    }
  }
}

void ScriptedExecutor::EnqueueCommand(Command command, bool host_access) {
  commands_.push_back(command);
  if (host_access) {
    host_accesses_[command.event] = command;
    channel_->PublishEvent(command.slot, CL_RUNNING);
  } else if (held_) {
    pending_.push_back(command);
  } else {
    End(command, CL_COMPLETE);
  }
}

void ScriptedExecutor::End(const Command& command, int32_t status) {
  channel_->PublishEvent(command.slot, status, {1, 2, 3, 4});
  channel_->PublishQueue(queue_slots_[command.queue], command.sequence,
                         command.event == 0 && status < 0 ? status : 0);
}

void ScriptedExecutor::FailCalls(opencl::Call call, int32_t status) {
  const std::lock_guard lock(mutex_);
  failures_[call] = status;
}

void ScriptedExecutor::HoldCommands(bool held) {
  const std::lock_guard lock(mutex_);
  held_ = held;
}

size_t ScriptedExecutor::Held() {
  Settle();
  const std::lock_guard lock(mutex_);
  return pending_.size();
}

void ScriptedExecutor::EndNext(int32_t status, std::function<void(const Command&)> before) {
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return !pending_.empty(); });
  const Command command = pending_.front();
  pending_.erase(pending_.begin());
  if (before) {
    before(command);
  }
  End(command, status);
}

void ScriptedExecutor::Die() {
  if (peer_.pid > 0) {
    (void)os::SignalProcess(peer_.pidfd, SIGKILL);
    (void)os::Reap(peer_);
    peer_.pid = -1;
  }
}

// Until everything that the shim has sent was handled.
void ScriptedExecutor::Settle() {
  const uint64_t sent = session_->channel().last_sequence();
  std::unique_lock lock(mutex_);
  progress_.wait(lock, [&] { return seen_sequence_ >= sent; });
}

size_t ScriptedExecutor::Count(opencl::Call call) {
  Settle();
  const std::lock_guard lock(mutex_);
  return counts_[call];
}

size_t ScriptedExecutor::Frames() {
  Settle();
  const std::lock_guard lock(mutex_);
  return frames_;
}

std::vector<ScriptedExecutor::Command> ScriptedExecutor::Commands() {
  Settle();
  const std::lock_guard lock(mutex_);
  return commands_;
}

}  // namespace flexai::shim
