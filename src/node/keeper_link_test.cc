#include "node/keeper_link.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <string>
#include <vector>

#include "os/files.h"
#include "os/memory.h"

namespace flexai::node {
namespace {

using nlohmann::json;

// The other end of the link is played by the test on the same loop.
class KeeperLinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-link-XXXXXX";
    folder_ = mkdtemp(name);
    loop_ = *os::EventLoop::Create();
    listener_ = *os::PacketListener::Listen(folder_ + "/k", 0600);
    link_ = *KeeperLink::Connect(*loop_, folder_ + "/k", [this](const Status& why) {
      lost_ = why;
      loop_->Stop();
    });
    keeper_ = *listener_.Accept();
  }
  void TearDown() override {
    link_.reset();
    ASSERT_TRUE(os::RemoveFolder(folder_).ok());
  }

  // Answers each request by `answer`, in order.
  void Play(std::function<std::string(const json&)> answer) {
    ASSERT_TRUE(loop_
                    ->Watch(keeper_.fd(),
                            [this, answer = std::move(answer)] {
                              const Result<os::Packet> received = keeper_.Receive({0});
                              if (!received.ok()) {
                                return loop_->Unwatch(keeper_.fd());
                              }
                              const os::Packet& packet = *received;
                              requests_.push_back(json::parse(packet.text()));
                              if (const std::string text = answer(requests_.back()); !text.empty()) {
                                std::vector<int> fds;
                                for (const os::UniqueFd& fd : packet.fds) {
                                  fds.push_back(fd.get());
                                }
                                ASSERT_TRUE(keeper_.Send(text, fds).ok());
                              }
                            })
                    .ok());
  }

  std::string folder_;
  std::unique_ptr<os::EventLoop> loop_;
  os::PacketListener listener_;
  os::PacketSocket keeper_;
  std::unique_ptr<KeeperLink> link_;
  std::vector<json> requests_;
  Status lost_;
};

TEST_F(KeeperLinkTest, AnswersReachTheirRequestsInOrderWithFiles) {
  Play([](const json& request) { return json{{"ok", true}, {"echo", request["n"]}}.dump(); });
  const os::UniqueFd memory = *os::CreateSealedMemfd("t", 4096);
  std::vector<int> echoes;
  size_t files = 0;
  link_->Request({{"op", "x"}, {"n", 1}}, {memory.get()}, Seconds(10), [&](Result<KeeperReply> reply) {
    echoes.push_back(reply->body["echo"]);
    files = reply->fds.size();
  });
  link_->Request({{"op", "x"}, {"n", 2}}, {}, Seconds(10), [&](Result<KeeperReply> reply) {
    echoes.push_back(reply->body["echo"]);
    EXPECT_TRUE(reply->fds.empty());
    loop_->Stop();
  });
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(echoes, (std::vector<int>{1, 2}));
  EXPECT_EQ(files, 1u);
}

TEST_F(KeeperLinkTest, ARefusalComesWithItsCodeAndSentence) {
  Play([](const json&) { return R"({"ok": false, "code": "resource_exhausted", "message": "full"})"; });
  Status refused;
  link_->Request({{"op", "x"}}, {}, Seconds(10), [&](const Result<KeeperReply>& reply) {
    refused = reply.status();
    loop_->Stop();
  });
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.message(), "full");
  EXPECT_TRUE(lost_.ok());
}

TEST_F(KeeperLinkTest, WhenTheKeeperGoesEveryRequestFailsOnceAndThenTheLinkIsLost) {
  Play([this](const json&) {
    loop_->Unwatch(keeper_.fd());
    keeper_.Close();
    return std::string();
  });
  std::vector<Code> codes;
  for (int i = 0; i < 3; ++i) {
    link_->Request({{"op", "x"}}, {}, Seconds(10), [&](const Result<KeeperReply>& reply) {
      EXPECT_TRUE(lost_.ok());
      codes.push_back(reply.status().code());
    });
  }
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(codes, (std::vector<Code>(3, Code::kUnavailable)));
  EXPECT_EQ(lost_.code(), Code::kUnavailable);
}

TEST_F(KeeperLinkTest, AKeeperThatDoesNotAnswerIsLost) {
  Play([](const json&) { return std::string(); });
  Status failed;
  link_->Request({{"op", "x"}}, {}, Millis(1),
                 [&](const Result<KeeperReply>& reply) { failed = reply.status(); });
  ASSERT_TRUE(loop_->Run().ok());
  EXPECT_EQ(failed.code(), Code::kDeadlineExceeded);
  EXPECT_EQ(lost_.code(), Code::kDeadlineExceeded);
}

TEST_F(KeeperLinkTest, AnAnswerThatIsNoneEndsTheLink) {
  for (const char* text : {"", "nonsense", "[]", "{}", R"({"ok": 1})"}) {
    lost_ = {};
    Status failed;
    Play([text](const json&) { return std::string(text) + " "; });
    link_->Request({{"op", "x"}}, {}, Seconds(10),
                   [&](const Result<KeeperReply>& reply) { failed = reply.status(); });
    ASSERT_TRUE(loop_->Run().ok());
    EXPECT_EQ(failed.code(), Code::kInternal) << text;
    loop_->Unwatch(keeper_.fd());
    link_ = *KeeperLink::Connect(*loop_, folder_ + "/k", [this](const Status& why) {
      lost_ = why;
      loop_->Stop();
    });
    keeper_ = *listener_.Accept();
  }
}

TEST_F(KeeperLinkTest, ACallbackMayDestroyTheLink) {
  Play([](const json&) { return R"({"ok": true})"; });
  link_->Request({{"op", "x"}}, {}, Seconds(10), [&](const Result<KeeperReply>&) {
    link_.reset();
    loop_->Stop();
  });
  link_->Request({{"op", "x"}}, {}, Seconds(10),
                 [&](const Result<KeeperReply>&) { FAIL() << "after its end"; });
  ASSERT_TRUE(loop_->Run().ok());
}

TEST(StatusFromJsonTest, UnknownCodesAreInternal) {
  EXPECT_EQ(StatusFromJson({{"code", "not_found"}, {"message", "m"}}).code(), Code::kNotFound);
  EXPECT_EQ(StatusFromJson({{"code", "odd"}}).code(), Code::kInternal);
  EXPECT_EQ(StatusFromJson(json()).code(), Code::kInternal);
  EXPECT_EQ(StatusFromJson({{"code", "ok"}}).code(), Code::kInternal);
}

}  // namespace
}  // namespace flexai::node
