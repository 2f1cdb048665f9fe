// Sessions on a real driver: what each group of calls does to objects, memory and order.
#include <numeric>

#include "api/opencl/session_info.h"
#include "executor/opencl/session_bed.h"

namespace flexai::executor::opencl {
namespace {

constexpr const char* kSource = R"(
__kernel void add(__global int* data, int value) { data[get_global_id(0)] += value; }
__kernel void spin(__global int* data, int rounds) {
  int x = data[0];
  for (int i = 0; i < rounds; ++i) x = x * 1664525 + 1013904223 + (x >> 3);
  data[0] = x;
}
__kernel void say(int value) { printf("value %d\n", value); }
__kernel void local_sum(__global int* out, __local int* scratch) {
  scratch[get_local_id(0)] = (int)get_global_id(0);
  barrier(CLK_LOCAL_MEM_FENCE);
  if (get_local_id(0) == 0) out[get_group_id(0)] = scratch[0];
}
)";

class SessionTest : public ::testing::Test {
 protected:
  void Prepare() {
    context_ = bed_.MakeContext();
    queue_slot_ = bed_.NewSlot();
    queue_ = bed_.MakeQueue(context_, queue_slot_);
  }
  void PrepareAdd() {
    Prepare();
    program_ = bed_.MakeProgram(context_, kSource);
    add_ = bed_.MakeKernel(program_, "add");
    buffer_ = bed_.MakeBuffer(context_, 4096, &storage_);
    bed_.SetBuffer(add_, 0, buffer_);
  }
  int* data() { return bed_.At<int>(storage_); }

  SessionBed bed_;
  uint64_t context_ = 0, queue_ = 0, program_ = 0, add_ = 0, buffer_ = 0;
  uint32_t queue_slot_ = 0;
  wire::Region storage_;
};

TEST_F(SessionTest, DescriptionShowsTheQuotaAndNoNativeKernels) {
  api::OpenSessionReply reply;
  std::vector<std::byte> bytes;
  const uint32_t slot = bed_.client().TakeReplySlot();
  ASSERT_TRUE(bed_.client().CallInSlot(api::OpenSession{}, slot));
  const wire::ReplySlot& answer = bed_.client().reply(slot);
  ASSERT_EQ(answer.status, CL_SUCCESS);
  // It does not fit a slot, so it is fetched.
  ASSERT_EQ(answer.flags & wire::kReplyOversized, wire::kReplyOversized);
  api::FetchReply fetch{};
  fetch.slot = slot;
  fetch.destination = bed_.Range(answer.length);
  bytes.resize(answer.length);
  ASSERT_EQ(bed_.Call(fetch), CL_SUCCESS);
  std::memcpy(bytes.data(), bed_.At<std::byte>(fetch.destination), bytes.size());
  wire::Decoder decoder(bytes);
  ASSERT_TRUE(reply.Decode(decoder));

  api::SessionInfo info(reply.description.data(), reply.description.size());
  ASSERT_EQ(info.device_count(), 1u);
  const api::DeviceInfo device = info.NextDevice();
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(device.id, SessionBed::kDevice);
  const auto number = [&](uint32_t parameter) {
    api::InfoBytes value;
    uint64_t result = 0;
    EXPECT_TRUE(device.values.Find(parameter, &value));
    std::memcpy(&result, value.data, std::min<size_t>(value.length, sizeof result));
    return result;
  };
  EXPECT_EQ(number(CL_DEVICE_GLOBAL_MEM_SIZE), 256u << 20);
  EXPECT_LE(number(CL_DEVICE_MAX_MEM_ALLOC_SIZE), 256u << 20);
  EXPECT_EQ(number(CL_DEVICE_EXECUTION_CAPABILITIES), uint64_t{CL_EXEC_KERNEL});
}

TEST_F(SessionTest, KernelWorksOnTheArenaInPlace) {
  PrepareAdd();
  data()[3] = 40;
  bed_.SetValue(add_, 1, 2);
  const uint32_t slot = bed_.NewSlot();
  bed_.Launch(queue_, add_, 16, bed_.NewId(), slot);
  EXPECT_EQ(bed_.WaitFor(slot), CL_COMPLETE);
  EXPECT_EQ(data()[3], 42);
}

TEST_F(SessionTest, EventCarriesOrderedTimes) {
  PrepareAdd();
  bed_.SetValue(add_, 1, 2);
  const uint32_t slot = bed_.NewSlot();
  bed_.Launch(queue_, add_, 16, bed_.NewId(), slot);
  ASSERT_EQ(bed_.WaitFor(slot), CL_COMPLETE);
  const wire::StatusSlot& times = bed_.slot(slot);
  EXPECT_GT(times.queued_ns, 0u);
  EXPECT_LE(times.queued_ns, times.submit_ns);
  EXPECT_LE(times.submit_ns, times.start_ns);
  EXPECT_LE(times.start_ns, times.end_ns);
}

TEST_F(SessionTest, ArgumentsAreThoseOfTheEnqueueAlsoWhenTheLaunchComesLater) {
  PrepareAdd();
  api::CreateUserEvent user{};
  user.event = bed_.NewId();
  user.context = context_;
  user.slot = bed_.NewSlot();
  bed_.Send(user);
  bed_.SetValue(add_, 1, 1);
  bed_.Launch(queue_, add_, 1, 0, wire::kNoSlot, {user.event});
  bed_.SetValue(add_, 1, 10);
  bed_.Launch(queue_, add_, 1);
  bed_.SetValue(add_, 1, 100);
  const uint64_t last = bed_.Launch(queue_, add_, 1);
  bed_.SetValue(add_, 1, 1000);
  bed_.Call(api::Ping{});
  EXPECT_EQ(data()[0], 0);
  api::SetUserEventStatus set{};
  set.event = user.event;
  set.status = CL_COMPLETE;
  bed_.Send(set);
  bed_.WaitForQueue(queue_slot_, last);
  EXPECT_EQ(data()[0], 111);
}

TEST_F(SessionTest, BufferLivesUntilItsLastCommandEnded) {
  PrepareAdd();
  const uint64_t spin = bed_.MakeKernel(program_, "spin");
  bed_.SetBuffer(spin, 0, buffer_);
  bed_.SetValue(spin, 1, 2'000'000);
  const uint32_t event = bed_.NewSlot();
  bed_.Launch(queue_, spin, 1, bed_.NewId(), event);
  api::Release release{};
  release.object = buffer_;
  release.slot = bed_.NewSlot();
  bed_.Send(release);
  EXPECT_EQ(bed_.WaitFor(release.slot), CL_COMPLETE);
  EXPECT_EQ(bed_.slot(event).status.load(), CL_COMPLETE) << "the release waits for the command";
}

TEST_F(SessionTest, MemoryIsChargedRefusedAndGivenBack) {
  Prepare();
  const uint64_t before = bed_.lease().Available(0).value;
  api::CreateBuffer call{};
  call.buffer = bed_.NewId();
  call.context = context_;
  call.size = before + 1;
  EXPECT_EQ(bed_.Call(call), CL_MEM_OBJECT_ALLOCATION_FAILURE);
  EXPECT_EQ(bed_.lease().Available(0).value, before);
  call.buffer = bed_.NewId();
  call.size = 1000;
  EXPECT_EQ(bed_.Call(call), CL_SUCCESS);
  EXPECT_EQ(bed_.lease().Available(0).value, before - 4096);
  api::Release release{};
  release.object = call.buffer;
  release.slot = bed_.NewSlot();
  bed_.Send(release);
  EXPECT_EQ(bed_.WaitFor(release.slot), CL_COMPLETE);
  EXPECT_EQ(bed_.lease().Available(0).value, before);
}

TEST(SessionQuotaTest, WhatEndedCommandsUsedHasRoomAtOnce) {
  SessionBed::Options options;
  options.arena_bytes = 256u << 20;
  SessionBed bed(options);
  const uint64_t context = bed.MakeContext();
  const uint64_t queue = bed.MakeQueue(context, bed.NewSlot());
  wire::Region storage;
  const uint64_t most = bed.MakeBuffer(context, 192u << 20, &storage);
  // Keeps the engine at work until all that follows is there, so that it is taken in one go.
  api::CreateBuffer slow{};
  slow.buffer = bed.NewId();
  slow.context = context;
  slow.size = 32u << 20;
  slow.initial.region = {storage.offset, slow.size};
  bed.Send(slow);
  api::EnqueueReadBuffer read{};
  read.queue = queue;
  read.event = bed.NewId();
  read.event_slot = bed.NewSlot();
  read.buffer = most;
  read.size = 4;
  bed.Send(read);
  api::HostAccessDone done{};
  done.event = read.event;
  bed.Send(done);
  for (const uint64_t object : {read.event, most}) {
    api::Release release{};
    release.object = object;
    release.slot = wire::kNoSlot;
    bed.Send(release);
  }
  api::CreateBuffer next{};
  next.buffer = bed.NewId();
  next.context = context;
  next.size = 192u << 20;
  next.storage = storage;
  EXPECT_EQ(bed.Call(next), CL_SUCCESS);
}

TEST_F(SessionTest, HostAccessWaitsForTheKernelBeforeIt) {
  PrepareAdd();
  bed_.SetValue(add_, 1, 7);
  bed_.Launch(queue_, add_, 1);
  api::EnqueueReadBuffer read{};
  read.queue = queue_;
  read.event = bed_.NewId();
  read.event_slot = bed_.NewSlot();
  read.buffer = buffer_;
  read.size = 4;
  bed_.Send(read);
  EXPECT_EQ(bed_.WaitFor(read.event_slot, CL_RUNNING), CL_RUNNING);
  EXPECT_EQ(data()[0], 7);
  bed_.SetValue(add_, 1, 1);
  const uint64_t next = bed_.Launch(queue_, add_, 1);
  bed_.Call(api::Ping{});
  EXPECT_EQ(data()[0], 7) << "the bracket holds the queue";
  api::HostAccessDone done{};
  done.event = read.event;
  bed_.Send(done);
  bed_.WaitForQueue(queue_slot_, next);
  EXPECT_EQ(data()[0], 8);
  EXPECT_EQ(bed_.WaitFor(read.event_slot), CL_COMPLETE);
}

TEST_F(SessionTest, DeviceMemoryIsReadWrittenCopiedAndFilled) {
  Prepare();
  const uint64_t from = bed_.MakeBuffer(context_, 4096);
  const uint64_t to = bed_.MakeBuffer(context_, 4096);
  std::vector<int> values(1024);
  std::iota(values.begin(), values.end(), 5);
  api::EnqueueWriteBuffer write{};
  write.queue = queue_;
  write.event_slot = wire::kNoSlot;
  write.buffer = from;
  write.size = 4096;
  write.data.inline_bytes = std::as_bytes(std::span(values));
  bed_.Send(write);
  api::EnqueueCopyBuffer copy{};
  copy.queue = queue_;
  copy.event_slot = wire::kNoSlot;
  copy.source = from;
  copy.destination = to;
  copy.size = 4096;
  bed_.Send(copy);
  const int pattern = -1;
  api::EnqueueFillBuffer fill{};
  fill.queue = queue_;
  fill.event_slot = wire::kNoSlot;
  fill.buffer = to;
  fill.pattern = std::as_bytes(std::span(&pattern, 1));
  fill.size = 8;
  bed_.Send(fill);
  api::EnqueueReadBuffer read{};
  read.queue = queue_;
  read.event = bed_.NewId();
  read.event_slot = bed_.NewSlot();
  read.buffer = to;
  read.size = 4096;
  read.destination = bed_.Range(4096);
  bed_.Send(read);
  ASSERT_EQ(bed_.WaitFor(read.event_slot), CL_COMPLETE);
  const int* got = bed_.At<int>(read.destination);
  EXPECT_EQ(got[0], -1);
  EXPECT_EQ(got[1], -1);
  EXPECT_EQ(got[2], 7);
  EXPECT_EQ(got[1023], 1028);
}

TEST_F(SessionTest, RectanglesAndMapsReachTheRightBytes) {
  Prepare();
  const uint64_t buffer = bed_.MakeBuffer(context_, 64);
  std::vector<uint8_t> rows(8);
  std::iota(rows.begin(), rows.end(), uint8_t{1});
  const uint64_t geometry[] = {4, 2, 0, 0, 0, 0, 4, 2, 1, 8, 0, 4, 0};
  api::EnqueueWriteBufferRect write{};
  write.queue = queue_;
  write.event_slot = wire::kNoSlot;
  write.buffer = buffer;
  write.geometry = geometry;
  write.data.inline_bytes = std::as_bytes(std::span(rows));
  bed_.Send(write);
  api::EnqueueMapBuffer map{};
  map.queue = queue_;
  map.event = bed_.NewId();
  map.event_slot = bed_.NewSlot();
  map.buffer = buffer;
  map.flags = CL_MAP_READ | CL_MAP_WRITE;
  map.size = 64;
  map.destination = bed_.Range(64);
  bed_.Send(map);
  ASSERT_EQ(bed_.WaitFor(map.event_slot), CL_COMPLETE);
  uint8_t* mapped = bed_.At<uint8_t>(map.destination);
  EXPECT_EQ(mapped[20], 1);
  EXPECT_EQ(mapped[28], 5);
  mapped[0] = 99;
  api::EnqueueUnmapBuffer unmap{};
  unmap.queue = queue_;
  unmap.event = bed_.NewId();
  unmap.event_slot = bed_.NewSlot();
  unmap.buffer = buffer;
  unmap.flags = map.flags;
  unmap.size = 64;
  unmap.source = map.destination;
  bed_.Send(unmap);
  ASSERT_EQ(bed_.WaitFor(unmap.event_slot), CL_COMPLETE);
  api::EnqueueReadBuffer read{};
  read.queue = queue_;
  read.event = bed_.NewId();
  read.event_slot = bed_.NewSlot();
  read.buffer = buffer;
  read.size = 1;
  read.destination = bed_.Range(1);
  bed_.Send(read);
  ASSERT_EQ(bed_.WaitFor(read.event_slot), CL_COMPLETE);
  EXPECT_EQ(*bed_.At<uint8_t>(read.destination), 99);
}

TEST_F(SessionTest, SubDevicesShowTheQuotaToo) {
  const uint64_t properties[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
  api::CreateSubDevices partition{};
  partition.device = SessionBed::kDevice;
  partition.first_id = bed_.NewId();
  partition.properties = properties;
  partition.capacity = 16;
  const cl_int status = bed_.Call(partition);
  if (status != CL_SUCCESS) {
    GTEST_SKIP() << "a device of one unit can't be partitioned: " << status;
  }
  api::Query query{};
  query.function = offsetof(cl_icd_dispatch, clGetDeviceInfo) / sizeof(void*);
  query.object = partition.first_id;
  query.parameter = CL_DEVICE_GLOBAL_MEM_SIZE;
  api::QueryReply reply;
  std::vector<std::byte> bytes;
  ASSERT_EQ(bed_.CallFor(query, &reply, &bytes), CL_SUCCESS);
  uint64_t size = 0;
  ASSERT_EQ(reply.value.size(), sizeof size);
  std::memcpy(&size, reply.value.data(), sizeof size);
  EXPECT_EQ(size, SessionBed::Options().quota.value);
}

TEST_F(SessionTest, FailedBuildReportsItsErrorAndLog) {
  Prepare();
  const uint64_t program = bed_.MakeProgram(context_, "__kernel void broken( {", CL_BUILD_PROGRAM_FAILURE);
  api::Query query{};
  query.function = offsetof(cl_icd_dispatch, clGetProgramBuildInfo) / sizeof(void*);
  query.object = program;
  query.other = SessionBed::kDevice;
  query.parameter = CL_PROGRAM_BUILD_LOG;
  api::QueryReply reply;
  std::vector<std::byte> bytes;
  EXPECT_EQ(bed_.CallFor(query, &reply, &bytes), CL_SUCCESS);
  EXPECT_GT(reply.value.size(), 10u);
  api::CreateKernel kernel{};
  kernel.kernel = bed_.NewId();
  kernel.program = program;
  EXPECT_EQ(bed_.Call(kernel), CL_INVALID_PROGRAM_EXECUTABLE);
}

TEST_F(SessionTest, BinaryRoundTripsAndRuns) {
  PrepareAdd();
  api::Query query{};
  query.function = offsetof(cl_icd_dispatch, clGetProgramInfo) / sizeof(void*);
  query.object = program_;
  query.parameter = CL_PROGRAM_BINARIES;
  const uint32_t slot = bed_.client().TakeReplySlot();
  ASSERT_TRUE(bed_.client().CallInSlot(query, slot));
  const uint32_t length = bed_.client().reply(slot).length;
  api::FetchReply fetch{};
  fetch.slot = slot;
  fetch.destination = bed_.Range(length);
  ASSERT_EQ(bed_.Call(fetch), CL_SUCCESS);
  std::vector<std::byte> bytes(length);
  std::memcpy(bytes.data(), bed_.At<std::byte>(fetch.destination), length);
  api::QueryReply reply;
  wire::Decoder decoder(bytes);
  ASSERT_TRUE(reply.Decode(decoder));

  const uint64_t devices[] = {SessionBed::kDevice};
  const uint64_t lengths[] = {reply.value.size()};
  api::CreateProgramWithBinary create{};
  create.program = bed_.NewId();
  create.context = context_;
  create.devices = devices;
  create.lengths = lengths;
  create.binaries.region = bed_.Range(reply.value.size());
  std::memcpy(bed_.At<std::byte>(create.binaries.region), reply.value.data(), reply.value.size());
  ASSERT_EQ(bed_.Call(create), CL_SUCCESS);
  api::BuildProgram build{};
  build.program = create.program;
  build.slot = bed_.NewSlot();
  bed_.Send(build);
  ASSERT_EQ(bed_.WaitFor(build.slot), CL_SUCCESS);
  const uint64_t kernel = bed_.MakeKernel(create.program, "add");
  bed_.SetBuffer(kernel, 0, buffer_);
  bed_.SetValue(kernel, 1, 5);
  bed_.WaitForQueue(queue_slot_, bed_.Launch(queue_, kernel, 4));
  EXPECT_EQ(data()[3], 5);
}

TEST_F(SessionTest, SeparateCompileAndLink) {
  Prepare();
  const std::string header = "int twice(int x);";
  const std::string library = "#include \"twice.h\"\nint twice(int x) { return 2 * x; }";
  const std::string main = "#include \"twice.h\"\n__kernel void run(__global int* d) { d[0] = twice(d[0]); }";
  std::vector<uint64_t> programs;
  for (const std::string& source : {header, library, main}) {
    api::CreateProgramWithSource create{};
    create.program = bed_.NewId();
    create.context = context_;
    create.source.inline_bytes = std::as_bytes(std::span(source));
    bed_.Send(create);
    programs.push_back(create.program);
  }
  const char name[] = "twice.h";
  for (const uint64_t program : {programs[1], programs[2]}) {
    api::CompileProgram compile{};
    compile.program = program;
    compile.headers = std::span(programs).first(1);
    compile.header_names = std::as_bytes(std::span(name));
    compile.slot = bed_.NewSlot();
    bed_.Send(compile);
    ASSERT_EQ(bed_.WaitFor(compile.slot), CL_SUCCESS);
  }
  api::LinkProgram link{};
  link.program = bed_.NewId();
  link.context = context_;
  link.inputs = std::span(programs).subspan(1);
  link.slot = bed_.NewSlot();
  bed_.Send(link);
  ASSERT_EQ(bed_.WaitFor(link.slot), CL_SUCCESS);
  const uint64_t kernel = bed_.MakeKernel(link.program, "run");
  buffer_ = bed_.MakeBuffer(context_, 4096, &storage_);
  data()[0] = 21;
  bed_.SetBuffer(kernel, 0, buffer_);
  bed_.WaitForQueue(queue_slot_, bed_.Launch(queue_, kernel, 1));
  EXPECT_EQ(data()[0], 42);
}

TEST_F(SessionTest, SubBufferSeesItsParent) {
  PrepareAdd();
  api::CreateSubBuffer sub{};
  sub.buffer = bed_.NewId();
  sub.parent = buffer_;
  sub.origin = 1024;
  sub.size = 1024;
  ASSERT_EQ(bed_.Call(sub), CL_SUCCESS);
  bed_.SetBuffer(add_, 0, sub.buffer);
  bed_.SetValue(add_, 1, 3);
  bed_.WaitForQueue(queue_slot_, bed_.Launch(queue_, add_, 1));
  EXPECT_EQ(data()[256], 3);
}

TEST_F(SessionTest, SvmPointersAreTheArenas) {
  PrepareAdd();
  api::SvmAlloc alloc{};
  alloc.memory = bed_.NewId();
  alloc.context = context_;
  alloc.storage = bed_.Range(4096);
  ASSERT_EQ(bed_.Call(alloc), CL_SUCCESS);
  const uint64_t arena = reinterpret_cast<uint64_t>(bed_.session().arena().data());
  const uint64_t address = arena + alloc.storage.offset;
  api::SetKernelArg arg{};
  arg.kernel = add_;
  arg.kind = static_cast<uint32_t>(ArgKind::kSvmPointer);
  arg.size = 8;
  arg.value = std::as_bytes(std::span(&address, 1));
  ASSERT_EQ(bed_.Call(arg), CL_SUCCESS);
  bed_.SetValue(add_, 1, 9);
  bed_.Launch(queue_, add_, 4);
  const int pattern = 5;
  api::EnqueueSvmMemFill fill{};
  fill.queue = queue_;
  fill.event_slot = wire::kNoSlot;
  fill.destination = address + 8;
  fill.pattern = std::as_bytes(std::span(&pattern, 1));
  fill.size = 4;
  bed_.WaitForQueue(queue_slot_, bed_.Send(fill));
  EXPECT_EQ(bed_.At<int>(alloc.storage)[0], 9);
  EXPECT_EQ(bed_.At<int>(alloc.storage)[2], 5);
}

TEST_F(SessionTest, LocalMemoryAndClonedKernels) {
  Prepare();
  program_ = bed_.MakeProgram(context_, kSource);
  const uint64_t kernel = bed_.MakeKernel(program_, "local_sum");
  buffer_ = bed_.MakeBuffer(context_, 4096, &storage_);
  bed_.SetBuffer(kernel, 0, buffer_);
  api::SetKernelArg local{};
  local.kernel = kernel;
  local.index = 1;
  local.kind = static_cast<uint32_t>(ArgKind::kLocal);
  local.size = 64;
  ASSERT_EQ(bed_.Call(local), CL_SUCCESS);
  api::CloneKernel clone{};
  clone.kernel = bed_.NewId();
  clone.source = kernel;
  ASSERT_EQ(bed_.Call(clone), CL_SUCCESS);
  const uint64_t global[] = {32};
  const uint64_t group[] = {8};
  api::EnqueueNDRangeKernel launch{};
  launch.queue = queue_;
  launch.event_slot = wire::kNoSlot;
  launch.kernel = clone.kernel;
  launch.dimensions = 1;
  launch.global = global;
  launch.local = group;
  bed_.WaitForQueue(queue_slot_, bed_.Send(launch));
  EXPECT_EQ(data()[3], 24);
}

TEST_F(SessionTest, OutOfOrderQueueHonoursEventsAndBarriers) {
  PrepareAdd();
  const uint32_t slot = bed_.NewSlot();
  const uint64_t queue = bed_.MakeQueue(context_, slot, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE);
  bed_.SetValue(add_, 1, 1);
  uint64_t previous = 0;
  for (int i = 0; i < 20; ++i) {
    const uint64_t event = bed_.NewId();
    bed_.Launch(queue, add_, 1, event, wire::kNoSlot,
                previous == 0 ? std::vector<uint64_t>{} : std::vector<uint64_t>{previous});
    previous = event;
  }
  api::EnqueueBarrier barrier{};
  barrier.queue = queue;
  barrier.event_slot = wire::kNoSlot;
  bed_.Send(barrier);
  bed_.WaitForQueue(slot, bed_.Launch(queue, add_, 1));
  EXPECT_EQ(data()[0], 21);
}

TEST_F(SessionTest, ManyCommandsEndInOrderWithoutEvents) {
  PrepareAdd();
  bed_.SetValue(add_, 1, 1);
  uint64_t last = 0;
  for (int i = 0; i < 3000; ++i) {
    last = bed_.Launch(queue_, add_, 1);
  }
  bed_.WaitForQueue(queue_slot_, last);
  EXPECT_EQ(data()[0], 3000);
  EXPECT_EQ(bed_.slot(queue_slot_).status.load(), 0);
}

TEST_F(SessionTest, TwoVxpusOfOneDeviceShareAContext) {
  SessionBed::Options options;
  options.vxpus = 2;
  SessionBed bed(options);
  const uint64_t devices[] = {SessionBed::kDevice, SessionBed::kDevice + 1};
  api::CreateContext call{};
  call.context = bed.NewId();
  call.devices = devices;
  ASSERT_EQ(bed.Call(call), CL_SUCCESS);
  const uint64_t first_quota = bed.lease().Available(0).value;
  api::CreateBuffer buffer{};
  buffer.context = call.context;
  buffer.size = first_quota;
  for (int i = 0; i < 2; ++i) {
    buffer.buffer = bed.NewId();
    EXPECT_EQ(bed.Call(buffer), CL_SUCCESS) << "the second vXPU's quota is used when the first one's is full";
  }
  buffer.buffer = bed.NewId();
  EXPECT_EQ(bed.Call(buffer), CL_MEM_OBJECT_ALLOCATION_FAILURE);
}

}  // namespace
}  // namespace flexai::executor::opencl
