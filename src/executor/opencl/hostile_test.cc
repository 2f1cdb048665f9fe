// What a broken or hostile shim may send: wrong ids, kinds, sizes and ranges, and whole frames of nonsense.
// The call fails or the session ends; nothing else happens. The driver is a fake that follows every handle it
// is given, so that a sanitizer finds what must not be.
#include <gmock/gmock.h>

#include "base/random.h"
#include "executor/opencl/fake_driver.h"
#include "executor/opencl/session_bed.h"

namespace flexai::executor::opencl {
namespace {

using ::testing::HasSubstr;

// Any call with any body.
struct RawCall {
  static inline uint16_t kCall = 0;
  std::vector<std::byte> body;
  size_t EncodedBytes() const { return body.size(); }
  void Encode(wire::Encoder& encoder) const {
    for (size_t at = 0; at + 8 <= body.size(); at += 8) {
      uint64_t word = 0;
      std::memcpy(&word, body.data() + at, sizeof word);
      encoder.Put(word);
    }
  }
};

class HostileTest : public ::testing::Test {
 protected:
  static SessionBed::Options Options() {
    SessionBed::Options options;
    options.fake_driver = true;
    return options;
  }

  HostileTest() : bed_(std::make_unique<SessionBed>(Options())) {}
  ~HostileTest() override {
    bed_.reset();
    EXPECT_EQ(FakeHandles(), 0) << "every native handle was released";
  }

  bool Alive() { return bed_->Call(api::Ping{}) == CL_SUCCESS; }

  std::unique_ptr<SessionBed> bed_;
};

TEST_F(HostileTest, UnknownObjectsGiveTheApisErrors) {
  api::CreateQueue queue{};
  queue.queue = 77;
  EXPECT_EQ(bed_->Call(queue), CL_INVALID_CONTEXT);
  api::CreateBuffer buffer{};
  buffer.buffer = 78;
  EXPECT_EQ(bed_->Call(buffer), CL_INVALID_CONTEXT);
  api::CreateKernel kernel{};
  kernel.kernel = 79;
  EXPECT_EQ(bed_->Call(kernel), CL_INVALID_PROGRAM);
  api::SetKernelArg arg{};
  EXPECT_EQ(bed_->Call(arg), CL_INVALID_KERNEL);
  api::BuildProgram build{};
  build.slot = bed_->NewSlot();
  bed_->Send(build);
  EXPECT_EQ(bed_->WaitFor(build.slot), CL_INVALID_PROGRAM);
  api::Release release{};
  release.object = 1234;
  release.slot = bed_->NewSlot();
  bed_->Send(release);
  EXPECT_EQ(bed_->WaitFor(release.slot), CL_COMPLETE);
  EXPECT_TRUE(Alive());
}

TEST_F(HostileTest, OtherKindsOfObjectsAreRefused) {
  const uint64_t context = bed_->MakeContext();
  const uint64_t buffer = bed_->MakeBuffer(context, 4096);
  api::CreateQueue queue{};
  queue.queue = bed_->NewId();
  queue.context = buffer;
  queue.device = context;
  EXPECT_EQ(bed_->Call(queue), CL_INVALID_CONTEXT);
  const uint32_t slot = bed_->NewSlot();
  bed_->Launch(buffer, context, 1, bed_->NewId(), slot);
  EXPECT_EQ(bed_->WaitFor(slot), CL_INVALID_COMMAND_QUEUE);
}

TEST_F(HostileTest, NameUsedTwiceEndsTheSession) {
  const uint64_t context = bed_->MakeContext();
  const uint64_t devices[] = {SessionBed::kDevice};
  api::CreateContext again{};
  again.context = context;
  again.devices = devices;
  EXPECT_EQ(bed_->Call(again), SessionBed::kLost);
  EXPECT_THAT(bed_->Ended().message(), HasSubstr("named two objects"));
}

TEST_F(HostileTest, ReservedNamesEndTheSession) {
  const uint64_t devices[] = {SessionBed::kDevice};
  api::CreateContext call{};
  call.context = SessionBed::kDevice;
  call.devices = devices;
  EXPECT_EQ(bed_->Call(call), SessionBed::kLost);
  EXPECT_FALSE(bed_->Ended().ok());
}

TEST_F(HostileTest, RangesOutsideTheArenaAreRefused) {
  const uint64_t context = bed_->MakeContext();
  const uint64_t queue = bed_->MakeQueue(context, bed_->NewSlot());
  const uint64_t arena = bed_->geometry().arena_bytes;
  for (const wire::Region region : {wire::Region{arena - 4, 8}, wire::Region{arena, 1},
                                    wire::Region{1ull << 60, 64}, wire::Region{64, ~uint64_t{0} - 64}}) {
    api::CreateBuffer create{};
    create.buffer = bed_->NewId();
    create.context = context;
    create.size = 4;
    create.storage = region;
    EXPECT_EQ(bed_->Call(create), CL_INVALID_VALUE) << region.offset;
  }
  const uint64_t buffer = bed_->MakeBuffer(context, 4096);
  api::EnqueueReadBuffer read{};
  read.queue = queue;
  read.event = bed_->NewId();
  read.event_slot = bed_->NewSlot();
  read.buffer = buffer;
  read.size = 64;
  read.destination = {arena - 32, 64};
  bed_->Send(read);
  EXPECT_EQ(bed_->WaitFor(read.event_slot), CL_INVALID_VALUE);
}

TEST_F(HostileTest, SizesThatOverflowAreRefused) {
  const uint64_t context = bed_->MakeContext();
  const uint64_t queue = bed_->MakeQueue(context, bed_->NewSlot());
  const uint64_t buffer = bed_->MakeBuffer(context, 4096);
  api::CreateBuffer huge{};
  huge.buffer = bed_->NewId();
  huge.context = context;
  huge.size = ~uint64_t{0};
  EXPECT_EQ(bed_->Call(huge), CL_MEM_OBJECT_ALLOCATION_FAILURE);
  api::CreateSubBuffer sub{};
  sub.buffer = bed_->NewId();
  sub.parent = buffer;
  sub.origin = ~uint64_t{0} - 10;
  sub.size = 100;
  EXPECT_EQ(bed_->Call(sub), CL_INVALID_VALUE);
  const uint64_t big = 1ull << 63;
  const uint64_t geometry[] = {0, 0, 0, big, big, big, 4, big, big, 0, 0, big, big};
  api::EnqueueReadBufferRect rect{};
  rect.queue = queue;
  rect.event = bed_->NewId();
  rect.event_slot = bed_->NewSlot();
  rect.buffer = buffer;
  rect.geometry = geometry;
  rect.destination = bed_->Range(64);
  bed_->Send(rect);
  EXPECT_EQ(bed_->WaitFor(rect.event_slot), CL_INVALID_VALUE);
}

TEST_F(HostileTest, SlotsThatDoNotExistAreIgnored) {
  const uint64_t context = bed_->MakeContext();
  api::CreateUserEvent user{};
  user.event = bed_->NewId();
  user.context = context;
  user.slot = 0x7fffffff;
  bed_->Send(user);
  api::SetUserEventStatus set{};
  set.event = user.event;
  bed_->Send(set);
  EXPECT_TRUE(Alive());
}

TEST_F(HostileTest, WaitingForOneselfIsAnInvalidWaitList) {
  const uint64_t context = bed_->MakeContext();
  const uint64_t queue = bed_->MakeQueue(context, bed_->NewSlot());
  const uint64_t event = bed_->NewId();
  const uint64_t waits[] = {event};
  api::EnqueueMarker marker{};
  marker.queue = queue;
  marker.event = event;
  marker.event_slot = bed_->NewSlot();
  marker.waits = waits;
  bed_->Send(marker);
  EXPECT_EQ(bed_->WaitFor(marker.event_slot), CL_INVALID_EVENT_WAIT_LIST);
}

TEST_F(HostileTest, NonsenseInTheRingEndsTheSession) {
  RawCall::kCall = 999;
  bed_->Send(RawCall{});
  EXPECT_THAT(bed_->Ended().message(), HasSubstr("no valid"));
}

TEST_F(HostileTest, ReleasedWhilePendingIsKeptUntilTheEnd) {
  const uint64_t context = bed_->MakeContext();
  const uint64_t queue = bed_->MakeQueue(context, bed_->NewSlot());
  const uint64_t buffer = bed_->MakeBuffer(context, 4096);
  api::CreateUserEvent user{};
  user.event = bed_->NewId();
  user.context = context;
  user.slot = bed_->NewSlot();
  bed_->Send(user);
  const uint64_t waits[] = {user.event};
  const int pattern = 0;
  api::EnqueueFillBuffer fill{};
  fill.queue = queue;
  fill.event_slot = wire::kNoSlot;
  fill.waits = waits;
  fill.buffer = buffer;
  fill.pattern = std::as_bytes(std::span(&pattern, 1));
  fill.size = 64;
  bed_->Send(fill);
  for (const uint64_t object : {buffer, queue, context}) {
    api::Release release{};
    release.object = object;
    release.slot = wire::kNoSlot;
    bed_->Send(release);
  }
  EXPECT_TRUE(Alive());
}

}  // namespace
}  // namespace flexai::executor::opencl
