// A flexaid and users that are not its own: what each may do, and what the others are told.
#include <gmock/gmock.h>

#include <filesystem>

#include "node_fixture.h"

namespace flexai {
namespace {

using ::testing::HasSubstr;

constexpr const char* kStranger = "65534";  // nobody

class Users : public NodeFixture {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "only root can run programs as another user";
    }
    NodeFixture::SetUp();
    // Others may be unable to reach the build folder.
    namespace fs = std::filesystem;
    for (const char* part : {"/bin", "/theirs"}) {
      ASSERT_TRUE(os::MakeFolders(folder_ + part).ok());
    }
    for (const char* name : {"/flexai", "/flexaid", "/flexai-keeper", "/flexai-executor", "/hostile_tenant",
                             "/libflexai-opencl.so"}) {
      fs::copy_file(programs_ + name, folder_ + "/bin" + name);
    }
    ASSERT_EQ(chown((folder_ + "/theirs").c_str(), 65534, 65534), 0);
    const Outcome outcome = AsStranger(folder_ + "/bin/flexai --help > /dev/null");
    if (outcome.exit != 0) {
      GTEST_SKIP() << "this machine does not let root become user " << kStranger << ": " << outcome.text;
    }
  }

  Outcome AsStranger(const std::string& command) const {
    return Shell(std::string("setpriv --reuid=") + kStranger + " --regid=" + kStranger +
                     " --clear-groups sh -c '" + command + "' 2>&1",
                 {"HOME=" + folder_ + "/theirs", "XDG_RUNTIME_DIR=" + folder_ + "/theirs"});
  }
  Outcome FlexaiAsStranger(const std::string& arguments) const {
    return AsStranger(folder_ + "/bin/flexai " + arguments);
  }
  void ExpectRefusal(const std::string& arguments, const std::string& expected) const {
    const Outcome outcome = FlexaiAsStranger(arguments);
    EXPECT_NE(outcome.exit, 0) << arguments;
    EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
    EXPECT_THAT(outcome.text, HasSubstr(expected));
  }
  nlohmann::json Vxpus() const { return FlexaiJson({"ps", "-o", "json"}).at("vxpus"); }
};

TEST_F(Users, AnothersVxpuIsNotTheirs) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const std::string done = folder_ + "/done";
  const os::Process holder =
      StartRun({"--share", "30%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "300", done});
  ASSERT_TRUE(Eventually([&] { return FlexaiJson({"ps", "-o", "json"}).at("sessions").size() == 1; }));
  const std::string vxpu = Vxpus()[0].at("id").dump();
  ExpectRefusal("stop " + vxpu, "vXPU " + vxpu + " belongs to another user");
  ExpectRefusal("stop --session 1", "session 1 belongs to another user");
  ExpectRefusal("resize " + vxpu + " --share 1%", "vXPU " + vxpu + " belongs to another user");
  ExpectRefusal("logs " + vxpu, "session 1 belongs to another user");
  const Outcome attached = AsStranger("FLEXAI_VXPUS=" + vxpu + " FLEXAI_ATTACH_SOCKET=" + folder_ +
                                      "/run/attach.sock " + folder_ + "/bin/hostile_tenant attach");
  EXPECT_EQ(attached.exit, 3);
  EXPECT_THAT(attached.text, HasSubstr("vXPU " + vxpu + " belongs to another user"));
  // What it may do: look, and have a unit of its own.
  EXPECT_THAT(FlexaiAsStranger("ps").text, HasSubstr("chaos_worker"));
  const Outcome own =
      FlexaiAsStranger("run --share 10% --memory 64Mi -- " + folder_ + "/bin/hostile_tenant attach");
  EXPECT_EQ(own.exit, 0) << own.text;
  EXPECT_EQ(Vxpus().size(), 1u);
  EXPECT_EQ(Vxpus()[0].at("request_permille"), 300);
  ASSERT_TRUE(os::WriteFile(done, "").ok());
  EXPECT_EQ(os::Reap(holder)->value, 0);
}

TEST_F(Users, AFlexaidForItsOwnerSaysSo) {
  const std::string config = folder_ + "/flexaid.conf";
  ASSERT_TRUE(os::WriteFile(config, "access = \"owner\"\n").ok());
  ASSERT_NO_FATAL_FAILURE(StartDaemon({"--config", config}));
  const std::string sentence = "flexai: the flexaid of " + folder_ + "/run serves its own user and root only";
  for (const char* command : {"ps", "devices", "run -- true", "stop 1"}) {
    ExpectRefusal(command, sentence);
  }
}

}  // namespace
}  // namespace flexai
