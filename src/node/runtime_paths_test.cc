#include "node/runtime_paths.h"

#include <gtest/gtest.h>

#include <map>

namespace flexai::node {
namespace {

Environment Make(uint32_t uid, std::map<std::string, std::string> variables) {
  return {uid, [variables](const char* name) {
            const auto found = variables.find(name);
            return found == variables.end() ? std::string() : found->second;
          }};
}

TEST(RuntimePathsTest, TheFolderFollowsUserAndEnvironment) {
  EXPECT_EQ(ResolveRuntimePaths(Make(0, {}))->directory, "/run/flexai");
  EXPECT_EQ(ResolveRuntimePaths(Make(1000, {{"XDG_RUNTIME_DIR", "/run/user/1000"}}))->directory,
            "/run/user/1000/flexai");
  EXPECT_EQ(ResolveRuntimePaths(Make(1000, {}))->directory, "/tmp/flexai-1000");
  EXPECT_EQ(ResolveRuntimePaths(Make(0, {{"FLEXAI_RUNTIME_DIR", "/x"}}))->attach_socket(), "/x/attach.sock");
}

TEST(RuntimePathsTest, RefusesWhatCannotHoldASocket) {
  EXPECT_EQ(ResolveRuntimePaths(Make(0, {{"FLEXAI_RUNTIME_DIR", "relative"}})).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(
      ResolveRuntimePaths(Make(0, {{"FLEXAI_RUNTIME_DIR", "/" + std::string(80, 'x')}})).status().code(),
      Code::kInvalidArgument);
}

TEST(RuntimePathsTest, TheConfigurationFile) {
  EXPECT_EQ(ResolveConfigPath(Make(0, {})).path, "/etc/flexai/flexaid.conf");
  EXPECT_EQ(ResolveConfigPath(Make(5, {{"HOME", "/home/a"}})).path, "/home/a/.config/flexai/flexaid.conf");
  EXPECT_EQ(ResolveConfigPath(Make(5, {{"XDG_CONFIG_HOME", "/c"}})).path, "/c/flexai/flexaid.conf");
  const ConfigPath named = ResolveConfigPath(Make(5, {{"FLEXAI_CONFIG", "/x.conf"}}));
  EXPECT_EQ(named.path, "/x.conf");
  EXPECT_TRUE(named.must_exist);
}

TEST(RuntimePathsTest, AMissingProgramIsNamed) {
  const Status status = FindProgram("flexai-nonsense").status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_EQ(status.message().find("'flexai-nonsense' is not installed: looked for /"), 0u)
      << status.message();
}

}  // namespace
}  // namespace flexai::node
