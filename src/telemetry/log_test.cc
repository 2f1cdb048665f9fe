#include "telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace flexai::telemetry {
namespace {

using ::testing::MatchesRegex;

class LogTest : public ::testing::Test {
 protected:
  ~LogTest() override { std::fclose(stream_); }

  std::string Written() {
    std::rewind(stream_);
    std::string text;
    for (int c = std::fgetc(stream_); c != EOF; c = std::fgetc(stream_)) {
      text += static_cast<char>(c);
    }
    return text;
  }

  std::FILE* stream_ = std::tmpfile();
};

TEST_F(LogTest, PlainRecordHasTimeLevelProgramAndText) {
  Log log("flexaid", LogLevel::kInfo, LogLayout::kPlain, stream_);
  log.Warning("device {} is gone", "pocl-0");
  EXPECT_THAT(Written(), MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z "
                                      "warning flexaid: device pocl-0 is gone\n"));
}

TEST_F(LogTest, JournalRecordBeginsWithThePriority) {
  Log log("flexaid", LogLevel::kInfo, LogLayout::kJournal, stream_);
  log.Error("no");
  EXPECT_EQ(Written(), "<3>no\n");
}

TEST_F(LogTest, DropsWhatIsBelowTheMinimum) {
  Log log("flexaid", LogLevel::kWarning, LogLayout::kJournal, stream_);
  log.Info("dropped");
  log.SetLevel(LogLevel::kDebug);
  log.Debug("kept");
  EXPECT_EQ(Written(), "<7>kept\n");
}

TEST_F(LogTest, ARecordIsOneLineWhateverItsText) {
  Log log("flexaid", LogLevel::kInfo, LogLayout::kJournal, stream_);
  log.Info("{}", "a\n<0>forged\x1b[2J");
  EXPECT_EQ(Written(), "<6>a\\n<0>forged\\x1b[2J\n");
}

TEST(LogLevelTest, ParsesItsOwnNamesOnly) {
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError}) {
    EXPECT_EQ(*ParseLogLevel(LogLevelName(level)), level);
  }
  EXPECT_EQ(ParseLogLevel("loud").status().message(),
            "'loud' is not a log level: use debug, info, warning or error");
}

}  // namespace
}  // namespace flexai::telemetry
