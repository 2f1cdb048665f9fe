// A session is suspended at rest and goes on in a second executor; the application notices nothing.
#include <cstring>

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

TEST_F(SuspendTest, LinkedProgramsAreLinkedAgain) {
  const std::string main = "int twice(int x); __kernel void run(__global int* d) { d[0] = twice(d[0]); }";
  const std::string library = "int twice(int x) { return 2 * x; }";
  std::vector<uint64_t> programs;
  for (const std::string& source : {main, library}) {
    api::CreateProgramWithSource create{};
    create.program = bed_.NewId();
    create.context = context_;
    create.source.inline_bytes = std::as_bytes(std::span(source));
    bed_.Send(create);
    programs.push_back(create.program);
    api::CompileProgram compile{};
    compile.program = create.program;
    compile.slot = bed_.NewSlot();
    bed_.Send(compile);
    ASSERT_EQ(bed_.WaitFor(compile.slot), CL_SUCCESS);
  }
  api::LinkProgram link{};
  link.program = bed_.NewId();
  link.context = context_;
  link.inputs = programs;
  link.slot = bed_.NewSlot();
  bed_.Send(link);
  ASSERT_EQ(bed_.WaitFor(link.slot), CL_SUCCESS);
  Release(programs[0]);
  Release(programs[1]);
  bed_.Move();
  const uint64_t kernel = bed_.MakeKernel(link.program, "run");
  wire::Region storage;
  bed_.SetBuffer(kernel, 0, bed_.MakeBuffer(context_, 4096, &storage));
  bed_.At<int>(storage)[0] = 21;
  bed_.WaitForQueue(slot_, bed_.Launch(queue_, kernel, 1));
  EXPECT_EQ(bed_.At<int>(storage)[0], 42);
}

}  // namespace
}  // namespace flexai::executor::opencl
