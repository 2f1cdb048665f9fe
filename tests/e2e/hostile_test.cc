// Tenants that mean harm, through a real flexaid: what they write ends their own session, and a neighbour
// computes on.
#include <gmock/gmock.h>

#include <algorithm>

#include "node_fixture.h"

namespace flexai {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class Hostile : public NodeFixture {
 protected:
  // A pidfd of the process that serves the socket of this name.
  os::UniqueFd Serving(const std::string& socket) const {
    const os::PacketSocket connection = *os::PacketSocket::Connect(folder_ + "/run/" + socket);
    return *os::OpenPeer(connection.fd());
  }
  Outcome RunHostile(const std::string& way) const {
    return Flexai({"run", "--share", "10%", "--memory", "64Mi", "--", programs_ + "/hostile_tenant", way});
  }
  // What the log of the hostile session that ended last says.
  std::string LastLog() const {
    json ended = FlexaiJson({"ps", "-a", "-o", "json"}).at("ended");
    for (auto session = ended.rbegin(); session != ended.rend(); ++session) {
      if (session->at("command") == "hostile") {
        return Flexai({"logs", "--session", session->at("session").dump()}).text;
      }
    }
    return "(no such session)";
  }
};

TEST_F(Hostile, WhatATenantWritesEndsItsOwnSessionOnly) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const std::string done = folder_ + "/done";
  const os::Process neighbour =
      StartRun({"--share", "40%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "300", done});
  const auto sessions = [this] { return FlexaiJson({"ps", "-o", "json"}).at("sessions"); };
  ASSERT_TRUE(Eventually([&] { return sessions().size() == 1; }));
  const json before = sessions()[0].at("session");
  const os::UniqueFd daemon = Serving("attach.sock");
  const os::UniqueFd keeper = Serving("keeper-pocl-0.sock");

  const std::pair<std::string, std::string> ways[] = {{"noise", "the ring claims"},
                                                      {"rewind", "the ring claims"},
                                                      {"length", "a frame of 2147483640 bytes"},
                                                      {"sequence", "frame 77 of session"},
                                                      {"call", "frame 1 is no valid"}};
  for (const auto& [way, sentence] : ways) {
    const Outcome outcome = RunHostile(way);
    EXPECT_EQ(outcome.exit, 0) << way << ": " << outcome.text;
    ASSERT_TRUE(Eventually([&] { return sessions().size() == 1; })) << way;
    EXPECT_THAT(LastLog(), HasSubstr("flexai-executor: the session is ended: ")) << way;
    EXPECT_THAT(LastLog(), HasSubstr(sentence)) << way;
  }
  const Outcome descriptors = RunHostile("descriptors");
  EXPECT_EQ(descriptors.exit, 0) << descriptors.text;

  ASSERT_TRUE(Eventually([&] { return sessions().size() == 1; }));
  EXPECT_EQ(sessions()[0].at("session"), before);
  EXPECT_FALSE(os::HasEnded(daemon));
  EXPECT_FALSE(os::HasEnded(keeper));
  ASSERT_TRUE(os::WriteFile(done, "").ok());
  const os::ExitState exit = *os::Reap(neighbour);
  EXPECT_FALSE(exit.signaled);
  EXPECT_EQ(exit.value, 0);  // every one of its results was right
  EXPECT_TRUE(Eventually([&] { return FlexaiJson({"ps", "-o", "json"}).at("vxpus").empty(); }));
}

TEST_F(Hostile, AShimOfAnotherReleaseIsSaidByRun) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const Outcome outcome = RunHostile("old");
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_THAT(outcome.text,
              HasSubstr("flexai: the command was not attached to its device: libflexai-opencl.so "
                        "speaks protocol 99."));
  EXPECT_THAT(outcome.text, HasSubstr("install the same release of both\n"));
  EXPECT_TRUE(FlexaiJson({"ps", "-o", "json"}).at("vxpus").empty());
}

}  // namespace
}  // namespace flexai
