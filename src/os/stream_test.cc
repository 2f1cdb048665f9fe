#include "os/stream.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <string>

#include "os/files.h"
#include "os/socket.h"

namespace flexai::os {
namespace {

class StreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/stream_test_XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    auto listener = PacketListener::Listen(folder_ + "/s", 0600, /*stream=*/true);
    ASSERT_TRUE(listener.ok()) << listener.status().message();
    listener_ = *std::move(listener);
    auto client = ConnectStream(folder_ + "/s");
    ASSERT_TRUE(client.ok()) << client.status().message();
    client_ = *std::move(client);
    server_ = listener_.Accept()->Release();
  }
  void TearDown() override { EXPECT_TRUE(RemoveFolder(folder_).ok()); }

  std::string folder_;
  PacketListener listener_;
  UniqueFd client_, server_;
};

TEST_F(StreamTest, CarriesBytesAndTheEnd) {
  ASSERT_TRUE(WriteAll(client_, "hello", Seconds(1)).ok());
  ASSERT_TRUE(*WaitForInput(server_, Seconds(5)));
  std::array<char, 16> buffer;
  const auto got = ReadSome(server_, buffer);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(std::string(buffer.data(), *got), "hello");
  EXPECT_EQ(ReadSome(server_, buffer).status().code(), Code::kUnavailable);
  client_.Reset();
  ASSERT_TRUE(*WaitForInput(server_, Seconds(5)));
  EXPECT_EQ(*ReadSome(server_, buffer), 0u);
}

TEST_F(StreamTest, AFullStreamTakesNothingAndAGonePeerFails) {
  const std::string block(64 * 1024, 'x');
  while (*WriteSome(client_, block) > 0) {
  }
  EXPECT_EQ(WriteAll(client_, block, Millis(1)).code(), Code::kDeadlineExceeded);
  server_.Reset();
  EXPECT_FALSE(WriteSome(client_, block).ok());
}

TEST(StreamConnectTest, NobodyThereIsNotFound) {
  EXPECT_EQ(ConnectStream("/tmp/no-such-socket").status().code(), Code::kNotFound);
}

TEST(TcpTest, ListensOnANumericAddressOnly) {
  auto listener = ListenTcp("127.0.0.1", 0);
  ASSERT_TRUE(listener.ok()) << listener.status().message();
  const auto port = LocalPort(*listener);
  ASSERT_TRUE(port.ok());
  EXPECT_NE(*port, 0);
  EXPECT_EQ(AcceptStream(*listener).status().code(), Code::kUnavailable);
  EXPECT_EQ(ListenTcp("127.0.0.1", *port).status().code(), Code::kAlreadyExists);
  EXPECT_EQ(ListenTcp("localhost", 0).status().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace flexai::os
