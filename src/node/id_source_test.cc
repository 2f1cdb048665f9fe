#include "node/id_source.h"

#include <gtest/gtest.h>

#include "os/files.h"

namespace flexai::node {
namespace {

class IdSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-ids-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { ASSERT_TRUE(os::RemoveFolder(folder_).ok()); }

  IdSource Open() { return *IdSource::Open(folder_ + "/ids"); }

  std::string folder_;
};

TEST_F(IdSourceTest, CountsUpFromOne) {
  IdSource ids = Open();
  EXPECT_EQ(*ids.NextVxpu(), 1u);
  EXPECT_EQ(*ids.NextVxpu(), 2u);
  EXPECT_EQ(*ids.NextSession(), 1u);
}

TEST_F(IdSourceTest, AnOrderlyEndSkipsNothing) {
  IdSource first = Open();
  EXPECT_EQ(*first.NextVxpu(), 1u);
  first.Close();
  EXPECT_EQ(*Open().NextVxpu(), 2u);
}

TEST_F(IdSourceTest, AKillRepeatsNothing) {
  uint64_t last = 0;
  for (int life = 0; life < 3; ++life) {
    IdSource ids = Open();  // and never closed
    for (int i = 0; i < 150; ++i) {
      const uint64_t id = *ids.NextVxpu();
      EXPECT_GT(id, last);
      last = id;
    }
  }
}

TEST_F(IdSourceTest, PassesIdsThatAreInUse) {
  IdSource ids = Open();
  ids.SawVxpu(500);
  ids.SawSession(7);
  EXPECT_EQ(*ids.NextVxpu(), 501u);
  EXPECT_EQ(*ids.NextSession(), 8u);
  EXPECT_GT(*Open().NextVxpu(), 501u);
}

TEST_F(IdSourceTest, ADamagedFileOrAFullDiskIsAnError) {
  ASSERT_TRUE(os::WriteFile(folder_ + "/ids", "12 x\n").ok());
  EXPECT_EQ(IdSource::Open(folder_ + "/ids").status().code(), Code::kInternal);
  IdSource nowhere = *IdSource::Open(folder_ + "/none/ids");
  EXPECT_FALSE(nowhere.NextVxpu().ok());
}

}  // namespace
}  // namespace flexai::node
