// What a user meets when something is wrong: one clear sentence, a non-zero exit, nothing left behind; and
// what must survive when a process is killed.
#include <gmock/gmock.h>

#include "node_fixture.h"
#include "os/socket.h"
#include "wire/attach.h"

namespace flexai {
namespace {

using ::testing::HasSubstr;

class Faults : public NodeFixture {
 protected:
  // Runs `flexai run` with bad arguments and expects one sentence that has `expected` in it.
  void ExpectRefusal(std::vector<std::string> arguments, const std::string& expected) {
    arguments.insert(arguments.begin(), "run");
    arguments.insert(arguments.end(), {"--", "/bin/true"});
    const Outcome outcome = Flexai(arguments);
    EXPECT_NE(outcome.exit, 0) << outcome.text;
    EXPECT_THAT(outcome.text, HasSubstr(expected));
    EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
  }
  void SetUp() override {
    NodeFixture::SetUp();
    done_ = folder_ + "/done";
  }
  size_t Count(const char* what) { return FlexaiJson({"ps", "-o", "json"}).at(what).size(); }

  std::string done_;  // once this file exists, the workers that were told of it end
};

TEST_F(Faults, BadRequestsAreRefusedInOneSentenceAndLeaveNothing) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  ExpectRefusal({"--share", "0%"}, "share");
  ExpectRefusal({"--share", "101%"}, "101%");
  ExpectRefusal({"--share", "0.05%"}, "0.05%");
  ExpectRefusal({"--share", "lots"}, "lots");
  ExpectRefusal({"--share", "10%", "--memory", "2Gx"}, "2Gx");
  ExpectRefusal({"--share", "10%", "--memory", "900Ti"}, "900 TiB");
  ExpectRefusal({"--share", "50%", "--limit", "20%"}, "limit");
  ExpectRefusal({"--share", "10%", "--device", "nonesuch"}, "nonesuch");
  ExpectRefusal({"--share", "10%", "--device", "nonesuch"}, "pocl-0");
  ExpectRefusal({"--share", "10%", "--priority", "urgent"}, "urgent");
  EXPECT_EQ(Count("vxpus"), 0u);
  EXPECT_EQ(Count("sessions"), 0u);
}

TEST_F(Faults, GuaranteesNeverSumAboveTheDevice) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const os::Process holder = StartRun({"--share", "80%", "--memory", "64Mi", "--", "/bin/sleep", "1000"});
  ASSERT_TRUE(Eventually([&] { return Count("vxpus") == 1; }));
  ExpectRefusal({"--share", "30%", "--memory", "64Mi"}, "20 %");
  ASSERT_TRUE(os::SignalProcess(holder.pidfd, SIGKILL).ok());
  ASSERT_TRUE(os::Reap(holder).ok());
  // The killed run's vXPU goes with it, and its share is free again.
  EXPECT_TRUE(Eventually([&] { return Count("vxpus") == 0; }));
  EXPECT_EQ(Flexai({"run", "--share", "100%", "--memory", "64Mi", "--", "/bin/true"}).exit, 0);
}

TEST_F(Faults, TheExitStatusOfTheCommandIsPassedOn) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  EXPECT_EQ(Flexai({"run", "--share", "10%", "--", "/bin/sh", "-c", "exit 7"}).exit, 7);
  EXPECT_NE(Flexai({"run", "--share", "10%", "--", "/no/such/program"}).exit, 0);
}

TEST_F(Faults, NoOpenClIsSaidInOneSentence) {
  ASSERT_TRUE(os::MakeFolders(folder_ + "/no-vendors").ok());
  const Outcome outcome =
      Flexai({"run", "--share", "10%", "--", "/bin/true"}, {"FLEXAI_NATIVE_ICDS=" + folder_ + "/no-vendors"});
  EXPECT_NE(outcome.exit, 0);
  EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
  EXPECT_THAT(outcome.text, HasSubstr("OpenCL"));
}

TEST_F(Faults, StatusCommandsWithoutADaemonSaySo) {
  const std::vector<std::vector<std::string>> commands{
      {"ps"}, {"top", "--once"}, {"stop", "1"}, {"logs", "1"}, {"resize", "1", "--share", "10%"}};
  for (const std::vector<std::string>& command : commands) {
    const Outcome outcome = Flexai(command);
    EXPECT_NE(outcome.exit, 0);
    EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
    EXPECT_THAT(outcome.text, HasSubstr("flexaid"));
  }
  // The inventory needs no daemon.
  EXPECT_THAT(Flexai({"devices"}).text, HasSubstr("pocl-0"));
}

TEST_F(Faults, ASecondDaemonOnTheDeviceGetsOneSentence) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  ASSERT_TRUE(Eventually([&] {
    return FlexaiJson({"devices", "-o", "json"}).at("devices")[0].at("state") == "serving";
  }));
  ASSERT_TRUE(os::MakeFolders(folder_ + "/run2").ok());
  const Outcome outcome =
      Flexai({"run", "--share", "10%", "--", "/bin/true"}, {"FLEXAI_RUNTIME_DIR=" + folder_ + "/run2"});
  EXPECT_NE(outcome.exit, 0);
  EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
  EXPECT_THAT(outcome.text, HasSubstr("pocl-0"));
}

TEST_F(Faults, AShimOfAnotherProtocolIsRefusedAndTheDaemonGoesOn) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const os::PacketSocket socket = *os::PacketSocket::Connect(folder_ + "/run/attach.sock");
  wire::AttachRequest request{};
  request.magic = wire::kAttachMagic;
  request.major = 99;
  request.op = wire::AttachOp::kList;
  request.api = wire::AttachApi::kOpenCl;
  ASSERT_TRUE(socket.Send(std::as_bytes(std::span(&request, 1))).ok());
  const Result<os::Packet> packet = socket.Receive(Seconds(10));
  ASSERT_TRUE(packet.ok());
  ASSERT_EQ(packet->bytes.size(), sizeof(wire::AttachReply));
  wire::AttachReply reply;
  std::memcpy(&reply, packet->bytes.data(), sizeof(reply));
  EXPECT_NE(reply.code, 0);
  EXPECT_THAT(std::string(reply.message), HasSubstr("99"));
  EXPECT_EQ(Flexai({"devices"}).exit, 0);
}

TEST_F(Faults, GarbageAtTheAttachSocketHarmsNobody) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  for (const size_t bytes : {size_t{1}, size_t{100}, sizeof(wire::AttachRequest), size_t{60000}}) {
    const os::PacketSocket socket = *os::PacketSocket::Connect(folder_ + "/run/attach.sock");
    const std::vector<std::byte> garbage(bytes, std::byte{0xa5});
    static_cast<void>(socket.Send(garbage));
    static_cast<void>(socket.Receive(Seconds(10)));
  }
  EXPECT_EQ(
      Flexai({"run", "--share", "10%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "0.2"}).exit,
      0);
}

TEST_F(Faults, KillingTheDaemonDisturbsNobodyAndTheNextOneAdopts) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const os::Process run =
      StartRun({"--share", "40%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "300", done_});
  ASSERT_TRUE(Eventually([&] { return Count("sessions") == 1; }));
  const uint64_t session = FlexaiJson({"ps", "-o", "json"}).at("sessions")[0].at("session").get<uint64_t>();
  ASSERT_TRUE(os::SignalProcess(daemon_.pidfd, SIGKILL).ok());
  ASSERT_TRUE(os::Reap(daemon_).ok());
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const nlohmann::json adopted = FlexaiJson({"ps", "-o", "json"});
  ASSERT_EQ(adopted.at("sessions").size(), 1u);
  EXPECT_EQ(adopted.at("sessions")[0].at("session").get<uint64_t>(), session);
  // Its guarantee still counts.
  ExpectRefusal({"--share", "70%", "--memory", "64Mi"}, "60 %");
  ASSERT_TRUE(os::WriteFile(done_, "").ok());
  const os::ExitState exit = *os::Reap(run);
  EXPECT_FALSE(exit.signaled);
  EXPECT_EQ(exit.value, 0);
  EXPECT_TRUE(Eventually([&] { return Count("vxpus") == 0 && Count("sessions") == 0; }));
}

TEST_F(Faults, AKilledExecutorEndsItsSessionOnly) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const os::Process first =
      StartRun({"--share", "40%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "300", done_});
  const os::Process second =
      StartRun({"--share", "40%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "300", done_});
  ASSERT_TRUE(Eventually([&] { return Count("sessions") == 2; }));
  const nlohmann::json sessions = FlexaiJson({"ps", "-o", "json"}).at("sessions");
  ASSERT_EQ(sessions.size(), 2u);
  ASSERT_EQ(kill(sessions[0].at("executor_pid").get<pid_t>(), SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return os::HasEnded(first.pidfd) || os::HasEnded(second.pidfd); }));
  ASSERT_TRUE(os::WriteFile(done_, "").ok());
  const int a = os::Reap(first)->value;
  const int b = os::Reap(second)->value;
  // One tenant is told that its session is lost (3), the other computes on, every result right (0).
  EXPECT_EQ(std::min(a, b), 0);
  EXPECT_EQ(std::max(a, b), 3);
  EXPECT_TRUE(Eventually([&] { return Count("vxpus") == 0 && Count("sessions") == 0; }));
}

}  // namespace
}  // namespace flexai
