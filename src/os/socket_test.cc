#include "os/socket.h"

#include <gtest/gtest.h>

#include <array>

#include "os/memory.h"
#include "os/process.h"

namespace flexai::os {
namespace {

std::string TestPath(const char* name) {
  return std::string("/tmp/flexai-") + std::to_string(getpid()) + name;
}

TEST(PacketSocket, KeepsBoundariesAndCarriesFds) {
  auto [a, b] = *PacketSocket::Pair();
  const UniqueFd memory = *CreateSealedMemfd("test", 4096);
  const std::array<int, 1> fds{memory.get()};
  ASSERT_TRUE(a.Send("one", fds).ok());
  ASSERT_TRUE(a.Send("two").ok());
  const Packet first = *b.Receive();
  EXPECT_EQ(first.text(), "one");
  ASSERT_EQ(first.fds.size(), 1u);
  EXPECT_EQ(*SealedMemfdBytes(first.fds[0]), 4096u);
  EXPECT_EQ(b.Receive()->text(), "two");
}

TEST(PacketSocket, TellsEndFromTimeout) {
  auto [a, b] = *PacketSocket::Pair();
  EXPECT_EQ(b.Receive(Millis(1)).status().code(), Code::kDeadlineExceeded);
  a.Close();
  EXPECT_EQ(b.Receive().status().code(), Code::kUnavailable);
  EXPECT_EQ(b.Send("x").code(), Code::kUnavailable);
}

TEST(PacketListener, ReplacesAStaleSocketButNotALiveOne) {
  const std::string path = TestPath("listen.sock");
  {
    const PacketListener live = *PacketListener::Listen(path, 0600);
    EXPECT_EQ(PacketListener::Listen(path, 0600).status().code(), Code::kAlreadyExists);
    const PacketSocket client = *PacketSocket::Connect(path);
    const PacketSocket server = *live.Accept();
    EXPECT_EQ(server.Peer()->pid, getpid());
    const auto peer = OpenPeer(server.fd());
    ASSERT_TRUE(peer.ok()) << peer.status().message();
    EXPECT_FALSE(HasEnded(*peer));
  }
  EXPECT_EQ(PacketSocket::Connect(path).status().code(), Code::kNotFound);
}

TEST(PacketListener, RefusesAPathThatIsTooLong) {
  EXPECT_EQ(PacketListener::Listen(std::string(200, 'a'), 0600).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace flexai::os
