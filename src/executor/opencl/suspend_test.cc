// A session is suspended at rest and goes on in a second executor; the application notices nothing.
#include <cstring>

#include "executor/opencl/fake_driver.h"
#include "executor/opencl/session_bed.h"

namespace flexai::executor::opencl {
namespace {

constexpr const char* kSource = R"(
__kernel void add(__global int* data, int value) { data[get_global_id(0)] += value; }
__kernel void fetch(__read_only image2d_t image, sampler_t sampler, __global uint* out) {
  const int2 at = (int2)((int)get_global_id(0), (int)get_global_id(1));
  out[get_global_id(1) * 4 + get_global_id(0)] = read_imageui(image, sampler, at).x;
}
)";

class SuspendTest : public ::testing::Test {
 protected:
  SuspendTest() {
    context_ = bed_.MakeContext();
    slot_ = bed_.NewSlot();
    queue_ = bed_.MakeQueue(context_, slot_);
    program_ = bed_.MakeProgram(context_, kSource);
    add_ = bed_.MakeKernel(program_, "add");
  }
  void Release(uint64_t object) {
    api::Release call{};
    call.object = object;
    call.slot = wire::kNoSlot;
    bed_.Send(call);
  }
  // After everything that was sent; Suspend would leave the rest to the second executor.
  void Move() {
    EXPECT_EQ(bed_.Call(api::Ping{}), CL_SUCCESS);
    bed_.Move();
  }
  // The status of a launch of one item, which is awaited.
  int32_t RunOne(uint64_t kernel, std::vector<uint64_t> waits = {}) {
    const uint32_t slot = bed_.NewSlot();
    bed_.Launch(queue_, kernel, 1, bed_.NewId(), slot, std::move(waits));
    return bed_.WaitFor(slot);
  }
  void Compile(uint64_t program, std::string_view options) {
    api::CompileProgram compile{};
    compile.program = program;
    compile.options = std::as_bytes(std::span(options));
    compile.slot = bed_.NewSlot();
    bed_.Send(compile);
    ASSERT_EQ(bed_.WaitFor(compile.slot), CL_SUCCESS);
  }
  uint64_t Link(const std::vector<uint64_t>& inputs) {
    api::LinkProgram link{};
    link.program = bed_.NewId();
    link.context = context_;
    link.inputs = inputs;
    link.slot = bed_.NewSlot();
    bed_.Send(link);
    EXPECT_EQ(bed_.WaitFor(link.slot), CL_SUCCESS);
    return link.program;
  }
  uint64_t MakeSource(const std::string& source) {
    api::CreateProgramWithSource create{};
    create.program = bed_.NewId();
    create.context = context_;
    create.source.inline_bytes = std::as_bytes(std::span(source));
    bed_.Send(create);
    return create.program;
  }
  std::vector<int> ReadBack(uint64_t buffer, uint64_t count) {
    api::EnqueueReadBuffer read{};
    read.queue = queue_;
    read.event = bed_.NewId();
    read.event_slot = bed_.NewSlot();
    read.buffer = buffer;
    read.size = count * 4;
    read.destination = bed_.Range(read.size);
    bed_.Send(read);
    EXPECT_EQ(bed_.WaitFor(read.event_slot), CL_COMPLETE);
    return {bed_.At<int>(read.destination), bed_.At<int>(read.destination) + count};
  }

  SessionBed bed_;
  uint64_t context_, queue_, program_, add_;
  uint32_t slot_;
};

TEST_F(SuspendTest, KernelsGoOnWithTheirArgumentsAndMemory) {
  wire::Region storage;
  const uint64_t in_arena = bed_.MakeBuffer(context_, 4096, &storage);
  const uint64_t in_device = bed_.MakeBuffer(context_, 4096);
  Release(program_);  // the kernel still needs it
  bed_.SetBuffer(add_, 0, in_arena);
  bed_.SetValue(add_, 1, 5);
  bed_.Launch(queue_, add_, 8);
  bed_.SetBuffer(add_, 0, in_device);
  const int zero = 0;
  api::EnqueueFillBuffer fill{};
  fill.queue = queue_;
  fill.event_slot = wire::kNoSlot;
  fill.buffer = in_device;
  fill.pattern = std::as_bytes(std::span(&zero, 1));
  fill.size = 4096;
  bed_.Send(fill);
  bed_.Launch(queue_, add_, 8);
  bed_.Move();
  const uint64_t last = bed_.Launch(queue_, add_, 8);  // arguments as before
  bed_.WaitForQueue(slot_, last);
  EXPECT_EQ(bed_.At<int>(storage)[7], 5);
  EXPECT_EQ(ReadBack(in_device, 8), std::vector<int>(8, 10));
  bed_.Move();
  EXPECT_EQ(ReadBack(in_device, 8), std::vector<int>(8, 10)) << "and a second time";
}

TEST_F(SuspendTest, EndedAndPendingEventsKeepTheirMeaning) {
  wire::Region storage;
  const uint64_t buffer = bed_.MakeBuffer(context_, 4096, &storage);
  bed_.SetBuffer(add_, 0, buffer);
  bed_.SetValue(add_, 1, 1);
  const uint64_t ended = bed_.NewId();
  const uint32_t ended_slot = bed_.NewSlot();
  bed_.Launch(queue_, add_, 1, ended, ended_slot);
  ASSERT_EQ(bed_.WaitFor(ended_slot), CL_COMPLETE);
  api::CreateUserEvent user{};
  user.event = bed_.NewId();
  user.context = context_;
  user.slot = bed_.NewSlot();
  bed_.Send(user);
  bed_.Move();
  const uint64_t last = bed_.Launch(queue_, add_, 1, 0, wire::kNoSlot, {ended, user.event});
  bed_.Call(api::Ping{});
  EXPECT_EQ(bed_.At<int>(storage)[0], 1);
  api::SetUserEventStatus set{};
  set.event = user.event;
  set.status = CL_COMPLETE;
  bed_.Send(set);
  bed_.WaitForQueue(slot_, last);
  EXPECT_EQ(bed_.At<int>(storage)[0], 2);
}

TEST_F(SuspendTest, ImagesAndSamplersMove) {
  const cl_image_format format{CL_R, CL_UNSIGNED_INT32};
  cl_image_desc descriptor{};
  descriptor.image_type = CL_MEM_OBJECT_IMAGE2D;
  descriptor.image_width = descriptor.image_height = 4;
  std::vector<uint32_t> pixels(16);
  for (uint32_t i = 0; i < 16; ++i) {
    pixels[i] = 100 + i;
  }
  api::CreateImage image{};
  image.image = bed_.NewId();
  image.context = context_;
  image.flags = CL_MEM_READ_ONLY;
  image.format = std::as_bytes(std::span(&format, 1));
  image.descriptor = std::as_bytes(std::span(&descriptor, 1));
  image.initial.inline_bytes = std::as_bytes(std::span(pixels));
  ASSERT_EQ(bed_.Call(image), CL_SUCCESS);
  const uint64_t properties[] = {CL_SAMPLER_NORMALIZED_COORDS,
                                 CL_FALSE,
                                 CL_SAMPLER_ADDRESSING_MODE,
                                 CL_ADDRESS_CLAMP_TO_EDGE,
                                 CL_SAMPLER_FILTER_MODE,
                                 CL_FILTER_NEAREST,
                                 0};
  api::CreateSampler sampler{};
  sampler.sampler = bed_.NewId();
  sampler.context = context_;
  sampler.properties = properties;
  ASSERT_EQ(bed_.Call(sampler), CL_SUCCESS);
  const uint64_t kernel = bed_.MakeKernel(program_, "fetch");
  wire::Region storage;
  const uint64_t out = bed_.MakeBuffer(context_, 64, &storage);
  bed_.SetBuffer(kernel, 0, image.image);
  bed_.SetBuffer(kernel, 2, out);
  api::SetKernelArg arg{};
  arg.kernel = kernel;
  arg.index = 1;
  arg.kind = static_cast<uint32_t>(ArgKind::kSampler);
  arg.size = sizeof(void*);
  arg.object = sampler.sampler;
  bed_.Send(arg);
  bed_.Move();
  const uint64_t global[] = {4, 4};
  api::EnqueueNDRangeKernel launch{};
  launch.queue = queue_;
  launch.event_slot = wire::kNoSlot;
  launch.kernel = kernel;
  launch.dimensions = 2;
  launch.global = global;
  bed_.WaitForQueue(slot_, bed_.Send(launch));
  EXPECT_EQ(bed_.At<uint32_t>(storage)[0], 100u);
  EXPECT_EQ(bed_.At<uint32_t>(storage)[15], 115u);
}

TEST_F(SuspendTest, WaitsForWhatRunsAndForTheApplicationsBrackets) {
  wire::Region storage;
  const uint64_t buffer = bed_.MakeBuffer(context_, 4096, &storage);
  api::EnqueueReadBuffer read{};
  read.queue = queue_;
  read.event = bed_.NewId();
  read.event_slot = bed_.NewSlot();
  read.buffer = buffer;
  read.size = 4;
  bed_.Send(read);
  ASSERT_EQ(bed_.WaitFor(read.event_slot, CL_RUNNING), CL_RUNNING);
  bed_.session().Suspend();
  api::HostAccessDone done{};
  done.event = read.event;
  bed_.Send(done);
  bed_.Move();
  EXPECT_EQ(bed_.WaitFor(read.event_slot), CL_COMPLETE);
}

TEST_F(SuspendTest, MemoryIsChargedInTheSecondExecutorToo) {
  const uint64_t before = bed_.lease().Available(0).value;
  const uint64_t buffer = bed_.MakeBuffer(context_, 4096);
  bed_.Move();
  EXPECT_EQ(bed_.lease().Available(0).value, before - 4096);
  api::Release release{};
  release.object = buffer;
  release.slot = bed_.NewSlot();
  bed_.Send(release);
  EXPECT_EQ(bed_.WaitFor(release.slot), CL_COMPLETE);
  EXPECT_EQ(bed_.lease().Available(0).value, before);
}

TEST_F(SuspendTest, EndedEventsSurviveEveryMove) {
  wire::Region storage;
  bed_.SetBuffer(add_, 0, bed_.MakeBuffer(context_, 4096, &storage));
  bed_.SetValue(add_, 1, 1);
  const uint64_t done = bed_.NewId();
  const uint64_t failed = bed_.NewId();
  const uint32_t done_slot = bed_.NewSlot();
  const uint32_t failed_slot = bed_.NewSlot();
  bed_.Launch(queue_, add_, 1, done, done_slot);
  ASSERT_EQ(bed_.WaitFor(done_slot), CL_COMPLETE);
  bed_.Launch(queue_, context_, 1, failed, failed_slot);
  ASSERT_EQ(bed_.WaitFor(failed_slot), CL_INVALID_KERNEL);
  for (int moves = 1; moves <= 3; ++moves) {
    Move();
    EXPECT_EQ(RunOne(add_, {done}), CL_COMPLETE) << moves;
    EXPECT_EQ(RunOne(add_, {failed}), CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST) << moves;
  }
}

TEST_F(SuspendTest, CloneKeepsTheArgumentsItTookOver) {
  wire::Region for_clone, for_source;
  bed_.SetBuffer(add_, 0, bed_.MakeBuffer(context_, 4096, &for_clone));
  bed_.SetValue(add_, 1, 5);
  api::CloneKernel clone{};
  clone.kernel = bed_.NewId();
  clone.source = add_;
  ASSERT_EQ(bed_.Call(clone), CL_SUCCESS);
  bed_.SetBuffer(add_, 0, bed_.MakeBuffer(context_, 4096, &for_source));
  bed_.SetValue(add_, 1, 100);
  for (int moves = 1; moves <= 2; ++moves) {
    Move();
    EXPECT_EQ(RunOne(clone.kernel), CL_COMPLETE);
    EXPECT_EQ(RunOne(add_), CL_COMPLETE);
    EXPECT_EQ(bed_.At<int>(for_clone)[0], 5 * moves);
    EXPECT_EQ(bed_.At<int>(for_source)[0], 100 * moves);
  }
}

TEST_F(SuspendTest, KernelMayHaveAnArgumentThatIsGone) {
  wire::Region storage;
  const uint64_t gone = bed_.MakeBuffer(context_, 4096);
  bed_.SetBuffer(add_, 0, gone);
  bed_.SetValue(add_, 1, 5);
  Release(gone);
  ASSERT_NO_FATAL_FAILURE(Move());
  bed_.SetBuffer(add_, 0, bed_.MakeBuffer(context_, 4096, &storage));
  EXPECT_EQ(RunOne(add_), CL_COMPLETE);
  EXPECT_EQ(bed_.At<int>(storage)[0], 5);
}

TEST_F(SuspendTest, ReleasedSubDevicesStayReleased) {
  const uint64_t properties[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
  api::CreateSubDevices partition{};
  partition.device = SessionBed::kDevice;
  partition.first_id = bed_.NewId();
  partition.properties = properties;
  partition.capacity = 2;
  const uint64_t second = bed_.NewId();
  api::CreateSubDevicesReply reply;
  std::vector<std::byte> bytes;
  if (bed_.CallFor(partition, &reply, &bytes) != CL_SUCCESS || reply.count < 2) {
    GTEST_SKIP() << "a device of one unit can't be partitioned";
  }
  Release(second);
  for (int moves = 1; moves <= 2; ++moves) {
    Move();
    EXPECT_TRUE(bed_.session().objects().Contains(partition.first_id));
    EXPECT_FALSE(bed_.session().objects().Contains(second)) << moves;
  }
}

TEST_F(SuspendTest, LinkedProgramsAreLinkedAgain) {
  const uint64_t main =
      MakeSource("int scale(int x); __kernel void run(__global int* d) { d[0] = scale(d[0]); }");
  const uint64_t library = MakeSource("int scale(int x) { return FACTOR * x; }");
  Compile(main, "");
  Compile(library, "-DFACTOR=2");
  const uint64_t twice = Link({main, library});
  Compile(library, "-DFACTOR=3");
  const uint64_t thrice = Link({main, library});
  Release(main);
  Release(library);
  Move();
  wire::Region storage;
  const uint64_t buffer = bed_.MakeBuffer(context_, 4096, &storage);
  for (const uint64_t program : {twice, thrice}) {
    const uint64_t kernel = bed_.MakeKernel(program, "run");
    bed_.SetBuffer(kernel, 0, buffer);
    bed_.At<int>(storage)[0] = 7;
    EXPECT_EQ(RunOne(kernel), CL_COMPLETE);
    EXPECT_EQ(bed_.At<int>(storage)[0], program == twice ? 14 : 21);
  }
}

TEST(SuspendWithFakeDriver, ProgramOfARefusedSourceStaysBroken) {
  SessionBed::Options options;
  options.fake_driver = true;
  SessionBed bed(options);
  const uint64_t context = bed.MakeContext();
  const uint64_t broken = bed.MakeProgram(context, std::string(kRefusedSource), CL_OUT_OF_HOST_MEMORY);
  const uint64_t inputs[] = {broken};
  api::LinkProgram link{};
  link.context = context;
  link.inputs = inputs;
  for (int moves = 0; moves <= 2; ++moves) {
    api::BuildProgram build{};
    build.program = broken;
    build.slot = bed.NewSlot();
    bed.Send(build);
    EXPECT_EQ(bed.WaitFor(build.slot), CL_OUT_OF_HOST_MEMORY) << moves;
    link.program = bed.NewId();
    link.slot = bed.NewSlot();
    bed.Send(link);
    EXPECT_EQ(bed.WaitFor(link.slot), CL_INVALID_PROGRAM) << moves;
    bed.Move();
  }
}

}  // namespace
}  // namespace flexai::executor::opencl
