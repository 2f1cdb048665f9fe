// flexai-keeper as a process, with fake executors: requests, sessions, and every way in which a process can
// end.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "keeper/orders.h"
#include "os/files.h"
#include "os/futex.h"
#include "os/memory.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/socket.h"

namespace flexai::keeper_test {
namespace {

using nlohmann::json;

// Long enough for the slowest machine; a test that passes never waits this long.
constexpr Nanos kPatience = Seconds(20);

template <typename Condition>
bool Eventually(Condition condition) {
  const os::MonotonicClock clock;
  const Nanos give_up = clock.Now() + kPatience;
  while (!condition()) {
    if (clock.Now() > give_up) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

struct Reply {
  json body;
  std::vector<os::UniqueFd> fds;
};

class TestSession {
 public:
  Orders& orders() { return *reinterpret_cast<Orders*>(arena.data()); }
  void Order(Mode mode) {
    orders().mode.store(static_cast<uint32_t>(mode));
    os::FutexWake(orders().mode);
  }
  int32_t Charge(int64_t bytes) {
    orders().charge_code.store(-1);
    orders().charge_bytes.store(bytes);
    EXPECT_TRUE(Eventually([&] { return orders().charge_code.load() >= 0; }));
    return orders().charge_code.load();
  }

  os::Process application;
  os::Mapping arena;
  os::UniqueFd executor;  // pidfd
  pid_t executor_pid = 0;
  std::string log;
};

class KeeperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-keeper-test-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  }
  void TearDown() override {
    if (keeper_.pid > 0) {
      static_cast<void>(os::SignalProcess(keeper_.pidfd, SIGKILL));
      static_cast<void>(os::Reap(keeper_));
    }
    sessions_.clear();
    static_cast<void>(os::RemoveFolder(folder_));
  }

  void StartKeeper(std::vector<std::string> more = {}, const std::vector<std::string>& environment = {}) {
    const std::string programs = *os::ProgramFolder();
    os::SpawnOptions spawn;
    spawn.program = programs + "/flexai-keeper";
    spawn.arguments = {"--device",
                       "test-0",
                       "--socket",
                       folder_ + "/keeper.sock",
                       "--lock",
                       folder_ + "/lock",
                       "--executor",
                       programs + "/fake-executor",
                       "--memory",
                       "1Gi",
                       "--reserve",
                       "64Mi",
                       "--session-overhead",
                       "16Mi",
                       "--log-dir",
                       folder_ + "/logs",
                       "--cache-dir",
                       folder_ + "/cache"};
    spawn.arguments.insert(spawn.arguments.end(), more.begin(), more.end());
    spawn.environment = os::Environment(environment);
    auto keeper = os::Spawn(spawn);
    ASSERT_TRUE(keeper.ok()) << keeper.status().message();
    keeper_ = *std::move(keeper);
    Connect();
  }

  void Connect() {
    ASSERT_TRUE(Eventually([&] {
      auto socket = os::PacketSocket::Connect(folder_ + "/keeper.sock");
      if (socket.ok()) {
        socket_ = *std::move(socket);
      }
      return socket.ok();
    }));
  }

  Reply Ask(const json& request, const std::vector<int>& fds = {}) {
    EXPECT_TRUE(socket_.Send(request.dump(), fds).ok());
    auto packet = socket_.Receive(kPatience);
    if (!packet.ok()) {
      ADD_FAILURE() << packet.status().message();
      return {};
    }
    return {json::parse(packet->text()), std::move(packet->fds)};
  }

  json CreateVxpu(uint64_t id, uint32_t request, uint64_t memory_mib, json more = json::object()) {
    json body = {{"op", "create_vxpu"},
                 {"id", id},
                 {"name", "test"},
                 {"owner_uid", 0},
                 {"request_permille", request},
                 {"memory_bytes", memory_mib << 20}};
    body.update(more);
    return Ask(body).body;
  }

  TestSession& StartSession(uint64_t id, uint64_t vxpu) {
    auto session = std::make_unique<TestSession>();
    os::SpawnOptions sleeper;
    sleeper.program = "/bin/sleep";
    sleeper.arguments = {"1000"};
    sleeper.die_with_parent = true;
    session->application = os::Spawn(sleeper).value();
    const os::UniqueFd channel = os::CreateSealedMemfd("channel", 4096).value();
    const os::UniqueFd arena = os::CreateSealedMemfd("arena", kArenaBytes).value();
    const os::UniqueFd output = os::OpenNullDevice().value();
    session->arena = os::Mapping::Map(arena, kArenaBytes, os::Mapping::Access::kReadWrite).value();
    Reply reply =
        Ask({{"op", "start_session"},
             {"session", id},
             {"vxpus", {vxpu}},
             {"platform", 0},
             {"device_index", 0},
             {"uid", 0},
             {"pid", session->application.pid},
             {"command", "sleep"},
             {"geometry", {{"ring_bytes", 1}, {"reply_slots", 1}, {"status_slots", 1}, {"arena_bytes", 1}}},
             {"arena_base", 0}},
            {channel.get(), arena.get(), session->application.pidfd.get(), output.get()});
    last_start_ = reply.body;
    if (reply.fds.size() == 1) {
      session->executor = std::move(reply.fds[0]);
      session->executor_pid = reply.body.at("executor_pid");
      session->log = reply.body.at("log");
      EXPECT_TRUE(Eventually([&] { return session->orders().started.load() == 1; }));
    }
    sessions_.push_back(std::move(session));
    return *sessions_.back();
  }

  bool Gone(const os::UniqueFd& process) { return os::WaitForEnd(process, kPatience); }
  size_t SessionCount() { return Ask({{"op", "stats"}}).body.at("sessions").size(); }
  uint64_t Resident() { return Ask({{"op", "stats"}}).body.at("vxpus").at(0).at("resident_bytes"); }

  std::string folder_;
  os::Process keeper_;
  os::PacketSocket socket_;
  std::vector<std::unique_ptr<TestSession>> sessions_;
  json last_start_;
};

TEST_F(KeeperTest, SaysWhatItKeeps) {
  StartKeeper();
  const json hello = Ask({{"op", "hello"}, {"version", "1"}}).body;
  EXPECT_EQ(hello.at("ok"), true);
  EXPECT_EQ(hello.at("device"), "test-0");
  EXPECT_EQ(hello.at("reserve_bytes"), 64 << 20);
  EXPECT_EQ(hello.at("free_bytes"), (1024 - 64 - 16) << 20);
  EXPECT_TRUE(hello.at("vxpus").empty());
}

TEST_F(KeeperTest, RefusesWhatCannotBeWithOneSentence) {
  StartKeeper();
  EXPECT_EQ(CreateVxpu(1, 700, 256).at("ok"), true);
  const json share = CreateVxpu(2, 400, 256);
  EXPECT_EQ(share.at("code"), "resource_exhausted");
  EXPECT_EQ(share.at("message"), "a share of 40 % was asked for, but only 30 % of the device are free");
  const json memory = CreateVxpu(2, 100, 2048);
  EXPECT_EQ(memory.at("code"), "resource_exhausted");
  EXPECT_EQ(CreateVxpu(1, 100, 16).at("code"), "already_exists");
  EXPECT_EQ(CreateVxpu(2, 0, 16).at("code"), "invalid_argument");
  EXPECT_EQ(CreateVxpu(2, 100, 16, {{"priority", "urgent"}}).at("code"), "invalid_argument");
  EXPECT_EQ(CreateVxpu(2, 100, 16, {{"name", 7}}).at("code"), "invalid_argument");
  EXPECT_EQ(Ask({{"op", "dance"}}).body.at("code"), "unimplemented");
  EXPECT_EQ(Ask(json::array()).body.at("code"), "invalid_argument");
  EXPECT_EQ(Ask({{"op", "remove_vxpu"}, {"id", 9}}).body.at("code"), "not_found");
  EXPECT_EQ(Ask({{"op", "end_session"}, {"session", 9}}).body.at("code"), "not_found");
  EXPECT_EQ(Ask({{"op", "start_session"}}).body.at("code"), "invalid_argument");
  EXPECT_EQ(Ask({{"op", "hello"}}).body.at("vxpus").size(), 1u);
}

TEST_F(KeeperTest, OneKeeperPerDevice) {
  StartKeeper();
  os::SpawnOptions second;
  second.program = *os::ProgramFolder() + "/flexai-keeper";
  second.arguments = {
      "--device",   "test-0",   "--socket", folder_ + "/2.sock", "--lock", folder_ + "/lock", "--executor",
      "/bin/false", "--memory", "1Gi",      "--reserve",         "0",      "--log-dir",       folder_};
  second.environment = os::Environment();
  const auto output = os::RunAndCapture(second, kPatience);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->exit.value, 1);
}

TEST_F(KeeperTest, RunsASessionAndCountsIt) {
  StartKeeper();
  CreateVxpu(1, 500, 256);
  TestSession& session = StartSession(7, 1);
  session.orders().command_ns.store(200'000);
  session.Order(Mode::kRun);
  EXPECT_TRUE(Eventually([&] { return session.orders().finished.load() > 20; }));
  const json stats = Ask({{"op", "stats"}}).body;
  EXPECT_GT(stats.at("vxpus").at(0).at("used_ns").get<int64_t>(), 20 * 200'000);
  EXPECT_EQ(stats.at("sessions").at(0).at("session"), 7);
  EXPECT_EQ(stats.at("sessions").at(0).at("executor_pid"), session.executor_pid);
  EXPECT_TRUE(Eventually([&] {
    const auto log = os::ReadFile(session.log);
    return log.ok() && log->find("session 7 began") != std::string::npos;
  }));
}

TEST_F(KeeperTest, QuotaIsExactAndSharedByTheSessionsOfAVxpu) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& first = StartSession(1, 1);
  TestSession& second = StartSession(2, 1);
  EXPECT_EQ(first.Charge(60 << 20), static_cast<int>(Code::kOk));
  EXPECT_EQ(second.Charge((40 << 20) + 1), static_cast<int>(Code::kResourceExhausted));
  EXPECT_EQ(second.Charge(40 << 20), static_cast<int>(Code::kOk));
  EXPECT_EQ(Resident(), 100u << 20);
  EXPECT_EQ(first.Charge(-(60 << 20)), static_cast<int>(Code::kOk));
  EXPECT_EQ(second.Charge(60 << 20), static_cast<int>(Code::kOk));
  EXPECT_EQ(Ask({{"op", "resize_vxpu"}, {"id", 1}, {"memory_bytes", 99 << 20}}).body.at("code"),
            "failed_precondition");
  EXPECT_EQ(Ask({{"op", "resize_vxpu"}, {"id", 1}, {"memory_bytes", 101 << 20}}).body.at("ok"), true);
  EXPECT_EQ(first.Charge(1 << 20), static_cast<int>(Code::kOk));
}

TEST_F(KeeperTest, TheEndOfAProgramEndsItsSessionOnly) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& first = StartSession(1, 1);
  TestSession& second = StartSession(2, 1);
  EXPECT_EQ(first.Charge(60 << 20), static_cast<int>(Code::kOk));
  ASSERT_TRUE(os::SignalProcess(first.application.pidfd, SIGKILL).ok());
  EXPECT_TRUE(Gone(first.executor));
  EXPECT_TRUE(Eventually([&] { return Resident() == 0; }));
  EXPECT_EQ(SessionCount(), 1u);
  second.orders().command_ns.store(100'000);
  second.Order(Mode::kRun);
  EXPECT_TRUE(Eventually([&] { return second.orders().finished.load() > 5; }));
}

TEST_F(KeeperTest, ADeadExecutorGivesEverythingBackWhileItHoldsTheDevice) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  CreateVxpu(2, 500, 100);
  TestSession& first = StartSession(1, 1);
  TestSession& second = StartSession(2, 2);
  EXPECT_EQ(first.Charge(60 << 20), static_cast<int>(Code::kOk));
  first.Order(Mode::kHang);
  EXPECT_TRUE(Eventually([&] { return first.orders().finished.load() > 0; }));
  second.orders().command_ns.store(100'000);
  second.Order(Mode::kRun);
  ASSERT_TRUE(os::SignalProcess(first.executor, SIGKILL).ok());
  EXPECT_TRUE(Eventually([&] { return second.orders().finished.load() > 5; }));
  EXPECT_TRUE(Eventually([&] { return SessionCount() == 1 && Resident() == 0; }));
}

TEST_F(KeeperTest, ACrashEndsThatSessionAndIsNamedInItsLog) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& session = StartSession(1, 1);
  session.Order(Mode::kCrash);
  EXPECT_TRUE(Gone(session.executor));
  EXPECT_TRUE(Eventually([&] { return SessionCount() == 0; }));
  EXPECT_NE(os::ReadFile(session.log)->find("its executor ended with signal 6"), std::string::npos);
}

TEST_F(KeeperTest, ImpossibleClaimsEndTheSession) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& session = StartSession(1, 1);
  session.Order(Mode::kLie);
  EXPECT_TRUE(Gone(session.executor));
  EXPECT_TRUE(Eventually([&] { return SessionCount() == 0; }));
}

TEST_F(KeeperTest, SessionsOutliveADaemonThatIsReplaced) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& session = StartSession(1, 1);
  session.orders().command_ns.store(100'000);
  session.Order(Mode::kRun);
  socket_.Close();
  const uint64_t before = session.orders().finished.load();
  EXPECT_TRUE(Eventually([&] { return session.orders().finished.load() > before + 5; }));
  Connect();
  const json hello = Ask({{"op", "hello"}}).body;
  EXPECT_EQ(hello.at("vxpus").size(), 1u);
  EXPECT_EQ(hello.at("sessions").size(), 1u);
}

TEST_F(KeeperTest, ExecutorsEndWithTheirKeeper) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& session = StartSession(1, 1);
  session.Order(Mode::kHang);
  ASSERT_TRUE(os::SignalProcess(keeper_.pidfd, SIGKILL).ok());
  EXPECT_TRUE(Gone(session.executor));
}

TEST_F(KeeperTest, AVxpuEndsWithItsOwnerAndItsRemovalEndsSessions) {
  StartKeeper();
  os::SpawnOptions sleeper;
  sleeper.program = "/bin/sleep";
  sleeper.arguments = {"1000"};
  const os::Process owner = os::Spawn(sleeper).value();
  Ask({{"op", "create_vxpu"},
       {"id", 1},
       {"owner_uid", 0},
       {"request_permille", 100},
       {"memory_bytes", 1 << 20}},
      {owner.pidfd.get()});
  CreateVxpu(2, 900, 100);
  TestSession& first = StartSession(1, 1);
  TestSession& second = StartSession(2, 2);
  ASSERT_TRUE(os::SignalProcess(owner.pidfd, SIGKILL).ok());
  static_cast<void>(os::Reap(owner));
  EXPECT_TRUE(Gone(first.executor));
  EXPECT_EQ(Ask({{"op", "remove_vxpu"}, {"id", 2}}).body.at("ok"), true);
  EXPECT_TRUE(Gone(second.executor));
  EXPECT_TRUE(Eventually([&] { return Ask({{"op", "stats"}}).body.at("vxpus").empty(); }));
}

TEST_F(KeeperTest, ACommandThatNeverEndsIsFrozenForOthersAndEndedAtTheLimit) {
  StartKeeper({"--freeze", "--max-command-seconds", "1"});
  CreateVxpu(1, 500, 100);
  CreateVxpu(2, 500, 100);
  TestSession& hanging = StartSession(1, 1);
  TestSession& other = StartSession(2, 2);
  hanging.Order(Mode::kHang);
  EXPECT_TRUE(Eventually([&] { return hanging.orders().finished.load() > 0; }));
  other.orders().command_ns.store(1'000'000);
  other.Order(Mode::kRun);
  EXPECT_TRUE(Eventually([&] { return other.orders().finished.load() > 100; }));
  EXPECT_TRUE(Gone(hanging.executor));
  EXPECT_NE(os::ReadFile(hanging.log)->find("longer than the device's limit"), std::string::npos);
}

TEST_F(KeeperTest, ALeaseThatIsNotUsedPassesOn) {
  StartKeeper();
  CreateVxpu(1, 500, 100);
  CreateVxpu(2, 500, 100);
  TestSession& staying = StartSession(1, 1);
  TestSession& other = StartSession(2, 2);
  staying.Order(Mode::kStay);
  other.orders().command_ns.store(100'000);
  other.Order(Mode::kRun);
  EXPECT_TRUE(Eventually([&] { return other.orders().finished.load() > 20; }));
}

TEST_F(KeeperTest, SaysWhyAnExecutorDoesNotStart) {
  StartKeeper({}, {"FLEXAI_FAKE_FAILS=1"});
  CreateVxpu(1, 500, 100);
  StartSession(1, 1);
  EXPECT_EQ(last_start_.at("ok"), false);
  EXPECT_EQ(last_start_.at("message"), "no session on this device: this platform is broken");
  EXPECT_TRUE(Eventually([&] { return SessionCount() == 0; }));
}

TEST_F(KeeperTest, TenantsHaveFoldersAndUsersOfTheirOwn) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root's executors change their user";
  }
  StartKeeper();
  CreateVxpu(1, 500, 100);
  TestSession& session = StartSession(1, 1);
  const auto status = os::ReadFile("/proc/" + std::to_string(session.executor_pid) + "/status");
  ASSERT_TRUE(status.ok());
  EXPECT_EQ(status->find("\nUid:\t0\t"), std::string::npos);
  EXPECT_NE(status->find("\nCapEff:\t0000000000000000"), std::string::npos);
  EXPECT_NE(status->find("\nNoNewPrivs:\t1"), std::string::npos);
  EXPECT_NE(status->find("\nSeccomp:\t2"), std::string::npos);
  EXPECT_TRUE(std::filesystem::is_directory(folder_ + "/cache/tenant-0/tmp"));
}

}  // namespace
}  // namespace flexai::keeper_test
