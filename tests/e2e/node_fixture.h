// A whole node for a test: flexaid with its keeper and executors, in folders of the test's own, on the
// machine's real OpenCL device. Programs come from the folder of the test program.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <time.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/socket.h"
#include "os/stream.h"

namespace flexai {

class NodeFixture : public ::testing::Test {
 protected:
  struct Outcome {
    int exit = -1;
    std::string text;  // standard output and error together
  };

  void SetUp() override {
    programs_ = *os::ProgramFolder();
    char name[] = "/tmp/flexai-e2e-XXXXXX";
    folder_ = mkdtemp(name);
    // Executors of a root keeper run as other users: they must be able to reach their cache below.
    ASSERT_EQ(chmod(folder_.c_str(), 0755), 0);
    for (const char* part : {"/run", "/lock", "/home"}) {
      ASSERT_TRUE(os::MakeFolders(folder_ + part).ok());
    }
  }

  void TearDown() override {
    if (daemon_.pid > 0) {
      static_cast<void>(Flexai({"daemon", "stop"}));
      static_cast<void>(os::SignalProcess(daemon_.pidfd, SIGTERM));
      os::WaitForEnd(daemon_.pidfd, Seconds(10));
      static_cast<void>(os::Reap(daemon_));
    }
    static_cast<void>(os::RemoveFolder(folder_));
  }

  std::vector<std::string> Environment(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> changes{"FLEXAI_RUNTIME_DIR=" + folder_ + "/run",
                                     "FLEXAI_LOCK_DIR=" + folder_ + "/lock", "HOME=" + folder_ + "/home",
                                     "POCL_MAX_PTHREAD_COUNT=1", "FLEXAI_CONFIG=/dev/null"};
    changes.insert(changes.end(), more.begin(), more.end());
    return os::Environment(changes);
  }

  Outcome Shell(const std::string& command, const std::vector<std::string>& more = {}) const {
    os::SpawnOptions options{
        .program = "/bin/sh", .arguments = {"-c", command}, .environment = Environment(more)};
    const Result<os::Output> output = os::RunAndCapture(options, Seconds(60));
    if (!output.ok()) {
      return {-1, output.status().message()};
    }
    return {output->exit.signaled ? 128 + output->exit.value : output->exit.value, output->out};
  }

  Outcome Flexai(const std::vector<std::string>& arguments, const std::vector<std::string>& more = {}) const {
    std::string command = programs_ + "/flexai";
    for (const std::string& argument : arguments) {
      command += " '" + argument + "'";
    }
    return Shell(command + " 2>&1", more);
  }

  nlohmann::json FlexaiJson(const std::vector<std::string>& arguments) const {
    const Outcome outcome = Flexai(arguments);
    EXPECT_EQ(outcome.exit, 0) << outcome.text;
    return nlohmann::json::parse(outcome.text, nullptr, false);
  }

  void StartDaemon(const std::vector<std::string>& arguments = {}) {
    os::SpawnOptions options{
        .program = programs_ + "/flexaid", .arguments = arguments, .environment = Environment()};
    Result<os::Process> daemon = os::Spawn(options);
    ASSERT_TRUE(daemon.ok()) << daemon.status().message();
    daemon_ = std::move(*daemon);
    // It, and not one that a command starts for itself.
    ASSERT_TRUE(Eventually([&] {
      const Result<os::UniqueFd> stream = os::ConnectStream(folder_ + "/run/api.sock");
      const Result<os::PeerCredentials> peer =
          stream.ok() ? os::PeerOf(stream->get()) : Result<os::PeerCredentials>(stream.status());
      return peer.ok() && peer->pid == daemon_.pid;
    }));
    ASSERT_TRUE(Eventually([&] { return Flexai({"devices"}).exit == 0; })) << Flexai({"devices"}).text;
  }

  // A background `flexai run` with the given arguments after `run`.
  os::Process StartRun(const std::vector<std::string>& arguments) {
    os::SpawnOptions options{
        .program = programs_ + "/flexai", .arguments = arguments, .environment = Environment()};
    options.arguments.insert(options.arguments.begin(), "run");
    Result<os::Process> run = os::Spawn(options);
    EXPECT_TRUE(run.ok());
    return std::move(*run);
  }

  // Polls until `condition` holds. The bound is a hang guard, not a measurement.
  template <typename Condition>
  static bool Eventually(Condition&& condition, Nanos bound = Seconds(30)) {
    const os::MonotonicClock clock;
    const Nanos end = clock.Now() + bound;
    while (!condition()) {
      if (clock.Now() > end) {
        return false;
      }
      const timespec pause{0, 10'000'000};
      nanosleep(&pause, nullptr);
    }
    return true;
  }

  static size_t Lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  std::string programs_;
  std::string folder_;
  os::Process daemon_;
};

}  // namespace flexai
