#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "api/opencl/calls.h"
#include "base/random.h"
#include "os/memory.h"
#include "os/process.h"
#include "wire/client_channel.h"
#include "wire/server_channel.h"

namespace flexai::wire {
namespace {

constexpr uint64_t kSession = 42;

class Channel : public ::testing::Test {
 protected:
  Channel() {
    geometry_.ring_bytes = 1u << 16;
    geometry_.status_slots = 64;
    fd_ = *os::CreateSealedMemfd("channel", geometry_.channel_bytes());
    memory_ = *os::Mapping::Map(fd_, geometry_.channel_bytes(), os::Mapping::Access::kReadWrite);
    ServerChannel::Initialize(memory_.span(), geometry_, kSession);
    self_ = *os::OpenPidfd(getpid());
    server_ = std::make_unique<ServerChannel>(memory_.span(), geometry_, kSession);
    client_ = std::make_unique<ClientChannel>(memory_.data(), geometry_, kSession, self_.get());
  }

  ChannelHeader& header() { return client_->header(); }
  // The raw words of the first frame.
  FrameHeader* first_frame() {
    return reinterpret_cast<FrameHeader*>(memory_.data() + geometry_.ring_offset());
  }

  Geometry geometry_;
  os::UniqueFd fd_;
  os::Mapping memory_;
  os::UniqueFd self_;
  std::unique_ptr<ServerChannel> server_;
  std::unique_ptr<ClientChannel> client_;
};

// Sleeps as the executor's engine does until a frame is there.
Result<bool> WaitNext(ServerChannel& server, Frame* frame) {
  for (;;) {
    Result<bool> got = server.Next(frame);
    if (!got.ok() || *got) {
      return got;
    }
    if (server.PrepareSleep()) {
      os::FutexWait(server.consumer_word(), kConsumerSleeping);
      server.EndSleep();
    }
  }
}

TEST_F(Channel, FramesOfEverySizeArriveInOrderThroughManyWraps) {
  constexpr int kFrames = 5000;
  std::thread server([&] {
    Frame frame;
    Random random(3);
    for (int i = 0; i < kFrames; ++i) {
      const Result<bool> got = WaitNext(*server_, &frame);
      ASSERT_TRUE(got.ok()) << got.status().message();
      opencl::SetKernelArg message;
      Decoder decoder(frame.body);
      ASSERT_TRUE(message.Decode(decoder));
      ASSERT_EQ(message.kernel, static_cast<uint64_t>(i));
      ASSERT_EQ(message.value.size(), random.Below(8000));
      server_->Consumed();
    }
  });
  std::vector<std::byte> value(8000);
  Random random(3);
  for (int i = 0; i < kFrames; ++i) {
    opencl::SetKernelArg message;
    message.kernel = static_cast<uint64_t>(i);
    message.value = std::span(value).first(random.Below(8000));
    ASSERT_TRUE(client_->Send(message));
  }
  server.join();
}

TEST_F(Channel, CallsFromManyThreadsGetTheirOwnAnswers) {
  constexpr int kThreads = 4;
  constexpr uint32_t kCalls = 500;
  std::thread server([&] {
    Frame frame;
    for (uint32_t i = 0; i < kThreads * kCalls; ++i) {
      ASSERT_TRUE(WaitNext(*server_, &frame).ok());
      opencl::Query query;
      Decoder decoder(frame.body);
      ASSERT_TRUE(query.Decode(decoder));
      server_->Consumed();
      server_->Reply(frame.header, static_cast<int32_t>(query.parameter));
    }
  });
  std::vector<std::thread> clients;
  for (uint32_t t = 0; t < kThreads; ++t) {
    clients.emplace_back([&, t] {
      for (uint32_t i = 0; i < kCalls; ++i) {
        opencl::Query query;
        query.parameter = t * kCalls + i;
        const uint32_t slot = client_->TakeReplySlot();
        ASSERT_TRUE(client_->CallInSlot(query, slot));
        EXPECT_EQ(client_->reply(slot).status, static_cast<int32_t>(query.parameter));
        client_->GiveReplySlot(slot);
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  server.join();
}

TEST_F(Channel, LongRepliesAreKeptUntilFetched) {
  opencl::Ping ping;
  const uint32_t slot = client_->TakeReplySlot();
  std::thread server([&] {
    Frame frame;
    ASSERT_TRUE(WaitNext(*server_, &frame).ok());
    const std::vector<std::byte> large(100000, std::byte{5});
    server_->Reply(frame.header, 0, large);
  });
  ASSERT_TRUE(client_->CallInSlot(ping, slot));
  server.join();
  EXPECT_EQ(client_->reply(slot).flags, kReplyOversized);
  EXPECT_EQ(client_->reply(slot).length, 100000u);
  EXPECT_EQ(server_->KeptReply(slot).size(), 100000u);
  server_->DropKeptReply(slot);
  EXPECT_TRUE(server_->KeptReply(slot).empty());
}

TEST_F(Channel, AWaiterOnAQueueWakesAtItsSequenceOnly) {
  StatusSlot& queue = client_->status(3);
  queue.wait_for.store(10);
  std::thread waiter(
      [&] { ASSERT_TRUE(client_->WaitStatus(3, [&] { return queue.sequence.load() < 10; })); });
  while (queue.waiters.load() == 0) {
    std::this_thread::yield();
  }
  const uint32_t before = queue.word.load();
  server_->PublishQueue(3, 9);
  EXPECT_EQ(queue.word.load(), before);
  server_->PublishQueue(3, 10);
  waiter.join();
  EXPECT_NE(queue.word.load(), before);
}

TEST_F(Channel, OnlyTheFirstLateErrorSticks) {
  server_->PublishQueue(0, 1, -5);
  server_->PublishQueue(0, 2, -6);
  EXPECT_EQ(client_->status(0).status.load(), -5);
}

TEST_F(Channel, AWaitEndsWhenTheExecutorDies) {
  const os::Process child = *os::Spawn({.program = "/bin/sleep", .arguments = {"1000"}});
  ClientChannel client(memory_.data(), geometry_, kSession, child.pidfd.get());
  std::thread waiter(
      [&] { EXPECT_FALSE(client.WaitStatus(0, [&] { return client.status(0).status.load() == 0; })); });
  ASSERT_TRUE(os::SignalProcess(child.pidfd, SIGKILL).ok());
  waiter.join();
  EXPECT_TRUE(client.lost());
  EXPECT_FALSE(client.Send(opencl::Ping{}));
  ASSERT_TRUE(os::Reap(child).ok());
}

TEST_F(Channel, MalformedFramesEndTheStream) {
  const auto refused = [&](auto&& spoil) {
    ServerChannel::Initialize(memory_.span(), geometry_, kSession);
    ServerChannel server(memory_.span(), geometry_, kSession);
    ClientChannel client(memory_.data(), geometry_, kSession, self_.get());
    EXPECT_TRUE(client.Send(opencl::Ping{}));
    spoil();
    Frame frame;
    return !server.Next(&frame).ok();
  };
  EXPECT_FALSE(refused([] {}));
  EXPECT_TRUE(refused([&] { first_frame()->length = 8; }));
  EXPECT_TRUE(refused([&] { first_frame()->length = 0; }));
  EXPECT_TRUE(refused([&] { first_frame()->length = 33; }));
  EXPECT_TRUE(refused([&] { first_frame()->length = 1u << 30; }));
  EXPECT_TRUE(refused([&] { first_frame()->body_bytes = 64; }));
  EXPECT_TRUE(refused([&] { first_frame()->session = 7; }));
  EXPECT_TRUE(refused([&] { first_frame()->sequence = 2; }));
  EXPECT_TRUE(refused([&] { header().head.store(1u << 20); }));
  EXPECT_TRUE(refused([&] { header().head.store(5); }));
}

TEST_F(Channel, RandomBytesInTheRingNeverHurtTheServer) {
  Random random(11);
  for (int round = 0; round < 2000; ++round) {
    ServerChannel::Initialize(memory_.span(), geometry_, kSession);
    ServerChannel server(memory_.span(), geometry_, kSession);
    auto* words = reinterpret_cast<uint64_t*>(memory_.data() + geometry_.ring_offset());
    for (int i = 0; i < 64; ++i) {
      words[i] = random.Next() >> random.Below(64);
    }
    header().head.store(random.Below(1024) * 8);
    Frame frame;
    for (int i = 0; i < 100; ++i) {
      const Result<bool> got = server.Next(&frame);
      if (!got.ok() || !*got) {
        break;
      }
      ASSERT_LE(frame.body.size(), kMaxFrameBytes);
      server.Reply(frame.header, 0);
    }
  }
}

}  // namespace
}  // namespace flexai::wire
