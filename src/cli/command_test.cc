#include "cli/command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/control_commands.h"
#include "cli/icd_folder.h"
#include "cli/run_command.h"
#include "cli/status_commands.h"
#include "os/files.h"

namespace flexai::cli {
namespace {

using nlohmann::json;

TEST(FormatTableTest, PadsColumnsAndEscapesNames) {
  EXPECT_EQ(FormatTable({{"A", "B"}, {"long", "x"}, {"\x1b[2J", "é"}}),
            "A        B\nlong     x\n\\x1b[2J  é\n");
}

TEST(ReportTest, IsOneLine) {
  std::ostringstream out;
  std::ostringstream err;
  const Context context{{}, "1", false, false, out, err};
  EXPECT_EQ(Report(context, NotFound("a\nb")), kExitFailure);
  EXPECT_EQ(err.str(), "flexai: a\\nb\n");
  EXPECT_EQ(Report(context, {}), 0);
}

RunOptions Options(std::string share, std::vector<std::string> vxpus = {}) {
  RunOptions options;
  options.share = std::move(share);
  options.vxpus = std::move(vxpus);
  options.command = {"/usr/bin/python3", "train.py"};
  return options;
}

TEST(RunOptionsTest, OneVxpuTiedToUsAndNamedAfterTheCommand) {
  RunOptions options = Options("30%");
  options.limit = "60%";
  options.memory = "2Gi";
  options.priority = "high";
  options.device = "gpu";
  const auto requests = ParseRunOptions(options);
  ASSERT_TRUE(requests.ok()) << requests.status().message();
  ASSERT_EQ(requests->size(), 1u);
  const node::VxpuRequest& request = requests->front();
  EXPECT_EQ(request.name, "python3");
  EXPECT_EQ(request.request, Permille{300});
  EXPECT_EQ(request.limit, Permille{600});
  EXPECT_EQ(request.memory, Bytes{2ull << 30});
  EXPECT_EQ(request.priority, node::Priority::kHigh);
  EXPECT_EQ(request.device, "gpu");
  EXPECT_TRUE(request.tied);
}

TEST(RunOptionsTest, EachListIsAVxpuWithTheOptionsAsDefaults) {
  const auto requests = ParseRunOptions(Options("5%", {"share=20%,memory=1Gi,name=a", "memory=1Mi"}));
  ASSERT_TRUE(requests.ok()) << requests.status().message();
  ASSERT_EQ(requests->size(), 2u);
  EXPECT_EQ((*requests)[0].request, Permille{200});
  EXPECT_EQ((*requests)[0].name, "a");
  EXPECT_EQ((*requests)[1].request, Permille{50});
  EXPECT_EQ((*requests)[1].memory, Bytes{1 << 20});
}

TEST(RunOptionsTest, EachFaultNamesItsOption) {
  const auto error = [](const RunOptions& options) { return ParseRunOptions(options).status().message(); };
  EXPECT_EQ(error(Options("0%")), "--share: 0% is no share: ask for 0.1% or more");
  EXPECT_EQ(error(Options("101%")), "--share: '101%' is not a share: use 0.1% to 100%, for example 30%");
  EXPECT_EQ(error(Options("5%", {"share"})),
            "--vxpu: 'share' is not FIELD=VALUE: for example share=30%,memory=2Gi");
  EXPECT_EQ(
      error(Options("5%", {"color=red"})),
      "--vxpu: 'color' is not a field: use share, limit, memory, priority, device and name, for example "
      "share=30%,memory=2Gi");
  RunOptions memory = Options("5%");
  memory.memory = "0";
  EXPECT_EQ(error(memory), "--memory: 0 bytes hold nothing: ask for more, for example 512Mi");
  memory.memory = "2GB2";
  EXPECT_EQ(error(memory),
            "--memory: '2GB2' is not a size: use a number with Ki, Mi, Gi or Ti, for example 2Gi");
  EXPECT_EQ(error(Options("5%", std::vector<std::string>(17, "share=1%"))),
            "--vxpu: 17 vXPUs are more than the 16 that one program can hold");
}

TEST(ResizeOptionsTest, WantsAChange) {
  EXPECT_EQ(ParseResizeOptions({"3", "", "", "", ""}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseResizeOptions({"3", "50%", "", "", ""})->request, Permille{500});
}

TEST(ParseIdTest, TakesWholePositiveNumbers) {
  EXPECT_EQ(*ParseId("12", "vXPU"), 12u);
  for (const char* text : {"", "0", "-1", "1x", "x", "99999999999999999999"}) {
    EXPECT_EQ(ParseId(text, "vXPU").status().message(),
              std::string("'") + text + "' is not the id of a vXPU: 'flexai ps' shows the ids");
  }
}

json Device(int64_t now, int64_t busy) {
  return {
      {"id", "d-0"}, {"now_ns", now}, {"busy_ns", busy}, {"memory_bytes", 1 << 30}, {"free_memory_bytes", 0},
      {"vxpus", 1},  {"sessions", 1}};
}
json Vxpu(int64_t used, int64_t wait) {
  return {{"id", 1},         {"name", "n"},           {"device", "d-0"},        {"owner_uid", 0},
          {"sessions", 1},   {"request_permille", 1}, {"limit_permille", 1000}, {"priority", "low"},
          {"used_ns", used}, {"queue_wait_ns", wait}, {"memory_bytes", 1024},   {"resident_bytes", 512}};
}

TEST(TopTest, RatesAreChangesOverTheDevicesClock) {
  const json figures = TopFigures(json::array({Device(1000, 100)}), json::array({Vxpu(50, 10)}),
                                  json::array({Device(2000, 600)}), json::array({Vxpu(300, 260)}));
  EXPECT_EQ(figures["devices"][0]["busy_ratio"], 0.5);
  EXPECT_EQ(figures["vxpus"][0]["busy_ratio"], 0.25);
  EXPECT_EQ(figures["vxpus"][0]["queue_wait_ratio"], 0.25);
  const std::string text = FormatTop(figures);
  EXPECT_NE(text.find("d-0     50.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find("25.0 %"), std::string::npos) << text;
}

TEST(TopTest, WhatIsNewOrWentBackHasNoNegativeRate) {
  const json fresh = TopFigures(json::array(), json::array(), json::array({Device(2000, 600)}),
                                json::array({Vxpu(300, 260)}));
  EXPECT_TRUE(fresh["devices"][0]["busy_ratio"].is_null());
  EXPECT_TRUE(fresh["vxpus"][0]["busy_ratio"].is_null());
  EXPECT_NE(FormatTop(fresh).find(" -"), std::string::npos);
  const json again = TopFigures(json::array({Device(1000, 900)}), json::array({Vxpu(500, 10)}),
                                json::array({Device(2000, 0)}), json::array({Vxpu(0, 0)}));
  EXPECT_EQ(again["devices"][0]["busy_ratio"], 0.0);
  EXPECT_EQ(again["vxpus"][0]["busy_ratio"], 0.0);
}

class IcdFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-icd-XXXXXX";
    folder_ = mkdtemp(name);
    native_ = folder_ + "/native";
    ASSERT_TRUE(os::MakeFolders(native_).ok());
    ASSERT_TRUE(os::WriteFile(native_ + "/pocl.icd", "libpocl.so\n").ok());
    ASSERT_TRUE(os::WriteFile(native_ + "/flexai.icd", "another\n").ok());
    ASSERT_TRUE(os::WriteFile(native_ + "/README", "no icd\n").ok());
  }
  void TearDown() override { ASSERT_TRUE(os::RemoveFolder(folder_).ok()); }

  std::string folder_, native_;
};

TEST_F(IcdFolderTest, HoldsTheShimAloneOrBesideTheNativeOnes) {
  const Result<std::string> alone = MakeIcdFolder({folder_ + "/run"}, "/lib/shim.so", false, native_);
  ASSERT_TRUE(alone.ok()) << alone.status().message();
  EXPECT_EQ(*os::ListFolder(*alone), (std::vector<std::string>{"flexai.icd"}));
  EXPECT_EQ(*os::ReadFile(*alone + "/flexai.icd"), "/lib/shim.so\n");
  const Result<std::string> both = MakeIcdFolder({folder_ + "/run"}, "/lib/shim.so", true, native_);
  EXPECT_EQ(*os::ListFolder(*both), (std::vector<std::string>{"flexai.icd", "pocl.icd"}));
  EXPECT_EQ(*os::ReadFile(*both + "/flexai.icd"), "/lib/shim.so\n");
  EXPECT_EQ(*MakeIcdFolder({folder_ + "/run"}, "/lib/shim.so", false, native_), *alone);
  EXPECT_NE(*MakeIcdFolder({folder_ + "/run"}, "/other/shim.so", false, native_), *alone);
}

}  // namespace
}  // namespace flexai::cli
