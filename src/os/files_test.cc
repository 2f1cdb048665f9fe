#include "os/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace flexai::os {
namespace {

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-files-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { ASSERT_TRUE(RemoveFolder(folder_).ok()); }
  std::string folder_;
};

TEST_F(Files, WritesAndReadsBack) {
  ASSERT_TRUE(MakeFolders(folder_ + "/a/b", 0700).ok());
  ASSERT_TRUE(WriteFile(folder_ + "/a/b/c", "text").ok());
  EXPECT_EQ(*ReadFile(folder_ + "/a/b/c"), "text");
  EXPECT_EQ(ListFolder(folder_ + "/a/b")->size(), 1u);
  EXPECT_EQ(ReadFile(folder_ + "/a/b/c", 2).status().code(), Code::kResourceExhausted);
  EXPECT_EQ(ReadFile(folder_ + "/none").status().code(), Code::kNotFound);
}

TEST_F(Files, WhatIsNoFileIsWrittenToAndStaysWhatItIs) {
  const std::string pipe = folder_ + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const UniqueFd reader(open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(WriteFile(pipe, "text").ok());
  char got[8] = {};
  EXPECT_EQ(read(reader.get(), got, sizeof(got)), 4);
  EXPECT_STREQ(got, "text");
  struct stat info {};
  ASSERT_EQ(stat(pipe.c_str(), &info), 0);
  EXPECT_TRUE(S_ISFIFO(info.st_mode));
}

TEST_F(Files, LockIsExclusiveUntilItsFdGoes) {
  Result<UniqueFd> first = LockFile(folder_ + "/lock");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(LockFile(folder_ + "/lock").status().code(), Code::kAlreadyExists);
  first->Reset();
  EXPECT_TRUE(LockFile(folder_ + "/lock").ok());
}

TEST_F(Files, AnOwnFolderIsNeitherALinkNorOpenToOthers) {
  ASSERT_TRUE(MakeFolders(folder_ + "/open", 0777).ok());
  ASSERT_TRUE(MakeOwnFolder(folder_ + "/open", 0700).ok());
  struct stat info {};
  ASSERT_EQ(stat((folder_ + "/open").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0700u);
  ASSERT_EQ(symlink("open", (folder_ + "/link").c_str()), 0);
  EXPECT_FALSE(MakeOwnFolder(folder_ + "/link", 0700).ok());
}

TEST_F(Files, AppendsAndRefusesALink) {
  for (int i = 0; i < 2; ++i) {
    const Result<UniqueFd> log = OpenForAppend(folder_ + "/log");
    ASSERT_TRUE(log.ok());
    ASSERT_EQ(write(log->get(), "x", 1), 1);
  }
  EXPECT_EQ(*ReadFile(folder_ + "/log"), "xx");
  ASSERT_EQ(symlink("log", (folder_ + "/link").c_str()), 0);
  EXPECT_FALSE(OpenForAppend(folder_ + "/link").ok());
}

}  // namespace
}  // namespace flexai::os
