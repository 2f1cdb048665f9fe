// A program with vXPUs on two devices of one platform: PoCL shows as many as POCL_DEVICES names.
#include <stdlib.h>

#include "node_fixture.h"

namespace flexai {
namespace {

class Devices : public NodeFixture {
 protected:
  void SetUp() override {
    setenv("POCL_DEVICES", "pthread pthread", 1);
    NodeFixture::SetUp();
    ASSERT_NO_FATAL_FAILURE(StartDaemon());
  }
  void TearDown() override {
    NodeFixture::TearDown();
    unsetenv("POCL_DEVICES");
  }

  // The second vXPU lies on the second device, the others on the first.
  static std::vector<std::string> Vxpus() {
    return {
        "--vxpu", "device=pocl-0,share=20%,memory=300Mi", "--vxpu", "device=pocl-1,share=20%,memory=200Mi",
        "--vxpu", "device=pocl-0,share=20%,memory=100Mi", "--"};
  }
  Outcome Run(const std::vector<std::string>& command) const {
    std::vector<std::string> arguments = Vxpus();
    arguments.insert(arguments.begin(), "run");
    arguments.insert(arguments.end(), command.begin(), command.end());
    return Flexai(arguments);
  }

  const std::string shown_ =
      "device 0: 300 MiB, of the platform, computes: 0\n"
      "device 1: 200 MiB, of the platform, computes: 0\n"
      "device 2: 100 MiB, of the platform, computes: 0\n"
      "0 and 1: -2, told why\n"
      "0 and 2: 0\n"
      "1 and 2: -2, told why\n"
      "context from type: 2 devices\n";
};

TEST_F(Devices, AreOnePlatformInTheOrderOfTheVxpus) {
  const Outcome outcome = Run({programs_ + "/devices_tenant", "show"});
  EXPECT_EQ(outcome.text, "platforms: 1\n" + shown_);
  EXPECT_EQ(outcome.exit, 0);
}

TEST_F(Devices, AreListedByClinfo) {
  const Outcome outcome = Run({"sh", "-c", "clinfo -l | cut -d: -f1"});
  EXPECT_EQ(outcome.text, "Platform #0\n +-- Device #0\n +-- Device #1\n `-- Device #2\n");
  EXPECT_EQ(outcome.exit, 0);
}

TEST_F(Devices, WorkInAForkedChildByItsParentsHandles) {
  const Outcome outcome = Run({programs_ + "/devices_tenant", "child"});
  EXPECT_EQ(outcome.text,
            "platforms: 1\n" + shown_ + "the handles are the same\nparent: 0 before, 0 after\n");
  EXPECT_EQ(outcome.exit, 0);
}

TEST_F(Devices, OneLostExecutorLeavesTheOthersWorking) {
  const std::string output = folder_ + "/output";
  std::vector<std::string> arguments{"--vxpu", "device=pocl-0,share=20%,memory=64Mi",
                                     "--vxpu", "device=pocl-1,share=20%,memory=64Mi",
                                     "--",     "/bin/sh",
                                     "-c",     programs_ + "/devices_tenant lost > " + output};
  const os::Process run = StartRun(arguments);
  const std::string before = "platforms: 1\nthe last one computes: 0\n";
  EXPECT_TRUE(Eventually([&] { return os::ReadFile(output).ok() && *os::ReadFile(output) == before; }));
  const nlohmann::json account = FlexaiJson({"ps", "-o", "json"});
  pid_t executor = 0;
  for (const nlohmann::json& session : account.at("sessions")) {
    executor = session.at("device") == "pocl-1" ? session.at("executor_pid").get<pid_t>() : executor;
  }
  ASSERT_TRUE(executor > 0 || !os::SignalProcess(run.pidfd, SIGKILL).ok());
  ASSERT_EQ(kill(executor, SIGKILL), 0);
  EXPECT_EQ(os::Reap(run)->value, 0);
  EXPECT_EQ(*os::ReadFile(output), before + "lost: -5\ndevice 0 computes: 0\nthe last one computes: -5\n");
}

}  // namespace
}  // namespace flexai
