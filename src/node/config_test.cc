#include "node/config.h"

#include <gtest/gtest.h>

#include <fstream>

namespace flexai::node {
namespace {

std::string ErrorOf(std::string_view text) { return ParseConfig(text, "f.conf").status().message(); }

TEST(ConfigTest, AnEmptyFileGivesTheDefaults) {
  const Result<Config> config = ParseConfig("# nothing\n", "f.conf");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->max_sessions, Config{}.max_sessions);
  EXPECT_FALSE(config->http_listen);
  EXPECT_FALSE(config->access);
}

TEST(ConfigTest, ReadsEverySetting) {
  const Result<Config> config = ParseConfig(R"(
log_level = "debug"
access = "owner"
http_listen = "[::1]:9402"
max_sessions = 7
max_vxpus_per_user = 3
default_share = "12.5%"
max_command = "5s"
idle_exit = "250ms"
[device.pocl-0]
enabled = false
memory = "8Gi"
reserve = "512Mi"
session_overhead = "400Mi"
)",
                                            "f.conf");
  ASSERT_TRUE(config.ok()) << config.status().message();
  EXPECT_EQ(config->log_level, telemetry::LogLevel::kDebug);
  EXPECT_EQ(config->access, Access::kOwner);
  EXPECT_EQ(config->http_listen, (ListenAddress{"::1", 9402}));
  EXPECT_EQ(config->max_sessions, 7u);
  EXPECT_EQ(config->max_vxpus_per_user, 3u);
  EXPECT_EQ(config->default_share, Permille{125});
  EXPECT_EQ(config->max_command, Seconds(5));
  EXPECT_EQ(config->idle_exit, Millis(250));
  const DeviceConfig& device = config->devices.at("pocl-0");
  EXPECT_FALSE(device.enabled);
  EXPECT_EQ(device.memory, Bytes{8ull << 30});
  EXPECT_EQ(device.reserve, Bytes{512ull << 20});
  EXPECT_EQ(device.session_overhead, Bytes{400ull << 20});
}

TEST(ConfigTest, AFaultIsOneSentenceWithItsLine) {
  EXPECT_EQ(ErrorOf("\nmax_sesions = 7\n"),
            "f.conf:2: 'max_sesions' is not a setting: the settings are log_level, access, http_listen, "
            "max_sessions, "
            "max_vxpus_per_user, default_share, max_command, idle_exit, device");
  EXPECT_EQ(ErrorOf("max_sessions = 0"), "f.conf:1: max_sessions must be a whole number from 1 to 65536");
  EXPECT_EQ(ErrorOf("max_sessions = \"7\""), "f.conf:1: max_sessions must be a whole number from 1 to 65536");
  EXPECT_EQ(ErrorOf("log_level = 3"), "f.conf:1: log_level must be a text in quotes");
  EXPECT_EQ(ErrorOf("default_share = \"0%\""), "f.conf:1: default_share: a share must be above 0%");
  EXPECT_EQ(ErrorOf("access = \"all\""),
            "f.conf:1: access: 'all' is not an access rule: use owner or everybody");
  EXPECT_EQ(
      ErrorOf("http_listen = \"9402\""),
      "f.conf:1: http_listen: '9402' is not a listen address: use ADDRESS:PORT, for example 127.0.0.1:9402");
  EXPECT_EQ(ErrorOf("\n\n[device.a]\nenabled = 1\n"),
            "f.conf:4: enabled of [device.a] must be true or false");
  EXPECT_EQ(ErrorOf("[device.a]\nmemry = \"1Gi\"\n"),
            "f.conf:2: 'memry' is not a setting of [device.a]: the settings are enabled, memory, reserve, "
            "session_overhead");
  EXPECT_EQ(ErrorOf("device = 3"), "f.conf:1: device must be a table: write [device.NAME]");
  EXPECT_EQ(ErrorOf("[device]\na = 3"), "f.conf:2: 'a' of [device] must be a table: write [device.a]");
}

TEST(ConfigTest, ASyntaxErrorNamesItsLine) {
  EXPECT_EQ(ErrorOf("a = 1\nb = = 2\n").find("f.conf:2: "), 0u) << ErrorOf("a = 1\nb = = 2\n");
}

TEST(ConfigTest, AMissingFileIsFineUnlessItWasNamed) {
  EXPECT_TRUE(LoadConfig("/nowhere/flexaid.conf", false).ok());
  EXPECT_EQ(LoadConfig("/nowhere/flexaid.conf", true).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace flexai::node
