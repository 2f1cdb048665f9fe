#include "os/event_loop.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "os/socket.h"

namespace flexai::os {
namespace {

TEST(EventLoop, RunsTimersInOrderAndCancels) {
  auto loop = *EventLoop::Create();
  std::string order;
  loop->After(Micros(300), [&] { order += "b"; });
  loop->After(Micros(100), [&] { order += "a"; });
  const uint64_t cancelled = loop->After(Micros(200), [&] { order += "x"; });
  loop->Cancel(cancelled);
  loop->After(Micros(400), [&] { loop->Stop(); });
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(order, "ab");
}

TEST(EventLoop, CallsBackWhenReadableAndMayUnwatchItself) {
  auto loop = *EventLoop::Create();
  auto [a, b] = *PacketSocket::Pair();
  int calls = 0;
  ASSERT_TRUE(loop->Watch(a.fd(), [&, &end = a] {
    ++calls;
    loop->Unwatch(end.fd());
    loop->Stop();
  }).ok());
  ASSERT_TRUE(b.Send("x").ok());
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, CallsBackWhileWritableUntilUnwatched) {
  auto loop = *EventLoop::Create();
  auto [a, b] = *PacketSocket::Pair();
  int readable = 0;
  int writable = 0;
  ASSERT_TRUE(loop->Watch(a.fd(), [&, &end = a] {
    ++readable;
    loop->Unwatch(end.fd());
    loop->Stop();
  }).ok());
  ASSERT_TRUE(loop->WatchWritable(a.fd(), [&, &end = a, &peer = b] {
    if (++writable == 3) {
      loop->UnwatchWritable(end.fd());
      ASSERT_TRUE(peer.Send("x").ok());
    }
  }).ok());
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(writable, 3);
  EXPECT_EQ(readable, 1);
}

TEST(EventLoop, DeliversSignals) {
  auto loop = *EventLoop::Create();
  int caught = 0;
  ASSERT_TRUE(loop->WatchSignals({SIGUSR1}, [&](int number) {
    caught = number;
    loop->Stop();
  }).ok());
  raise(SIGUSR1);
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(caught, SIGUSR1);
}

}  // namespace
}  // namespace flexai::os
