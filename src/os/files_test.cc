#include "os/files.h"

#include <gtest/gtest.h>

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

TEST_F(Files, LockIsExclusiveUntilItsFdGoes) {
  Result<UniqueFd> first = LockFile(folder_ + "/lock");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(LockFile(folder_ + "/lock").status().code(), Code::kAlreadyExists);
  first->Reset();
  EXPECT_TRUE(LockFile(folder_ + "/lock").ok());
}

}  // namespace
}  // namespace flexai::os
