#include "executor/opencl/session_bed.h"

#include "executor/opencl/fake_driver.h"
#include "os/memory.h"

// Drivers and their compilers keep memory until the process ends; the leak checker is to look at ours.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpocl\nleak:libLLVM\nleak:libclang\n"; }

namespace flexai::executor::opencl {
namespace {

constexpr uint64_t kSessionId = 42;
constexpr uint64_t kRangeAlignment = 4096;

os::Mapping Map(const os::UniqueFd& fd, uint64_t bytes, uint64_t at = 0) {
  Result<os::Mapping> mapping = os::Mapping::Map(fd, bytes, os::Mapping::Access::kReadWrite, at);
  EXPECT_TRUE(mapping.ok()) << mapping.status().message();
  return mapping.ok() ? *std::move(mapping) : os::Mapping();
}

}  // namespace

const device::opencl::Platform& TestPlatform() {
  static const device::opencl::Platform platform = [] {
    static char folder[] = "/tmp/flexai-executor-test-XXXXXX";
    EXPECT_NE(mkdtemp(folder), nullptr);
    setenv("POCL_CACHE_DIR", folder, 0);
    std::atexit([] { (void)std::system(("rm -rf " + std::string(folder)).c_str()); });
    Result<device::opencl::Platform> loaded = device::opencl::LoadPlatform(0);
    EXPECT_TRUE(loaded.ok()) << loaded.status().message();
    return *loaded;
  }();
  return platform;
}

SessionBed::SessionBed(const Options& options) : options_(options) {
  geometry_.status_slots = 1 << 12;
  geometry_.arena_bytes = options.arena_bytes;
  Result<os::UniqueFd> channel = os::CreateSealedMemfd("test-channel", geometry_.channel_bytes());
  Result<os::UniqueFd> arena = os::CreateSealedMemfd("test-arena", geometry_.arena_bytes);
  Result<os::UniqueFd> self = os::OpenPidfd(getpid());
  EXPECT_TRUE(channel.ok() && arena.ok() && self.ok());
  channel_fd_ = *std::move(channel);
  arena_fd_ = *std::move(arena);
  self_ = *std::move(self);
  client_memory_ = Map(channel_fd_, geometry_.channel_bytes());
  client_arena_ = Map(arena_fd_, geometry_.arena_bytes);
  wire::ServerChannel::Initialize(client_memory_.span(), geometry_, kSessionId);
  client_ = std::make_unique<wire::ClientChannel>(client_memory_.data(), geometry_, kSessionId, self_.get());
  Start();
  if (options.running) {
    thread_ = std::thread([this] { ended_ = session_->Run(); });
  }
}

void SessionBed::Start() {
  lease_ = std::make_unique<share::StandaloneLease>(std::vector<Bytes>(options_.vxpus, options_.quota));
  SessionParts parts;
  parts.platform = options_.fake_driver ? FakePlatform() : TestPlatform();
  parts.session = kSessionId;
  parts.geometry = geometry_;
  parts.channel = Map(channel_fd_, geometry_.channel_bytes());
  parts.arena = Map(arena_fd_, geometry_.arena_bytes);
  parts.arena_at_base = true;  // one process: the executor's addresses are valid everywhere
  cl_device_id device = options_.fake_driver ? FakeDevice() : device::opencl::DevicesOf(parts.platform).at(0);
  for (uint32_t i = 0; i < options_.vxpus; ++i) {
    parts.vxpus.push_back({i + 1, device, options_.quota, {lease_.get(), i}});
  }
  session_ = std::make_unique<Session>(std::move(parts));
}

void SessionBed::Move() {
  session_->Suspend();
  thread_.join();
  ASSERT_TRUE(ended_.ok() && session_->suspended());
  Result<SessionImage> captured = session_->Capture();
  ASSERT_TRUE(captured.ok()) << captured.status().message();
  const Result<SessionImage> read = ReadImage(WriteImage(*captured));
  ASSERT_TRUE(read.ok());
  session_.reset();
  Start();
  const Status restored = session_->Restore(*read);
  ASSERT_TRUE(restored.ok()) << restored.message();
  thread_ = std::thread([this] { ended_ = session_->Run(); });
}

SessionBed::~SessionBed() {
  session_->Stop();
  if (thread_.joinable()) {
    thread_.join();
  }
}

Status SessionBed::Ended() {
  if (thread_.joinable()) {
    thread_.join();
  }
  return ended_;
}

uint32_t SessionBed::NewSlot() {
  slot(next_slot_).status.store(CL_QUEUED);
  return next_slot_++;
}

int32_t SessionBed::WaitFor(uint32_t index) { return WaitFor(index, CL_COMPLETE); }

int32_t SessionBed::WaitFor(uint32_t index, int32_t status) {
  if (!client_->WaitStatus(index, [&] { return slot(index).status.load() > status; })) {
    return kLost;
  }
  return slot(index).status.load();
}

void SessionBed::WaitForQueue(uint32_t index, uint64_t sequence) {
  slot(index).wait_for.store(sequence);
  EXPECT_TRUE(client_->WaitStatus(index, [&] { return slot(index).sequence.load() < sequence; }));
}

uint64_t SessionBed::MakeContext() {
  const uint64_t devices[] = {kDevice};
  api::CreateContext call{};
  call.context = NewId();
  call.devices = devices;
  EXPECT_EQ(Call(call), CL_SUCCESS);
  return call.context;
}

uint64_t SessionBed::MakeQueue(uint64_t context, uint32_t queue_slot, uint64_t properties) {
  const uint64_t list[] = {CL_QUEUE_PROPERTIES, properties, 0};
  api::CreateQueue call{};
  call.queue = NewId();
  call.context = context;
  call.device = kDevice;
  call.properties = list;
  call.slot = queue_slot;
  slot(queue_slot).status.store(0);
  EXPECT_EQ(Call(call), CL_SUCCESS);
  return call.queue;
}

uint64_t SessionBed::MakeBuffer(uint64_t context, uint64_t bytes, wire::Region* storage) {
  api::CreateBuffer call{};
  call.buffer = NewId();
  call.context = context;
  call.flags = CL_MEM_READ_WRITE;
  call.size = bytes;
  if (storage != nullptr) {
    *storage = Range(bytes);
    call.storage = *storage;
  }
  EXPECT_EQ(Call(call), CL_SUCCESS);
  return call.buffer;
}

uint64_t SessionBed::MakeProgram(uint64_t context, const std::string& source, int32_t expect) {
  api::CreateProgramWithSource create{};
  create.program = NewId();
  create.context = context;
  create.source.inline_bytes = std::as_bytes(std::span(source));
  Send(create);
  api::BuildProgram build{};
  build.program = create.program;
  build.slot = NewSlot();
  Send(build);
  EXPECT_EQ(WaitFor(build.slot), expect);
  return create.program;
}

uint64_t SessionBed::MakeKernel(uint64_t program, const std::string& name) {
  api::CreateKernel call{};
  call.kernel = NewId();
  call.program = program;
  call.name = std::as_bytes(std::span(name));
  EXPECT_EQ(Call(call), CL_SUCCESS);
  return call.kernel;
}

void SessionBed::SetBuffer(uint64_t kernel, uint32_t index, uint64_t buffer) {
  api::SetKernelArg call{};
  call.kernel = kernel;
  call.index = index;
  call.kind = static_cast<uint32_t>(ArgKind::kMemory);
  call.size = sizeof(void*);
  call.object = buffer;
  Send(call);
}

uint64_t SessionBed::Launch(uint64_t queue, uint64_t kernel, uint64_t items, uint64_t event,
                            uint32_t event_slot, std::vector<uint64_t> waits) {
  const uint64_t global[] = {items};
  api::EnqueueNDRangeKernel call{};
  call.queue = queue;
  call.waits = waits;
  call.event = event;
  call.event_slot = event_slot;
  call.command_type = CL_COMMAND_NDRANGE_KERNEL;
  call.kernel = kernel;
  call.dimensions = 1;
  call.global = global;
  return Send(call);
}

wire::Region SessionBed::Range(uint64_t bytes) {
  const wire::Region region{next_range_, bytes};
  next_range_ += (bytes + kRangeAlignment - 1) / kRangeAlignment * kRangeAlignment;
  EXPECT_LE(next_range_, geometry_.arena_bytes);
  return region;
}

}  // namespace flexai::executor::opencl
