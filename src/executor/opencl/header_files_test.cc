#include "executor/opencl/header_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "os/files.h"

namespace flexai::executor::opencl {
namespace {

TEST(HeaderFiles, ArePlacedAtTheirPathsBeneathOneFolder) {
  char own[] = "/tmp/flexai-headers-test-XXXXXX";  // the folder's name follows from the contents alone
  ASSERT_NE(mkdtemp(own), nullptr);
  setenv("TMPDIR", own, 1);
  HeaderFiles headers;
  ASSERT_TRUE(headers.Add("/home/someone/a.h", "one").ok());
  ASSERT_TRUE(headers.Add("/home/someone/deep/b.h", "two").ok());
  ASSERT_TRUE(headers.Place().ok());
  EXPECT_EQ(*os::ReadFile(headers.Folder() + "/home/someone/a.h"), "one");
  EXPECT_EQ(*os::ReadFile(headers.Folder() + "/home/someone/deep/b.h"), "two");
  ASSERT_TRUE(headers.Place().ok());
  unsetenv("TMPDIR");
  ASSERT_TRUE(os::RemoveFolder(own).ok());
}

TEST(HeaderFiles, PathsThatLeaveTheFolderAreRefused) {
  HeaderFiles headers;
  for (const char* path : {"", "a.h", "/../etc/passwd", "/a/../../b.h", "/a/./b.h", "/a/"}) {
    EXPECT_EQ(headers.Add(path, "x").code(), Code::kInvalidArgument) << path;
  }
  EXPECT_FALSE(headers.Add(std::string_view("/a\0b.h", 6), "x").ok());
  EXPECT_TRUE(headers.empty());
}

TEST(HeaderFiles, TheFolderFollowsTheContents) {
  HeaderFiles a, b;
  ASSERT_TRUE(a.Add("/x.h", "1").ok());
  ASSERT_TRUE(b.Add("/x.h", "2").ok());
  EXPECT_NE(a.Folder(), b.Folder());
  ASSERT_TRUE(b.Add("/x.h", "1").ok());
  EXPECT_EQ(a.Folder(), b.Folder());
}

TEST(HeaderFiles, AreBounded) {
  HeaderFiles headers;
  const std::string half(HeaderFiles::kMostBytes / 2, ' ');
  EXPECT_TRUE(headers.Add("/a.h", half).ok());
  EXPECT_TRUE(headers.Add("/b.h", half).ok());
  EXPECT_TRUE(headers.Add("/b.h", half).ok());
  EXPECT_EQ(headers.Add("/c.h", "x").code(), Code::kResourceExhausted);
}

TEST(Replaced, TakesEveryOccurrence) {
  EXPECT_EQ(Replaced("-I%h%/a -I%h%/b", "%h%", "/t"), "-I/t/a -I/t/b");
  EXPECT_EQ(Replaced("abc", "x", "y"), "abc");
  EXPECT_EQ(Replaced("abc", "", "y"), "abc");
}

}  // namespace
}  // namespace flexai::executor::opencl
