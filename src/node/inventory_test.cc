#include "node/inventory.h"

#include <gtest/gtest.h>

#include "os/files.h"

namespace flexai::node {
namespace {

constexpr const char* kProbe =
    R"({"version": "0.1.0", "errors": ["libx.so: cannot open"], "future": 1,
  "platforms": [
  {"index": 0, "name": "Portable Computing Language", "vendor": "The pocl project", "suffix": "POCL",
   "devices": [
    {"index": 0, "name": "cpu", "type": "cpu", "global_mem_bytes": 1000,
     "compute_units": 2, "of_another_release": true}]},
  {"index": 2, "name": "Other", "suffix": "O!", "devices": [
    {"index": 0, "name": "a", "type": "gpu", "global_mem_bytes": 5},
    {"index": 1, "name": "b", "type": "gpu", "global_mem_bytes": 6}]}]})";

TEST(InventoryTest, NamesDevicesByPlatformAndNumber) {
  const Result<Inventory> inventory = ParseProbe(kProbe);
  ASSERT_TRUE(inventory.ok()) << inventory.status().message();
  ASSERT_EQ(inventory->devices.size(), 3u);
  EXPECT_EQ(inventory->devices[0].id, "pocl-0");
  EXPECT_EQ(inventory->devices[0].memory, Bytes{1000});
  EXPECT_EQ(inventory->devices[0].compute_units, 2u);
  EXPECT_EQ(inventory->devices[1].id, "o-0");
  EXPECT_EQ(inventory->devices[2].id, "o-1");
  EXPECT_EQ(inventory->devices[2].platform, 2u);
  EXPECT_EQ(inventory->devices[2].index, 1u);
  EXPECT_EQ(inventory->errors, std::vector<std::string>{"libx.so: cannot open"});
}

TEST(InventoryTest, MalformedProbesAreErrors) {
  for (const char* text :
       {"", "[]", "{}", "{\"platforms\": 3}", "{\"platforms\": [{}]}",
        "{\"platforms\": [{\"index\": 0, \"name\": \"x\", \"devices\": [{\"index\": \"0\"}]}]}"}) {
    EXPECT_EQ(ParseProbe(text).status().code(), Code::kInternal) << text;
  }
}

TEST(InventoryTest, SelectsByIdPlatformAndType) {
  const Inventory inventory = *ParseProbe(kProbe);
  EXPECT_EQ(SelectDevices(inventory, "")->size(), 3u);
  EXPECT_EQ(SelectDevices(inventory, "any")->size(), 3u);
  EXPECT_EQ(SelectDevices(inventory, "o-1")->front()->id, "o-1");
  EXPECT_EQ(SelectDevices(inventory, "pocl")->front()->id, "pocl-0");
  EXPECT_EQ(SelectDevices(inventory, "gpu")->size(), 2u);
  EXPECT_EQ(SelectDevices(inventory, "tpu").status().message(),
            "there is no device 'tpu': the devices are pocl-0, o-0, o-1");
  EXPECT_EQ(SelectDevices(Inventory{}, "").status().message(),
            "this machine has no OpenCL device: 'flexai doctor' says what is missing");
}

class ProbeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-probe-XXXXXX";
    folder_ = mkdtemp(name);
  }
  void TearDown() override { ASSERT_TRUE(os::RemoveFolder(folder_).ok()); }

  std::string Script(const std::string& body) {
    const std::string path = folder_ + "/executor";
    EXPECT_TRUE(os::WriteFile(path, "#!/bin/sh\n" + body + "\n", 0755).ok());
    return path;
  }

  std::string folder_;
};

TEST_F(ProbeTest, ReadsWhatTheExecutorPrints) {
  EXPECT_EQ(Probe(Script("test \"$1\" = --probe && echo '{\"platforms\": []}'"))->devices.size(), 0u);
}

TEST_F(ProbeTest, ACrashAHangAndAFailureAreErrorsHere) {
  EXPECT_NE(Probe(Script("kill -SEGV $$")).status().message().find("ended by signal 11"), std::string::npos);
  EXPECT_NE(Probe(Script("exit 3")).status().message().find("exit status 3"), std::string::npos);
  EXPECT_EQ(Probe(Script("exec sleep 1000"), Millis(50)).status().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(Probe(folder_ + "/none").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace flexai::node
