// What a user meets when the machine has run out of something: one clear sentence where it matters, and
// nothing where it does not.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node_fixture.h"

namespace flexai {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Scarcity : public NodeFixture {
 protected:
  void SetUp() override {
    NodeFixture::SetUp();
    done_ = folder_ + "/done";
  }
  void TearDown() override {
    NodeFixture::TearDown();
    for (const std::string& path : mounted_) {
      // Processes that a test has ended may hold it for a moment.
      EXPECT_TRUE(Eventually([&path] { return umount(path.c_str()) == 0; })) << path;
    }
    static_cast<void>(os::RemoveFolder(folder_));
  }

  // Mounts of this process become its own. 0, or errno.
  static int LeaveMounts() {
    const bool left =
        unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    return left ? 0 : errno;
  }
  // A small file system at `path` for this process and those it starts. `size` as for mount; false, and
  // errno, if that can't be.
  bool Mount(const std::string& path, const std::string& size) {
    if (mounted_.empty()) {
      // A child tries first: below chroot the first half works and the second does not, and after the first
      // this process would no longer find its own programs.
      const pid_t child = fork();
      if (child == 0) {
        _exit(LeaveMounts());
      }
      int state = 0;
      waitpid(child, &state, 0);
      errno = WIFEXITED(state) && WEXITSTATUS(state) == 0 ? LeaveMounts() : WEXITSTATUS(state);
      if (errno != 0) {
        return false;
      }
    }
    if (mount("tmpfs", path.c_str(), "tmpfs", 0, size.c_str()) != 0) {
      return false;
    }
    mounted_.push_back(path);
    return true;
  }
  // Takes the last byte of the file system at `path`.
  static void Fill(const std::string& path) {
    const os::UniqueFd file = *os::OpenForAppend(path + "/filler");
    const std::vector<char> zeros(4096);
    while (write(file.get(), zeros.data(), zeros.size()) > 0) {
    }
    ASSERT_EQ(errno, ENOSPC);
  }
  Outcome Work() const {
    return Flexai({"run", "--share", "20%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "0.1"});
  }
  // Processes that were started for this test's folders and still run.
  size_t Running() const {
    size_t count = 0;
    const std::vector<std::string> names = *os::ListFolder("/proc");
    for (const std::string& name : names) {
      const Result<std::string> environment = os::ReadFile("/proc/" + name + "/environ");
      count += environment.ok() && environment->find("FLEXAI_RUNTIME_DIR=" + folder_) != std::string::npos;
    }
    return count;
  }

  std::string done_;
  std::vector<std::string> mounted_;
};

#define FLEXAI_MOUNT_OR_SKIP(path, size)                                               \
  if (!Mount(path, size)) {                                                            \
    GTEST_SKIP() << "this user cannot mount a small file system: " << strerror(errno); \
  }

TEST_F(Scarcity, AFullRuntimeFolderIsSaidAndNothingStays) {
  FLEXAI_MOUNT_OR_SKIP(folder_ + "/run", "size=64k");
  ASSERT_NO_FATAL_FAILURE(Fill(folder_ + "/run"));
  const Outcome outcome = Flexai({"run", "--", "/bin/true"});
  EXPECT_EQ(outcome.exit, 125);
  EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
  EXPECT_THAT(outcome.text, AllOf(StartsWith("flexai: the runtime folder cannot be used (make room in it, "),
                                  HasSubstr(folder_ + "/run/"), HasSubstr("No space left on device")));
  EXPECT_TRUE(Eventually([this] { return Running() == 0; }));
}

TEST_F(Scarcity, ARuntimeFolderWithoutRoomForFilesIsSaid) {
  FLEXAI_MOUNT_OR_SKIP(folder_ + "/run", "nr_inodes=1");
  for (const char* command : {"run -- /bin/true", "devices"}) {
    const Outcome outcome = Shell(programs_ + "/flexai " + command + " 2>&1");
    EXPECT_NE(outcome.exit, 0);
    EXPECT_EQ(Lines(outcome.text), 1u) << outcome.text;
    EXPECT_THAT(outcome.text, AllOf(StartsWith("flexai: the runtime folder cannot be used"),
                                    HasSubstr("No space left on device")));
  }
  EXPECT_TRUE(Eventually([this] { return Running() == 0; }));
}

TEST_F(Scarcity, OnceItServesAFullRuntimeFolderCostsTheLogsOnly) {
  FLEXAI_MOUNT_OR_SKIP(folder_ + "/run", "size=256k");
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const Outcome before = Work();
  ASSERT_EQ(before.exit, 0) << before.text;
  ASSERT_NO_FATAL_FAILURE(Fill(folder_ + "/run"));
  const Outcome full = Work();
  EXPECT_EQ(full.exit, 0) << full.text;
  EXPECT_TRUE(FlexaiJson({"ps", "-o", "json"}).at("vxpus").empty());
}

TEST_F(Scarcity, AFullSharedMemoryFolderDisturbsNobody) {
  FLEXAI_MOUNT_OR_SKIP("/dev/shm", "size=16k");
  ASSERT_NO_FATAL_FAILURE(Fill("/dev/shm"));
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const Outcome outcome = Work();
  EXPECT_EQ(outcome.exit, 0) << outcome.text;
}

TEST_F(Scarcity, NoRoomForTheKernelCacheIsSaid) {
  ASSERT_TRUE(geteuid() != 0 || os::MakeFolders("/var/cache/flexai").ok());
  FLEXAI_MOUNT_OR_SKIP("/var/cache/flexai", "nr_inodes=1");
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const Outcome outcome = Work();
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_THAT(outcome.text, AllOf(HasSubstr("flexai: the command was not attached to its device: "),
                                  HasSubstr("/var/cache/flexai"), HasSubstr("No space left on device")));
  EXPECT_TRUE(FlexaiJson({"ps", "-o", "json"}).at("vxpus").empty());
}

// PoCL itself fails without a reason.
TEST_F(Scarcity, AFullKernelCacheStandsInTheSessionsLog) {
  ASSERT_TRUE(geteuid() != 0 || os::MakeFolders("/var/cache/flexai").ok());
  FLEXAI_MOUNT_OR_SKIP("/var/cache/flexai", "size=64k");
  ASSERT_NO_FATAL_FAILURE(Fill("/var/cache/flexai"));
  ASSERT_NO_FATAL_FAILURE(StartDaemon());
  const Outcome outcome = Work();
  EXPECT_EQ(outcome.exit, 3) << outcome.text;
  EXPECT_THAT(
      Flexai({"logs", "--session", "1"}).text,
      HasSubstr("flexai-keeper: the disk of the kernel cache /var/cache/flexai/tenant-0 has 0 B left: "
                "make room there"));
  EXPECT_TRUE(FlexaiJson({"ps", "-o", "json"}).at("vxpus").empty());
}

TEST_F(Scarcity, ALimitOnFilesIsSaid) {
  const std::string config = folder_ + "/flexaid.conf";
  ASSERT_TRUE(os::WriteFile(config, "idle_exit = \"300ms\"\n").ok());
  const Outcome outcome = Shell("ulimit -f 1000; exec " + programs_ + "/flexai run --memory 64Mi -- " +
                                    programs_ + "/chaos_worker 0.1 2>&1",
                                {"FLEXAI_CONFIG=" + config});
  EXPECT_EQ(outcome.exit, 3);
  EXPECT_THAT(outcome.text,
              AllOf(HasSubstr("flexai: the command was not attached to its device: flexaid cannot "
                              "make the session's memory (is it under a limit, as of 'ulimit -f'?)"),
                    HasSubstr("File too large")));
  EXPECT_TRUE(Eventually([this] { return Running() == 0; }));
}

TEST_F(Scarcity, ASessionTooManyIsSaidAndLeavesTheOthers) {
  const std::string config = folder_ + "/flexaid.conf";
  ASSERT_TRUE(os::WriteFile(config, "max_sessions = 1\n").ok());
  ASSERT_NO_FATAL_FAILURE(StartDaemon({"--config", config}));
  const os::Process first =
      StartRun({"--share", "20%", "--memory", "64Mi", "--", programs_ + "/chaos_worker", "300", done_});
  const auto count = [this](const char* what) { return FlexaiJson({"ps", "-o", "json"}).at(what).size(); };
  ASSERT_TRUE(Eventually([&] { return count("sessions") == 1; }));
  const Outcome second = Work();
  EXPECT_EQ(second.exit, 3);
  EXPECT_THAT(second.text,
              HasSubstr("flexai: the command was not attached to its device: 1 sessions are open, the "
                        "most this flexaid takes: end a program, or raise max_sessions"));
  EXPECT_EQ(count("vxpus"), 1u);
  EXPECT_EQ(count("sessions"), 1u);
  ASSERT_TRUE(os::WriteFile(done_, "").ok());
  EXPECT_EQ(os::Reap(first)->value, 0);
  ASSERT_TRUE(Eventually([&] { return count("sessions") == 0; }));
  EXPECT_EQ(Work().exit, 0);
}

TEST_F(Scarcity, ADriverWhoseLibraryIsMissingIsSaid) {
  ASSERT_TRUE(os::MakeFolders(folder_ + "/vendors").ok());
  ASSERT_TRUE(os::WriteFile(folder_ + "/vendors/gone.icd", "/no/such/libgone.so\n").ok());
  const std::string config = folder_ + "/flexaid.conf";
  ASSERT_TRUE(os::WriteFile(config, "idle_exit = \"300ms\"\n").ok());
  const std::vector<std::string> more{"FLEXAI_NATIVE_ICDS=" + folder_ + "/vendors",
                                      "FLEXAI_CONFIG=" + config};
  const Outcome run = Flexai({"run", "--", "/bin/true"}, more);
  EXPECT_EQ(run.exit, 125);
  EXPECT_EQ(run.text, "flexai: this machine has no OpenCL device: 'flexai doctor' says what is missing\n");
  EXPECT_THAT(Flexai({"devices"}, more).text, HasSubstr("/no/such/libgone.so"));
  EXPECT_THAT(Flexai({"doctor"}, more).text, HasSubstr("/no/such/libgone.so"));
  EXPECT_TRUE(Eventually([this] { return Running() == 0; }));
}

}  // namespace
}  // namespace flexai
