#include "os/process.h"

#include <gtest/gtest.h>
#include <signal.h>

namespace flexai::os {
namespace {

TEST(Spawn, RunsAndReportsTheExit) {
  const Result<Output> output = RunAndCapture(
      {.program = "/bin/sh", .arguments = {"-c", "echo $WORD; exit 3"}, .environment = {"WORD=hello"}},
      Seconds(10));
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->out, "hello\n");
  EXPECT_FALSE(output->exit.signaled);
  EXPECT_EQ(output->exit.value, 3);
}

TEST(Spawn, AProgramThatClosesItsOutputMustStillEndInTime) {
  const Result<Output> output =
      RunAndCapture({.program = "/bin/sh", .arguments = {"-c", "exec >&-; exec sleep 1000"}}, Millis(50));
  EXPECT_EQ(output.status().code(), Code::kDeadlineExceeded);
}

TEST(Spawn, FailsAtOnceForAMissingProgram) {
  EXPECT_EQ(Spawn({.program = "/no/such/program"}).status().code(), Code::kNotFound);
}

TEST(Spawn, FailsWithTheErrnoOfItsSetUp) {
  SpawnOptions options{.program = "/bin/true"};
  options.before_exec = [] { return EPERM; };
  EXPECT_EQ(Spawn(options).status().code(), Code::kPermissionDenied);
}

TEST(Spawn, PlacesFdsEvenWhenNumbersCross) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  SpawnOptions options{.program = "/bin/sh", .arguments = {"-c", "echo five >&5; echo six >&6"}};
  options.fds = {{writer.get(), 6}, {writer.get(), 5}};
  const Process process = *Spawn(options);
  ASSERT_TRUE(Reap(process).ok());
  char buffer[32] = {};
  ASSERT_EQ(read(reader.get(), buffer, sizeof(buffer)), 9);
  EXPECT_STREQ(buffer, "five\nsix\n");
}

TEST(Pidfd, SeesDeathBySignal) {
  const Process process = *Spawn({.program = "/bin/sleep", .arguments = {"1000"}});
  EXPECT_FALSE(HasEnded(process.pidfd));
  ASSERT_TRUE(SignalProcess(process.pidfd, SIGKILL).ok());
  EXPECT_TRUE(WaitForEnd(process.pidfd, Seconds(10)));
  const ExitState exit = *Reap(process);
  EXPECT_TRUE(exit.signaled);
  EXPECT_EQ(exit.value, SIGKILL);
}

TEST(Environment, SetsAndUnsets) {
  setenv("FLEXAI_TEST_A", "1", 1);
  setenv("FLEXAI_TEST_B", "1", 1);
  const std::vector<std::string> result = Environment({"FLEXAI_TEST_A=2", "FLEXAI_TEST_B"});
  EXPECT_EQ(std::count(result.begin(), result.end(), "FLEXAI_TEST_A=2"), 1);
  EXPECT_EQ(std::count(result.begin(), result.end(), "FLEXAI_TEST_B=1"), 0);
}

TEST(FindExecutable, SearchesThePathAsAShellDoes) {
  EXPECT_EQ(*FindExecutable("sh", "/nowhere:/bin"), "/bin/sh");
  EXPECT_EQ(*FindExecutable("/bin/sh", ""), "/bin/sh");
  EXPECT_EQ(FindExecutable("no-such-program", "/bin:/usr/bin").status().code(), Code::kNotFound);
  EXPECT_EQ(FindExecutable("/etc/passwd", "").status().code(), Code::kPermissionDenied);
  EXPECT_EQ(FindExecutable("/nowhere/x", "").status().code(), Code::kNotFound);
  EXPECT_EQ(FindExecutable("", "/bin").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace flexai::os
