#include "node/session_logs.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <vector>

#include "os/files.h"

namespace flexai::node {
namespace {

using Names = std::vector<std::string>;

class SessionLogsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-logs-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { ASSERT_TRUE(os::RemoveFolder(folder_).ok()); }

  void Write(const std::string& name) { ASSERT_TRUE(os::WriteFile(folder_ + "/" + name, "said\n").ok()); }
  Names Left() const { return *os::ListFolder(folder_); }

  std::string folder_;
};

TEST_F(SessionLogsTest, KeepsThoseThatEndedLast) {
  SessionLogs logs(folder_, 2);
  for (const char* name : {"session-1.log", "session-2.log", "session-3.log", "session-4.log"}) {
    Write(name);
  }
  logs.Ended(3);
  logs.Ended(1);
  EXPECT_EQ(Left().size(), 4u);
  logs.Ended(2);
  EXPECT_EQ(Left(), (Names{"session-1.log", "session-2.log", "session-4.log"}));
  logs.Ended(4);
  EXPECT_EQ(Left(), (Names{"session-2.log", "session-4.log"}));
}

TEST_F(SessionLogsTest, TakesOverWhatAnEarlierOneLeft) {
  SessionLogs logs(folder_, 2);
  for (const char* name : {"session-2.log", "session-9.log", "session-10.log", "session-11.log",
                           "session-x.log", "session-1.log.txt", "session-.log", "keeper-pocl-0.log"}) {
    Write(name);
  }
  logs.Adopt({2});
  EXPECT_EQ(Left(), (Names{"keeper-pocl-0.log", "session-.log", "session-1.log.txt", "session-10.log",
                           "session-11.log", "session-2.log", "session-x.log"}));
  logs.Ended(2);
  EXPECT_EQ(Left(), (Names{"keeper-pocl-0.log", "session-.log", "session-1.log.txt", "session-11.log",
                           "session-2.log", "session-x.log"}));
}

TEST_F(SessionLogsTest, NoFolderAndNoFileAreNoHarm) {
  SessionLogs logs(folder_ + "/none", 0);
  logs.Adopt({});
  logs.Ended(1);
}

}  // namespace
}  // namespace flexai::node
