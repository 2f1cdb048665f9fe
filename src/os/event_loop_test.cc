#include "os/event_loop.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "os/monotonic_clock.h"
#include "os/socket.h"

namespace flexai::os {
namespace {

TEST(EventLoop, RunsTimersInOrderAndCancels) {
  auto loop = *EventLoop::Create();
  std::string order;
  // One base for all: with a delay counted from each call, a pause between two calls would change the order.
  const Nanos base = MonotonicClock().Now();
  loop->At(base + Micros(300), [&] { order += "b"; });
  loop->At(base + Micros(100), [&] { order += "a"; });
  const uint64_t cancelled = loop->At(base + Micros(200), [&] { order += "x"; });
  loop->Cancel(cancelled);
  loop->At(base + Micros(400), [&] { loop->Stop(); });
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(order, "ab");
}

TEST(EventLoop, CallsBackWhenReadableAndMayUnwatchItself) {
  auto loop = *EventLoop::Create();
  auto [a, b] = *PacketSocket::Pair();
  int calls = 0;
  ASSERT_TRUE(loop->Watch(a.fd(),
                          [&, &end = a] {
                            ++calls;
                            loop->Unwatch(end.fd());
                            loop->Stop();
                          })
                  .ok());
  ASSERT_TRUE(b.Send("x").ok());
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, CallsBackWhileWritableUntilUnwatched) {
  auto loop = *EventLoop::Create();
  auto [a, b] = *PacketSocket::Pair();
  int readable = 0;
  int writable = 0;
  ASSERT_TRUE(loop->Watch(a.fd(),
                          [&, &end = a] {
                            ++readable;
                            loop->Unwatch(end.fd());
                            loop->Stop();
                          })
                  .ok());
  ASSERT_TRUE(loop->WatchWritable(a.fd(),
                                  [&, &end = a, &peer = b] {
                                    if (++writable == 3) {
                                      loop->UnwatchWritable(end.fd());
                                      ASSERT_TRUE(peer.Send("x").ok());
                                    }
                                  })
                  .ok());
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(writable, 3);
  EXPECT_EQ(readable, 1);
}

TEST(EventLoop, AnEventNeverReachesALaterWatchOfTheSameNumber) {
  auto loop = *EventLoop::Create();
  auto [a, a_peer] = *PacketSocket::Pair();
  auto [b, b_peer] = *PacketSocket::Pair();
  int wrong = 0;
  // Whichever is called first closes the other and watches a new, silent socket under its number.
  std::vector<std::pair<PacketSocket, PacketSocket>> later;
  const auto take_over = [&](PacketSocket& self, PacketSocket& other) {
    loop->Unwatch(self.fd());
    loop->Unwatch(other.fd());
    const int number = other.fd();
    other.Close();
    later.push_back(*PacketSocket::Pair());
    ASSERT_EQ(later.back().first.fd(), number);
    ASSERT_TRUE(loop->Watch(number, [&] { ++wrong; }).ok());
    loop->Stop();
  };
  ASSERT_TRUE(loop->Watch(a.fd(), [&, &a = a, &b = b] { take_over(a, b); }).ok());
  ASSERT_TRUE(loop->Watch(b.fd(), [&, &a = a, &b = b] { take_over(b, a); }).ok());
  ASSERT_TRUE(a_peer.Send("x").ok());
  ASSERT_TRUE(b_peer.Send("x").ok());
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(wrong, 0);
}

TEST(EventLoop, DeliversSignals) {
  auto loop = *EventLoop::Create();
  int caught = 0;
  ASSERT_TRUE(loop->WatchSignals({SIGUSR1},
                                 [&](int number) {
                                   caught = number;
                                   loop->Stop();
                                 })
                  .ok());
  raise(SIGUSR1);
  ASSERT_TRUE(loop->Run().ok());
  EXPECT_EQ(caught, SIGUSR1);
}

}  // namespace
}  // namespace flexai::os
