// The programs flexai and flexaid as users start them, with the fake keeper and the fake executor beside
// them.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/socket.h"

namespace flexai::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr Nanos kPatience = Seconds(60);

struct Ran {
  int exit = -1;
  std::string out;
};

class EndToEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-e2e-XXXXXX";
    folder_ = mkdtemp(name);
    namespace fs = std::filesystem;
    fs::create_directory(folder_ + "/bin");
    fs::copy_file(FLEXAI_PROGRAM, folder_ + "/bin/flexai");
    fs::copy_file(FLEXAID_PROGRAM, folder_ + "/bin/flexaid");
    fs::copy_file(FLEXAI_FAKE_KEEPER, folder_ + "/bin/flexai-keeper");
    fs::copy_file(FLEXAI_FAKE_EXECUTOR, folder_ + "/bin/flexai-executor");
    ASSERT_TRUE(os::WriteFile(folder_ + "/bin/libflexai-opencl.so", "").ok());
    Configure("idle_exit = \"300ms\"\n");
  }
  void TearDown() override {
    // The daemon ends by itself soon after the last vXPU, and with it every process and socket.
    EXPECT_TRUE(Eventually([this] { return Processes().empty(); })) << testing::PrintToString(Processes());
    EXPECT_FALSE(std::filesystem::exists(Runtime() + "/api.sock"));
    EXPECT_FALSE(std::filesystem::exists(Runtime() + "/attach.sock"));
    if (HasFailure()) {
      fmt::print(stderr, "{}\n",
                 os::ReadFile(Runtime() + "/logs/flexaid.log").ok()
                     ? *os::ReadFile(Runtime() + "/logs/flexaid.log")
                     : std::string("(no log)"));
    }
    ASSERT_TRUE(os::RemoveFolder(folder_).ok());
  }

  std::string Runtime() const { return folder_ + "/run"; }
  std::string Flexai() const { return folder_ + "/bin/flexai"; }
  void Configure(const std::string& text) {
    ASSERT_TRUE(os::WriteFile(folder_ + "/flexaid.conf", text).ok());
  }

  os::SpawnOptions Options(std::vector<std::string> arguments) const {
    os::SpawnOptions options;
    options.program = Flexai();
    options.arguments = std::move(arguments);
    options.environment = os::Environment({"FLEXAI_RUNTIME_DIR=" + Runtime(), "FLEXAI_LOCK_DIR=" + folder_,
                                           "FLEXAI_CONFIG=" + folder_ + "/flexaid.conf",
                                           "FLEXAI_FAKE_PROBE=" + probe_, "OCL_ICD_VENDORS"});
    return options;
  }

  // Output and errors together.
  Ran Flexai(std::vector<std::string> arguments) const {
    os::SpawnOptions options = Options(arguments);
    options.program = "/bin/sh";
    arguments.insert(arguments.begin(), {"-c", "exec \"$@\" 2>&1", "sh", Flexai()});
    options.arguments = std::move(arguments);
    const Result<os::Output> output = os::RunAndCapture(std::move(options), kPatience);
    EXPECT_TRUE(output.ok()) << output.status().message();
    return output.ok()
               ? Ran{output->exit.signaled ? 1000 + output->exit.value : output->exit.value, output->out}
               : Ran{};
  }
  json FlexaiJson(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"-o", "json"});
    const Ran ran = Flexai(arguments);
    EXPECT_EQ(ran.exit, 0) << ran.out;
    return json::parse(ran.out, nullptr, false);
  }
  size_t VxpuCount() const {
    const Ran ran = Flexai({"ps", "-o", "json"});
    // A daemon that flexai started for itself goes when nothing is left.
    if (ran.exit == 1 && ran.out.starts_with("flexai: no flexaid is running")) {
      return 0;
    }
    EXPECT_EQ(ran.exit, 0) << ran.out;
    const json answer = json::parse(ran.out, nullptr, false);
    return answer.is_object() ? answer["vxpus"].size() : SIZE_MAX;
  }

  os::Process Start(std::vector<std::string> arguments) const {
    os::SpawnOptions options = Options(std::move(arguments));
    Result<os::Process> process = os::Spawn(options);
    EXPECT_TRUE(process.ok());
    return *std::move(process);
  }

  // Events of other processes arrive when they arrive.
  template <typename Condition>
  static bool Eventually(Condition condition) {
    const os::MonotonicClock clock;
    for (const Nanos until = clock.Now() + kPatience; clock.Now() < until; std::this_thread::yield()) {
      if (condition()) {
        return true;
      }
    }
    return false;
  }
  bool FileAppears(const std::string& path) {
    return Eventually([&path] { return std::filesystem::exists(path); });
  }

  // Command lines of the processes of this test that still run, children of `flexai run` apart.
  std::vector<std::string> Processes() const {
    std::vector<std::string> found;
    const Result<std::vector<std::string>> names = os::ListFolder("/proc");
    for (const std::string& name : *names) {
      const Result<std::string> command = os::ReadFile("/proc/" + name + "/cmdline");
      if (command.ok() && command->starts_with(folder_ + "/bin/")) {
        found.push_back(*command);
      }
    }
    return found;
  }
  pid_t DaemonPid() const {
    const Result<os::PacketSocket> socket = os::PacketSocket::Connect(Runtime() + "/attach.sock");
    return socket.ok() ? os::PeerOf(socket->fd())->pid : 0;
  }
  os::UniqueFd Daemon() const {
    const os::PacketSocket socket = *os::PacketSocket::Connect(Runtime() + "/attach.sock");
    return *os::OpenPeer(socket.fd());
  }

  std::string folder_;
  std::string probe_;
};

TEST_F(EndToEndTest, RunGivesTheCommandItsVxpuAndPassesItsStatusOn) {
  const Ran ran = Flexai(
      {"run", "--share", "30%", "--memory", "2Gi", "--", "sh", "-c", Flexai() + " ps -o json; env; exit 7"});
  EXPECT_EQ(ran.exit, 7);
  EXPECT_THAT(ran.out, HasSubstr("\"request_permille\": 300"));
  EXPECT_THAT(ran.out, HasSubstr("\"memory_bytes\": 2147483648"));
  EXPECT_THAT(ran.out, HasSubstr("\"name\": \"sh\""));
  EXPECT_THAT(ran.out, HasSubstr("FLEXAI_ATTACH_SOCKET=" + Runtime() + "/attach.sock\n"));
  EXPECT_THAT(ran.out, HasSubstr("FLEXAI_VXPUS=1\n"));
  EXPECT_THAT(ran.out, HasSubstr("OCL_ICD_FILENAMES=" + folder_ + "/bin/libflexai-opencl.so\n"));
  EXPECT_THAT(ran.out, HasSubstr("OCL_ICD_VENDORS=" + Runtime() + "/icd-"));
  EXPECT_EQ(VxpuCount(), 0u);
}

TEST_F(EndToEndTest, RunHoldsSeveralVxpusAndOptionsMayStandWithoutDashes) {
  const Ran ran = Flexai({"run", "--vxpu", "share=20%,memory=1Gi", "--vxpu", "share=10%,memory=1Gi",
                          "printenv", "FLEXAI_VXPUS"});
  EXPECT_EQ(ran.exit, 0);
  EXPECT_EQ(ran.out, "1,2\n");
}

TEST_F(EndToEndTest, RunAfterRunFindsTheWholeDeviceFree) {
  for (int i = 0; i < 5; ++i) {
    const Ran ran = Flexai({"run", "--share", "100%", "--", "true"});
    EXPECT_EQ(ran.exit, 0) << ran.out;
  }
}

TEST_F(EndToEndTest, ManyRunsAtOnceShareOneDaemon) {
  std::vector<os::Process> runs;
  for (int i = 0; i < 8; ++i) {
    runs.push_back(Start({"run", "--share", "5%", "--memory", "64Mi", "--", "true"}));
  }
  for (const os::Process& run : runs) {
    const Result<os::ExitState> exit = os::Reap(run);
    EXPECT_TRUE(exit.ok() && !exit->signaled && exit->value == 0);
  }
}

TEST_F(EndToEndTest, ASignalReachesTheCommandAndAFatalOneShowsInTheStatus) {
  const std::string ready = folder_ + "/ready";
  const os::Process run = Start(
      {"run", "--", "sh", "-c", "trap 'exit 42' TERM; touch " + ready + "; while :; do sleep 0.05; done"});
  ASSERT_TRUE(FileAppears(ready));
  ASSERT_TRUE(os::SignalProcess(run.pidfd, SIGTERM).ok());
  EXPECT_EQ(os::Reap(run)->value, 42);
  EXPECT_EQ(Flexai({"run", "--", "sh", "-c", "kill -SEGV $$"}).exit, 128 + SIGSEGV);
}

TEST_F(EndToEndTest, KillingRunRemovesItsVxpuAndItsCommand) {
  const std::string ready = folder_ + "/ready";
  const os::Process run =
      Start({"run", "--share", "60%", "--", "sh", "-c",
             "echo $$ > " + ready + ".new; mv " + ready + ".new " + ready + "; exec sleep 1000"});
  ASSERT_TRUE(FileAppears(ready));
  EXPECT_EQ(VxpuCount(), 1u);
  const os::UniqueFd command = *os::OpenPidfd(std::stoi(*os::ReadFile(ready)));
  ASSERT_TRUE(os::SignalProcess(run.pidfd, SIGKILL).ok());
  ASSERT_TRUE(os::Reap(run).ok());
  EXPECT_TRUE(os::WaitForEnd(command, kPatience));
  EXPECT_TRUE(Eventually([this] { return VxpuCount() == 0; }));
}

TEST_F(EndToEndTest, KillingTheDaemonDisturbsNobody) {
  const std::string ready = folder_ + "/ready";
  const std::string go = folder_ + "/go";
  const os::Process run =
      Start({"run", "--share", "60%", "--", "sh", "-c",
             "touch " + ready + "; while ! test -e " + go + "; do sleep 0.05; done; exit 5"});
  ASSERT_TRUE(FileAppears(ready));
  const os::UniqueFd daemon = Daemon();
  ASSERT_TRUE(os::SignalProcess(daemon, SIGKILL).ok());
  ASSERT_TRUE(os::WaitForEnd(daemon, kPatience));
  // The next one adopts the vXPU, and still holds others to what is left.
  EXPECT_EQ(VxpuCount(), 1u);
  const Ran second = Flexai({"run", "--share", "50%", "--", "true"});
  EXPECT_EQ(second.exit, 125);
  EXPECT_THAT(second.out, HasSubstr("has 40 % of its compute"));
  ASSERT_TRUE(os::WriteFile(go, "").ok());
  EXPECT_EQ(os::Reap(run)->value, 5);
  EXPECT_TRUE(Eventually([this] { return VxpuCount() == 0; }));
}

TEST_F(EndToEndTest, ADaemonThatIsStartedToServeTakesOverFromAnEmbeddedOne) {
  const std::string ready = folder_ + "/ready";
  const os::Process run =
      Start({"run", "--share", "60%", "--", "sh", "-c", "touch " + ready + "; exec sleep 1000"});
  ASSERT_TRUE(FileAppears(ready));
  os::SpawnOptions options = Options({});
  options.program = folder_ + "/bin/flexaid";
  const os::Process service = *os::Spawn(options);
  EXPECT_TRUE(Eventually([&] { return DaemonPid() == service.pid; }));
  EXPECT_EQ(VxpuCount(), 1u);
  const os::Process second = *os::Spawn(options);
  EXPECT_EQ(os::Reap(second)->value, 1);
  EXPECT_EQ(DaemonPid(), service.pid);
  ASSERT_TRUE(os::SignalProcess(run.pidfd, SIGTERM).ok());
  ASSERT_TRUE(os::Reap(run).ok());
  ASSERT_TRUE(os::SignalProcess(service.pidfd, SIGTERM).ok());
  ASSERT_TRUE(os::Reap(service).ok());
}

TEST_F(EndToEndTest, ResizeAndStopALiveVxpu) {
  const std::string ready = folder_ + "/ready";
  const os::Process run =
      Start({"run", "--share", "30%", "--", "sh", "-c", "touch " + ready + "; exec sleep 1000"});
  ASSERT_TRUE(FileAppears(ready));
  const Ran resized = Flexai({"resize", "1", "--share", "50%", "--priority", "low"});
  EXPECT_EQ(resized.exit, 0);
  EXPECT_THAT(resized.out, StartsWith("vXPU 1: 50 % guaranteed, limit 100 %"));
  EXPECT_EQ(FlexaiJson({"ps"})["vxpus"][0]["priority"], "low");
  EXPECT_EQ(Flexai({"resize", "1", "--memory", "100Gi"}).exit, 1);
  EXPECT_EQ(Flexai({"ps", "--quiet"}).out, "1\n");
  EXPECT_THAT(Flexai({"top", "--once", "--interval", "10ms"}).out, HasSubstr("fake-0"));
  EXPECT_EQ(FlexaiJson({"stop", "1"})["stopped"], json::array({1}));
  EXPECT_EQ(VxpuCount(), 0u);
  ASSERT_TRUE(os::SignalProcess(run.pidfd, SIGKILL).ok());
  ASSERT_TRUE(os::Reap(run).ok());
}

TEST_F(EndToEndTest, DevicesStartsADaemonAndShowsThem) {
  EXPECT_THAT(Flexai({"devices"}).out, HasSubstr("fake-0  cpu   Fake Device  2"));
  EXPECT_EQ(FlexaiJson({"devices"})["devices"][0]["id"], "fake-0");
  EXPECT_THAT(Flexai({"logs"}).out, HasSubstr("flexaid"));
}

TEST_F(EndToEndTest, EveryBadInputIsOneSentenceAndANonZeroStatus) {
  struct Case {
    std::vector<std::string> arguments;
    int exit;
    std::string says;
  };
  const std::vector<Case> cases{
      {{"run", "--share", "0%", "--", "true"}, 2, "flexai: --share: 0% is no share"},
      {{"run", "--share", "-5%", "--", "true"}, 2, "flexai: --share: '-5%' is not a share"},
      {{"run", "--share", "0.05%", "--", "true"},
       2,
       "flexai: --share: '0.05%' is finer than the smallest step"},
      {{"run", "--share", "", "--", "true"}, 2, "flexai: --share: must not be empty"},
      {{"run", "--memory", "2Gx", "--", "true"}, 2, "flexai: --memory: '2Gx' is not a size"},
      {{"run", "--memory", "100Gi", "--", "true"},
       125,
       "flexai: a quota of 100 GiB is more than device fake-0 can"},
      {{"run", "--device", "npu", "--", "true"},
       125,
       "flexai: there is no device 'npu': the devices are fake-0"},
      {{"run", "--priority", "urgent", "--", "true"}, 2, "flexai: --priority: "},
      {{"run", "--share", "30%", "--limit", "20%", "--", "true"}, 125, "flexai: the limit of 20 % is below"},
      {{"run", "--", "no-such-program"}, 127, "flexai: there is no program 'no-such-program' in PATH"},
      {{"run", "--", "/etc/passwd"}, 126, "flexai: /etc/passwd is not executable"},
      {{"run", "--sahre", "3%", "--", "true"}, 2, "flexai: '--sahre' is no option of 'flexai run'"},
      {{"run"}, 2, "flexai: there is no command to run"},
      {{}, 2, "flexai: there is no command"},
      {{"rnu"}, 2, "flexai: 'rnu' is not a command"},
      {{"ps", "-o", "xml"}, 2, "flexai: --output"},
      {{"stop"}, 2, "flexai: say what to stop"},
      {{"stop", "x"}, 2, "flexai: 'x' is not the id of a vXPU"},
      {{"stop", "77"}, 1, "flexai: there is no vXPU 77"},
      {{"resize", "77", "--share", "3%"}, 1, "flexai: there is no vXPU 77"},
      {{"logs", "77"}, 1, "flexai: no session of vXPU 77 is known"},
      {{"logs", "--session", "77"}, 1, "flexai: there is no session 77"},
      {{"top", "--interval", "soon"}, 2, "flexai: --interval: 'soon' is not a duration"},
      {{"completion", "tcsh"}, 2, "flexai: 'tcsh' is not a shell known here"},
  };
  const os::Process keep = Start({"run", "--share", "1%", "--memory", "1Mi", "--", "sleep", "1000"});
  ASSERT_TRUE(FileAppears(Runtime() + "/api.sock"));
  for (const Case& bad : cases) {
    const Ran ran = Flexai(bad.arguments);
    EXPECT_EQ(ran.exit, bad.exit) << bad.says << "\n" << ran.out;
    EXPECT_THAT(ran.out, StartsWith(bad.says));
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << ran.out;
  }
  EXPECT_EQ(VxpuCount(), 1u);
  ASSERT_TRUE(os::SignalProcess(keep.pidfd, SIGTERM).ok());
  ASSERT_TRUE(os::Reap(keep).ok());
}

TEST_F(EndToEndTest, WithoutADaemonTheSentenceSaysHowToGetOne) {
  for (const char* command : {"ps", "top"}) {
    const Ran ran = Flexai({command});
    EXPECT_EQ(ran.exit, 1);
    EXPECT_THAT(ran.out, StartsWith("flexai: no flexaid is running: start one with"));
  }
  EXPECT_THAT(Flexai({"version"}).out, HasSubstr("flexaid (not running)"));
}

TEST_F(EndToEndTest, ABadConfigurationIsSaidWithItsLine) {
  Configure("idle_exit = \"300ms\"\nmax_session = 3\n");
  const Ran ran = Flexai({"run", "--", "true"});
  EXPECT_EQ(ran.exit, 125);
  EXPECT_THAT(ran.out, StartsWith("flexai: " + folder_ + "/flexaid.conf:2: 'max_session' is not a setting"));
  Configure("");
}

TEST_F(EndToEndTest, AMachineWithoutOpenClIsSaid) {
  probe_ = folder_ + "/probe.json";
  ASSERT_TRUE(os::WriteFile(probe_, R"({"platforms": []})").ok());
  EXPECT_EQ(Flexai({"run", "--", "true"}).out,
            "flexai: this machine has no OpenCL device: 'flexai doctor' says what is missing\n");
  EXPECT_EQ(Flexai({"devices"}).exit, 1);
  const Ran doctor = Flexai({"doctor"});
  EXPECT_EQ(doctor.exit, 1);
  EXPECT_THAT(doctor.out, HasSubstr("missing  devices"));
}

TEST_F(EndToEndTest, DoctorFindsNothingMissingHere) {
  const json report = FlexaiJson({"doctor"});
  for (const json& check : report["checks"]) {
    EXPECT_NE(check["finding"], "missing") << check.dump();
  }
}

TEST_F(EndToEndTest, CompletionIsAScriptThatBashTakes) {
  ASSERT_TRUE(os::WriteFile(folder_ + "/flexai.bash", Flexai({"completion", "bash"}).out).ok());
  os::SpawnOptions options;
  options.program = "/bin/bash";
  options.arguments = {"-c",
                       "source " + folder_ +
                           "/flexai.bash; COMP_WORDS=(flexai ru); COMP_CWORD=1; _flexai; "
                           "echo \"${COMPREPLY[@]}\"; COMP_WORDS=(flexai run --sh); COMP_CWORD=2; _flexai; "
                           "echo \"${COMPREPLY[@]}\""};
  options.environment = os::Environment();
  EXPECT_EQ(os::RunAndCapture(options, kPatience)->out, "run\n--share\n");
  EXPECT_THAT(Flexai({"completion", "zsh"}).out, HasSubstr("compdef"));
  EXPECT_THAT(Flexai({"completion", "fish"}).out, HasSubstr("complete -c flexai"));
}

}  // namespace
}  // namespace flexai::cli
