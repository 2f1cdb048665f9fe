#include "node/http_server.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>

#include "os/files.h"
#include "os/process.h"
#include "os/stream.h"

namespace flexai::node {
namespace {

// The server runs on a thread of its own; the test is its client.
class HttpServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-http-XXXXXX";
    folder_ = mkdtemp(name);
    loop_ = *os::EventLoop::Create();
    server_ = std::make_unique<HttpServer>(*loop_, [this](HttpRequest request, HttpServer::Respond respond) {
      Handle(request, std::move(respond));
    });
    ASSERT_TRUE(server_->ListenUnix(folder_ + "/s", 0600).ok());
    const Result<uint16_t> port = server_->ListenTcp("127.0.0.1", 0);
    ASSERT_TRUE(port.ok());
    thread_ = std::thread([this] { ASSERT_TRUE(loop_->Run().ok()); });
  }
  void TearDown() override {
    loop_->Stop();
    thread_.join();
    server_.reset();
    EXPECT_EQ(os::ConnectStream(folder_ + "/s").status().code(), Code::kNotFound);
    ASSERT_TRUE(os::RemoveFolder(folder_).ok());
  }

  void Handle(const HttpRequest& request, HttpServer::Respond respond) {
    if (request.path == "/later") {
      loop_->After(Millis(1), [respond] { respond({200, "text/plain", "later"}); });
      return;
    }
    if (request.path == "/large") {
      return respond({200, "text/plain", std::string(8 << 20, 'x')});
    }
    if (request.path == "/peer") {
      const Result<os::UniqueFd> peer = request.open_peer();
      return respond({peer.ok() && !os::HasEnded(*peer) && !request.remote ? 200 : 500, "text/plain",
                      std::to_string(request.peer.pid)});
    }
    respond(
        {200, "text/plain", request.method + " " + request.path + " " + request.query + " " + request.body});
  }

  os::UniqueFd Connect() { return *os::ConnectStream(folder_ + "/s"); }

  // Everything up to the end of the stream, or until `until` was read.
  static std::string Read(const os::UniqueFd& stream, std::string_view until = "") {
    std::string text;
    std::array<char, 65536> buffer;
    while (until.empty() || text.find(until) == std::string::npos) {
      if (!*os::WaitForInput(stream, Seconds(20))) {
        return text + "(nothing more came)";
      }
      const Result<size_t> got = os::ReadSome(stream, buffer);
      if (!got.ok() || *got == 0) {
        break;
      }
      text.append(buffer.data(), *got);
    }
    return text;
  }

  std::string Ask(std::string_view request) {
    const os::UniqueFd stream = Connect();
    EXPECT_TRUE(os::WriteAll(stream, request, Seconds(10)).ok());
    return Read(stream);
  }

  static std::string Body(const std::string& response) {
    return response.substr(response.find("\r\n\r\n") + 4);
  }

  std::string folder_;
  std::unique_ptr<os::EventLoop> loop_;
  std::unique_ptr<HttpServer> server_;
  std::thread thread_;
};

constexpr const char* kClose = "Host: x\r\nConnection: close\r\n\r\n";

TEST_F(HttpServerTest, HandsOverMethodPathQueryAndBody) {
  EXPECT_EQ(Body(Ask("POST /a/b?c=1 HTTP/1.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxyz")),
            "POST /a/b c=1 xyz");
}

TEST_F(HttpServerTest, AnswersLaterAndOneRequestAfterTheOther) {
  const os::UniqueFd stream = Connect();
  ASSERT_TRUE(os::WriteAll(stream, "GET /later HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", Seconds(10)).ok());
  const std::string text = Read(stream, "GET /2");
  EXPECT_LT(text.find("later"), text.find("GET /2"));
}

TEST_F(HttpServerTest, KnowsTheProcessBehindAUnixSocket) {
  EXPECT_EQ(Body(Ask(std::string("GET /peer HTTP/1.1\r\n") + kClose)), std::to_string(getpid()));
}

TEST_F(HttpServerTest, ARequestMayComeInPieces) {
  const os::UniqueFd stream = Connect();
  for (const char c : std::string("GET /p HTTP/1.1\r\n") + kClose) {
    ASSERT_TRUE(os::WriteAll(stream, std::string_view(&c, 1), Seconds(10)).ok());
  }
  EXPECT_EQ(Body(Read(stream)), "GET /p  ");
}

TEST_F(HttpServerTest, WhatIsNoRequestIsAnsweredAndDropped) {
  EXPECT_EQ(Ask("nonsense\r\n\r\n").find("HTTP/1.1 400"), 0u);
  EXPECT_EQ(Ask("POST / HTTP/1.1\r\nContent-Length: 10000000\r\n\r\n").find("HTTP/1.1 413"), 0u);
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n").find("HTTP/1.1 413"), 0u);
}

TEST_F(HttpServerTest, ASlowReaderHoldsUpNobody) {
  const os::UniqueFd slow = Connect();
  ASSERT_TRUE(os::WriteAll(slow, std::string("GET /large HTTP/1.1\r\n") + kClose, Seconds(10)).ok());
  EXPECT_EQ(Body(Ask(std::string("GET /quick HTTP/1.1\r\n") + kClose)), "GET /quick  ");
  EXPECT_EQ(Body(Read(slow)).size(), 8u << 20);
}

TEST_F(HttpServerTest, AClientThatGoesAwayIsForgotten) {
  {
    const os::UniqueFd stream = Connect();
    ASSERT_TRUE(os::WriteAll(stream, "GET /later HTTP/1.1\r\n\r\n", Seconds(10)).ok());
  }
  EXPECT_EQ(Body(Ask(std::string("GET /quick HTTP/1.1\r\n") + kClose)), "GET /quick  ");
}

TEST_F(HttpServerTest, OneUserMayHoldSoManyConnections) {
  std::vector<os::UniqueFd> held;
  for (size_t i = 0; i < HttpServer::kMaxConnectionsPerUser; ++i) {
    held.push_back(Connect());
  }
  const os::UniqueFd one_more = Connect();
  // The server may have closed it already.
  static_cast<void>(os::WriteAll(one_more, std::string("GET /quick HTTP/1.1\r\n") + kClose, Seconds(10)));
  EXPECT_EQ(Read(one_more), "");
  held.clear();
}

}  // namespace
}  // namespace flexai::node
