// flexaid whole, in this process, with the fake keeper and the fake executor beside its seams.
#include "node/daemon.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>

#include "os/files.h"
#include "os/memory.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/stream.h"
#include "wire/attach.h"

namespace flexai::node {
namespace {

using nlohmann::json;

constexpr uint64_t kHash = 0x1234;
constexpr Nanos kPatience = Seconds(20);

struct Answer {
  int status = 0;
  std::string body;
  json Json() const { return json::parse(body, nullptr, false); }
  std::string Error() const { return Json()["error"]["message"]; }
};

class DaemonTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/flexai-daemon-XXXXXX";
    folder_ = mkdtemp(name);
    paths_.directory = folder_ + "/run";
    setenv("FLEXAI_FAKE_PROBE", "", 1);
    options_.paths = paths_;
    options_.lock_directory = folder_;
    options_.keeper_program = FLEXAI_FAKE_KEEPER;
    options_.executor_program = FLEXAI_FAKE_EXECUTOR;
    options_.version = "9.9.9";
    options_.description_hash = kHash;
    options_.uid = getuid();
    options_.config.access = Access::kOwner;
  }
  void TearDown() override {
    Stop(/*keepers=*/true);
    if (HasFailure()) {
      std::rewind(stream_);
      for (int c = std::fgetc(stream_); c != EOF; c = std::fgetc(stream_)) {
        std::fputc(c, stderr);
      }
    }
    std::fclose(stream_);
    // A keeper that was slow to end may still be removing its socket.
    const Nanos until = os::MonotonicClock().Now() + kPatience;
    while (!os::RemoveFolder(folder_).ok()) {
      ASSERT_LT(os::MonotonicClock().Now(), until);
      std::this_thread::yield();
    }
  }

  Status Start() {
    std::promise<Status> ready;
    std::future<Status> started = ready.get_future();
    thread_ = std::thread([this, &ready] {
      Result<std::unique_ptr<Daemon>> daemon = Daemon::Create(options_, log_);
      if (!daemon.ok()) {
        return ready.set_value(daemon.status());
      }
      ran_ = (*daemon)->Run([&ready] { ready.set_value({}); });
      ended_.set_value();
    });
    const Status status = started.get();
    if (!status.ok()) {
      thread_.join();
    }
    return status;
  }
  void Stop(bool keepers) {
    if (thread_.joinable()) {
      Ask("POST", "/v1/shutdown", keepers ? R"({"keepers": true})" : "");
      thread_.join();
      ended_ = {};
    }
  }

  Answer Ask(const std::string& method, const std::string& target, const std::string& body = "") {
    Result<os::UniqueFd> stream = os::ConnectStream(paths_.api_socket());
    if (!stream.ok()) {
      return {};
    }
    EXPECT_TRUE(os::WriteAll(*stream,
                             method + " " + target + " HTTP/1.1\r\nConnection: close\r\nContent-Length: " +
                                 std::to_string(body.size()) + "\r\n\r\n" + body,
                             kPatience)
                    .ok());
    std::string text;
    std::array<char, 65536> buffer;
    for (;;) {
      EXPECT_TRUE(*os::WaitForInput(*stream, kPatience));
      const Result<size_t> got = os::ReadSome(*stream, buffer);
      if (!got.ok() || *got == 0) {
        break;
      }
      text.append(buffer.data(), *got);
    }
    const size_t end = text.find("\r\n\r\n");
    return end == std::string::npos ? Answer{} : Answer{std::stoi(text.substr(9, 3)), text.substr(end + 4)};
  }

  uint64_t MakeVxpu(int permille = 300, bool tied = false) {
    const Answer made =
        Ask("POST", "/v1/vxpus",
            json{{"request_permille", permille}, {"memory_bytes", 1 << 30}, {"tied", tied}}.dump());
    EXPECT_EQ(made.status, 201) << made.body;
    return made.Json()["id"];
  }

  // Asks again until `done` of the answer holds; events of other processes arrive when they arrive.
  template <typename Done>
  bool Eventually(const std::string& target, Done done) {
    const os::MonotonicClock clock;
    for (const Nanos until = clock.Now() + kPatience; clock.Now() < until;) {
      const json answer = Ask("GET", target).Json();
      EXPECT_TRUE(answer.is_object());
      if (answer.is_object() && done(answer)) {
        return true;
      }
      std::this_thread::yield();
    }
    return false;
  }

  wire::AttachRequest Request(wire::AttachOp op, std::vector<uint64_t> vxpus) const {
    wire::AttachRequest request{};
    request.magic = wire::kAttachMagic;
    request.major = wire::kProtocolMajor;
    request.minor = wire::kProtocolMinor;
    request.op = op;
    request.api = wire::AttachApi::kOpenCl;
    request.description_hash = kHash;
    request.vxpu_count = static_cast<uint32_t>(vxpus.size());
    std::copy(vxpus.begin(), vxpus.end(), request.vxpus);
    std::strcpy(request.command, "test");
    return request;
  }

  struct Attached {
    wire::AttachReply reply{};
    std::vector<os::UniqueFd> fds;
  };
  Attached Attach(const os::PacketSocket& socket, const wire::AttachRequest& request) {
    EXPECT_TRUE(socket.Send(std::as_bytes(std::span(&request, 1))).ok());
    Result<os::Packet> packet = socket.Receive(kPatience);
    Attached attached;
    if (packet.ok() && packet->bytes.size() == sizeof(attached.reply)) {
      std::memcpy(&attached.reply, packet->bytes.data(), sizeof(attached.reply));
      attached.fds = std::move(packet->fds);
    }
    EXPECT_EQ(attached.reply.magic, wire::kAttachMagic);
    return attached;
  }
  Attached Attach(const wire::AttachRequest& request) {
    return Attach(*os::PacketSocket::Connect(paths_.attach_socket()), request);
  }

  // The probe finds one device, with `field` besides what each needs.
  void WriteProbe(int platform, const std::string& name, int gibibytes, const std::string& field) {
    probe_ = folder_ + "/probe.json";
    setenv("FLEXAI_FAKE_PROBE", probe_.c_str(), 1);
    ASSERT_TRUE(os::WriteFile(probe_, R"({"platforms": [{"index": )" + std::to_string(platform) +
                                          R"(, "name": "Fake", "suffix": "FAKE", "devices": [{"index": 0, )" +
                                          field + R"(, "name": ")" + name +
                                          R"(", "type": "cpu", "global_mem_bytes": )" +
                                          std::to_string(int64_t{gibibytes} << 30) + "}]}]}")
                    .ok());
  }
  // So that the daemon's thread gets a SIGHUP of this process, and no other is ended by it.
  static void BlockHangup() {
    sigset_t hangup;
    sigemptyset(&hangup);
    sigaddset(&hangup, SIGHUP);
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, &hangup, nullptr), 0);
  }
  json KeeperAccount() const {
    const os::PacketSocket keeper = *os::PacketSocket::Connect(paths_.keeper_socket("fake-0"));
    EXPECT_TRUE(keeper.Send(std::string_view(R"({"op": "stats"})")).ok());
    return json::parse(keeper.Receive(kPatience)->text());
  }

  std::string folder_, probe_;
  RuntimePaths paths_;
  DaemonOptions options_;
  std::FILE* stream_ = std::tmpfile();
  telemetry::Log log_{"flexaid", telemetry::LogLevel::kDebug, telemetry::LogLayout::kPlain, stream_};
  std::thread thread_;
  Status ran_;
  std::promise<void> ended_;
};

TEST_F(DaemonTest, ShowsTheDevicesItFound) {
  ASSERT_TRUE(Start().ok());
  const json devices = Ask("GET", "/v1/devices").Json()["devices"];
  ASSERT_EQ(devices.size(), 1u);
  EXPECT_EQ(devices[0]["id"], "fake-0");
  EXPECT_EQ(devices[0]["free_permille"], 1000);
  EXPECT_EQ(Ask("GET", "/v1/health").Json()["version"], "9.9.9");
}

TEST_F(DaemonTest, MakesChangesAndRemovesAVxpu) {
  ASSERT_TRUE(Start().ok());
  const uint64_t id = MakeVxpu(300);
  const std::string path = "/v1/vxpus/" + std::to_string(id);
  EXPECT_EQ(Ask("GET", "/v1/devices").Json()["devices"][0]["free_permille"], 700);
  EXPECT_EQ(Ask("PATCH", path, R"({"request_permille": 500, "priority": "high"})").status, 200);
  const json vxpu = Ask("GET", "/v1/vxpus").Json()["vxpus"][0];
  EXPECT_EQ(vxpu["request_permille"], 500);
  EXPECT_EQ(vxpu["priority"], "high");
  EXPECT_EQ(Ask("DELETE", path).status, 200);
  EXPECT_TRUE(Ask("GET", "/v1/vxpus").Json()["vxpus"].empty());
  EXPECT_EQ(Ask("DELETE", path).status, 404);
}

TEST_F(DaemonTest, RefusesWithASentence) {
  ASSERT_TRUE(Start().ok());
  MakeVxpu(700);
  EXPECT_EQ(Ask("POST", "/v1/vxpus", R"({"request_permille": 400})").status, 429);
  EXPECT_EQ(Ask("POST", "/v1/vxpus", R"({"device": "gpu"})").Error(),
            "there is no device 'gpu': the devices are fake-0");
  EXPECT_EQ(Ask("POST", "/v1/vxpus", "{").status, 400);
  EXPECT_EQ(Ask("PATCH", "/v1/vxpus/99", R"({"request_permille": 1})").status, 404);
  EXPECT_EQ(Ask("GET", "/v1/vxpus/1x").status, 404);
  EXPECT_EQ(Ask("GET", "/nonsense").status, 404);
  EXPECT_EQ(Ask("GET", "/v1/sessions/5/log").status, 404);
}

TEST_F(DaemonTest, TheSameKeyGivesTheSameVxpu) {
  ASSERT_TRUE(Start().ok());
  const std::string body = R"({"request_permille": 100, "key": "mine"})";
  const Answer first = Ask("POST", "/v1/vxpus", body);
  ASSERT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(Ask("POST", "/v1/vxpus", body).Json()["id"], first.Json()["id"]);
  Stop(/*keepers=*/false);
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(Ask("POST", "/v1/vxpus", body).Json()["id"], first.Json()["id"]);
  EXPECT_EQ(Ask("GET", "/v1/vxpus").Json()["vxpus"].size(), 1u);
}

TEST_F(DaemonTest, AUserHasSoManyVxpus) {
  options_.config.max_vxpus_per_user = 2;
  ASSERT_TRUE(Start().ok());
  MakeVxpu(100);
  MakeVxpu(100);
  EXPECT_EQ(Ask("POST", "/v1/vxpus", R"({"request_permille": 1})").status, 429);
}

TEST_F(DaemonTest, ATiedVxpuEndsWithItsProcess) {
  auto [parent_end, child_end] = *os::PacketSocket::Pair();
  // Forked before there are threads; it makes a vXPU when told, and ends when told again.
  const pid_t child = fork();
  if (child == 0) {
    static_cast<void>(child_end.Receive());
    MakeVxpu(300, /*tied=*/true);
    static_cast<void>(child_end.Send("made"));
    static_cast<void>(child_end.Receive());
    _exit(0);
  }
  const os::Process process{child, *os::OpenPidfd(child)};
  ASSERT_TRUE(Start().ok());
  ASSERT_TRUE(parent_end.Send("go").ok());
  ASSERT_TRUE(parent_end.Receive(kPatience).ok());
  EXPECT_EQ(Ask("GET", "/v1/vxpus").Json()["vxpus"].size(), 1u);
  ASSERT_TRUE(parent_end.Send("end").ok());
  ASSERT_TRUE(os::Reap(process).ok());
  EXPECT_TRUE(Eventually("/v1/vxpus", [](const json& answer) { return answer["vxpus"].empty(); }));
}

TEST_F(DaemonTest, AttachesASession) {
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu();
  const os::PacketSocket socket = *os::PacketSocket::Connect(paths_.attach_socket());
  EXPECT_EQ(Attach(socket, Request(wire::AttachOp::kList, {vxpu})).reply.session_count, 1u);
  const Attached attached = Attach(socket, Request(wire::AttachOp::kOpen, {vxpu}));
  ASSERT_EQ(attached.reply.code, 0) << attached.reply.message;
  ASSERT_EQ(attached.fds.size(), 3u);
  wire::Geometry geometry;
  EXPECT_EQ(*os::SealedMemfdBytes(attached.fds[0]), geometry.channel_bytes());
  EXPECT_EQ(*os::SealedMemfdBytes(attached.fds[1]), attached.reply.arena_bytes);
  EXPECT_EQ(attached.reply.arena_base, wire::kArenaBase + attached.reply.session * wire::kArenaStride);
  EXPECT_EQ(attached.reply.vxpu_count, 1u);

  const json session = Ask("GET", "/v1/sessions").Json()["sessions"][0];
  EXPECT_EQ(session["command"], "test");
  EXPECT_EQ(session["pid"], getpid());
  const std::string path = "/v1/sessions/" + std::to_string(attached.reply.session);
  EXPECT_EQ(Ask("GET", path + "/log").body, "log of session 1\n");
  EXPECT_EQ(Ask("GET", path + "/log?offset=7").body, "session 1\n");

  EXPECT_FALSE(os::HasEnded(attached.fds[2]));
  EXPECT_EQ(Ask("DELETE", path).status, 200);
  EXPECT_TRUE(os::WaitForEnd(attached.fds[2], kPatience));
  EXPECT_TRUE(Eventually("/v1/sessions", [](const json& answer) {
    return answer["sessions"].empty() && answer["ended"].size() == 1;
  }));
  EXPECT_EQ(Ask("GET", path + "/log").status, 200);
}

// Two drivers with platforms of the same name; the first has two devices.
TEST_F(DaemonTest, TellsWhichSessionsAreOnOnePlatform) {
  const std::string device = R"("name": "Fake", "type": "cpu", "global_mem_bytes": 8589934592)";
  const std::string platform =
      R"("name": "Fake", "version": "1", "suffix": "FAKE", "devices": [{"index": 0, )";
  probe_ = folder_ + "/probe.json";
  setenv("FLEXAI_FAKE_PROBE", probe_.c_str(), 1);
  ASSERT_TRUE(os::WriteFile(probe_, R"({"platforms": [{"index": 0, )" + platform + device +
                                        R"(}, {"index": 1, )" + device + R"(}]}, {"index": 1, )" + platform +
                                        device + "}]}]}")
                  .ok());
  ASSERT_TRUE(Start().ok());
  const auto vxpu_on = [this](const std::string& id) -> uint64_t {
    return Ask("POST", "/v1/vxpus", json{{"request_permille", 100}, {"device", id}}.dump()).Json()["id"];
  };
  const uint64_t first = vxpu_on("fake-0");
  const std::vector<uint64_t> vxpus{first, vxpu_on("fake-2"), first, vxpu_on("fake-1"), vxpu_on("fake-0")};
  EXPECT_EQ(Attach(Request(wire::AttachOp::kList, vxpus)).reply.session_count, 3u);
  const auto opened = [&](uint32_t index, uint16_t minor) {
    wire::AttachRequest request = Request(wire::AttachOp::kOpen, vxpus);
    request.index = index;
    request.minor = minor;
    const wire::AttachReply reply = Attach(request).reply;
    EXPECT_EQ(reply.code, 0) << reply.message;
    return std::array{reply.platform, reply.vxpu_mask, reply.vxpu_count};
  };
  EXPECT_EQ(opened(0, wire::kProtocolMinor), (std::array{0u, 0b10001u, 2u}));
  EXPECT_EQ(opened(1, wire::kProtocolMinor), (std::array{1u, 0b00010u, 1u}));
  EXPECT_EQ(opened(2, wire::kProtocolMinor), (std::array{0u, 0b01000u, 1u}));
  EXPECT_EQ(opened(2, 0)[2], 1u) << "a shim of 1.0 is served too";
}

TEST_F(DaemonTest, RefusesToAttachWithASentence) {
  options_.config.max_sessions = 1;
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu();
  const auto refused = [&](const wire::AttachRequest& request) {
    return std::string(Attach(request).reply.message);
  };
  EXPECT_EQ(refused(Request(wire::AttachOp::kList, {})),
            "this program has no vXPU: start it with 'flexai run -- COMMAND'");
  EXPECT_EQ(refused(Request(wire::AttachOp::kOpen, {vxpu + 1})),
            "vXPU 2 does not exist any more: start the program with 'flexai run' again");
  wire::AttachRequest other = Request(wire::AttachOp::kList, {vxpu});
  other.major = 9;
  EXPECT_NE(refused(other).find("speaks protocol 9."), std::string::npos);
  other = Request(wire::AttachOp::kList, {vxpu});
  other.description_hash = 1;
  EXPECT_NE(refused(other).find("different builds"), std::string::npos);
  other = Request(wire::AttachOp::kOpen, {vxpu});
  other.index = 1;
  EXPECT_NE(refused(other), "");
  other = Request(wire::AttachOp::kOpen, {vxpu});
  other.vxpu_count = 17;
  EXPECT_EQ(refused(other), "the attach request is malformed");
  EXPECT_EQ(Attach(Request(wire::AttachOp::kOpen, {vxpu})).reply.code, 0);
  EXPECT_EQ(static_cast<Code>(Attach(Request(wire::AttachOp::kOpen, {vxpu})).reply.code),
            Code::kResourceExhausted);
  // The program cannot say it; whoever removes its vXPU can.
  const std::string refusal = Ask("DELETE", "/v1/vxpus/" + std::to_string(vxpu)).Json()["refusal"];
  EXPECT_EQ(refusal.find("1 sessions are open, the most this flexaid takes"), 0u) << refusal;
}

TEST_F(DaemonTest, HostileAttachPacketsEndAtTheirOwnConnection) {
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu();
  const os::PacketSocket hostile = *os::PacketSocket::Connect(paths_.attach_socket());
  for (uint32_t i = 0; i < AttachBroker::kMaxRequestsPerConnection; ++i) {
    ASSERT_TRUE(hostile.Send(std::string(i * 100 + 1, 'x')).ok());
  }
  static_cast<void>(hostile.Send("one too many"));
  while (hostile.Receive(kPatience).ok()) {
  }
  EXPECT_EQ(Attach(Request(wire::AttachOp::kList, {vxpu})).reply.session_count, 1u);
}

TEST_F(DaemonTest, TheNextDaemonAdoptsKeepersVxpusAndSessions) {
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu(400);
  const Attached attached = Attach(Request(wire::AttachOp::kOpen, {vxpu}));
  ASSERT_EQ(attached.fds.size(), 3u);
  Stop(/*keepers=*/false);
  EXPECT_FALSE(os::HasEnded(attached.fds[2]));
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(Ask("GET", "/v1/vxpus").Json()["vxpus"][0]["request_permille"], 400);
  EXPECT_EQ(Ask("GET", "/v1/sessions").Json()["sessions"][0]["session"], attached.reply.session);
  EXPECT_GT(MakeVxpu(100), vxpu);
  EXPECT_GT(Attach(Request(wire::AttachOp::kOpen, {vxpu})).reply.session, attached.reply.session);
}

// No account of the keeper had its time when it ended.
TEST_F(DaemonTest, AnEndedSessionShowsWhenItBegan) {
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu();
  const int64_t before = os::MonotonicClock().Now().value;
  const Attached attached = Attach(Request(wire::AttachOp::kOpen, {vxpu}));
  ASSERT_EQ(attached.fds.size(), 3u);
  const int64_t after = os::MonotonicClock().Now().value;
  ASSERT_TRUE(os::SignalProcess(attached.fds[2], SIGKILL).ok());
  int64_t started = 0;
  EXPECT_TRUE(Eventually("/v1/sessions", [&started](const json& answer) {
    started = answer["ended"].empty() ? 0 : answer["ended"][0]["started_ns"].get<int64_t>();
    return !answer["ended"].empty();
  }));
  EXPECT_LE(before, started);
  EXPECT_LE(started, after);
  // An account that does not say it takes nothing away.
  Attach(Request(wire::AttachOp::kOpen, {vxpu}));
  EXPECT_GT(Ask("GET", "/v1/sessions").Json()["sessions"][0]["started_ns"].get<int64_t>(), started);
}

TEST_F(DaemonTest, LogsOfOldSessionsGo) {
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu();
  const Attached live = Attach(Request(wire::AttachOp::kOpen, {vxpu}));
  ASSERT_EQ(live.fds.size(), 3u);
  Stop(/*keepers=*/false);
  for (int id = 1001; id <= 1201; ++id) {
    ASSERT_TRUE(os::WriteFile(paths_.log_directory() + "/session-" + std::to_string(id) + ".log", "").ok());
  }
  ASSERT_TRUE(Start().ok());
  // 200 stay, and that of a session that goes on.
  const auto there = [this](uint64_t id) {
    return os::ReadFile(paths_.log_directory() + "/session-" + std::to_string(id) + ".log").ok();
  };
  EXPECT_FALSE(there(1001));
  EXPECT_TRUE(there(1002));
  EXPECT_TRUE(there(live.reply.session));
  ASSERT_TRUE(os::SignalProcess(live.fds[2], SIGKILL).ok());
  EXPECT_TRUE(Eventually("/v1/sessions", [](const json& answer) { return answer["ended"].size() == 1; }));
  EXPECT_FALSE(there(1002));
  EXPECT_TRUE(there(1003));
  EXPECT_TRUE(there(live.reply.session));
}

TEST_F(DaemonTest, AnotherLookForDevicesTakesWhatIsNew) {
  BlockHangup();
  WriteProbe(0, "Old Name", 1, R"("problem": "its driver makes no context")");
  ASSERT_TRUE(Start().ok());
  json device = Ask("GET", "/v1/devices").Json()["devices"][0];
  EXPECT_EQ(device["state"], "unavailable");
  EXPECT_EQ(device["message"], "its driver makes no context");
  EXPECT_EQ(Ask("POST", "/v1/vxpus", "{}").status, 503);

  // The driver was mended, and another one stands before it now.
  WriteProbe(1, "New Name", 4, R"("driver_version": "2")");
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  EXPECT_TRUE(Eventually("/v1/devices", [&device](const json& answer) {
    device = answer["devices"][0];
    return device["state"] == "serving";
  }));
  EXPECT_EQ(device["name"], "New Name");
  EXPECT_EQ(device["driver_version"], "2");
  EXPECT_EQ(device["device_memory_bytes"], 4ll << 30);
  EXPECT_EQ(device["message"], "");
  const uint64_t vxpu = MakeVxpu();
  EXPECT_EQ(Attach(Request(wire::AttachOp::kOpen, {vxpu})).reply.code, 0);
  EXPECT_EQ(KeeperAccount()["sessions"][0]["platform"], 1);

  WriteProbe(1, "New Name", 4, R"("problem": "it fell off the bus")");
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  EXPECT_TRUE(Eventually("/v1/devices", [](const json& answer) {
    return answer["devices"][0]["message"] == "it fell off the bus";
  }));
  EXPECT_EQ(Ask("POST", "/v1/vxpus", "{}").status, 503);
}

TEST_F(DaemonTest, ADeviceThatIsNotFoundAgainShowsWhatItStillHas) {
  BlockHangup();
  WriteProbe(0, "Device", 4, R"("driver_version": "1")");
  ASSERT_TRUE(Start().ok());
  const std::string vxpu = std::to_string(MakeVxpu(100));
  ASSERT_TRUE(os::WriteFile(probe_, R"({"platforms": []})").ok());
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  EXPECT_TRUE(Eventually("/v1/devices", [](const json& answer) {
    return answer["devices"][0]["message"] == "the last look for devices did not find it";
  }));
  EXPECT_EQ(Ask("GET", "/v1/vxpus").Json()["vxpus"].size(), 1u);
  EXPECT_EQ(Ask("POST", "/v1/vxpus", "{}").status, 404);
  EXPECT_EQ(Ask("DELETE", "/v1/vxpus/" + vxpu).status, 200);
  EXPECT_TRUE(Eventually("/v1/devices", [](const json& answer) { return answer["devices"].empty(); }));

  WriteProbe(0, "Device", 4, R"("driver_version": "1")");
  ASSERT_EQ(kill(getpid(), SIGHUP), 0);
  EXPECT_TRUE(Eventually("/v1/devices", [](const json& answer) {
    return !answer["devices"].empty() && answer["devices"][0]["state"] == "serving";
  }));
  MakeVxpu(100);
}

TEST_F(DaemonTest, AKeeperThatDiesIsStartedAgainWithItsVxpus) {
  ASSERT_TRUE(Start().ok());
  const uint64_t vxpu = MakeVxpu(400);
  const os::PacketSocket keeper = *os::PacketSocket::Connect(paths_.keeper_socket("fake-0"));
  const os::UniqueFd process = *os::OpenPeer(keeper.fd());
  ASSERT_TRUE(os::SignalProcess(process, SIGKILL).ok());
  ASSERT_TRUE(os::WaitForEnd(process, kPatience));
  EXPECT_TRUE(Eventually("/v1/devices", [](const json& answer) {
    return answer["devices"][0]["vxpus"] == 1 && answer["devices"][0]["state"] == "serving";
  }));
  EXPECT_EQ(Ask("GET", "/v1/vxpus").Json()["vxpus"][0]["id"], vxpu);
}

TEST_F(DaemonTest, ASecondDaemonIsRefused) {
  ASSERT_TRUE(Start().ok());
  telemetry::Log log("second", telemetry::LogLevel::kError, telemetry::LogLayout::kPlain, stream_);
  const Status second = Daemon::Create(options_, log).status();
  EXPECT_EQ(second.code(), Code::kAlreadyExists);
  EXPECT_EQ(second.message(), "another flexaid already serves " + paths_.directory);
}

TEST_F(DaemonTest, ADeviceWithAnotherKeeperIsRefusedInOneSentence) {
  const os::UniqueFd lock = *os::LockFile(KeeperLockPath(folder_, "fake-0"));
  ASSERT_TRUE(Start().ok());
  const Answer refused = Ask("POST", "/v1/vxpus", R"({"request_permille": 100})");
  EXPECT_EQ(refused.status, 412);
  EXPECT_NE(refused.Error().find("device fake-0 is already served by the flexaid of another user"),
            std::string::npos)
      << refused.body;
  EXPECT_EQ(Ask("GET", "/v1/vxpus").Json()["vxpus"].size(), 0u);
}

TEST_F(DaemonTest, AnEmbeddedDaemonEndsWhenNothingIsLeft) {
  ASSERT_TRUE(Start().ok());
  const std::string id = std::to_string(MakeVxpu());
  Stop(/*keepers=*/false);
  options_.embedded = true;
  options_.config.idle_exit = Millis(300);
  ASSERT_TRUE(Start().ok());  // adopts the vXPU, so it is not idle from the beginning
  const os::PacketSocket keeper = *os::PacketSocket::Connect(paths_.keeper_socket("fake-0"));
  const os::UniqueFd process = *os::OpenPeer(keeper.fd());
  std::future<void> ended = ended_.get_future();
  EXPECT_EQ(Ask("DELETE", "/v1/vxpus/" + id).status, 200);
  ASSERT_EQ(ended.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  thread_.join();
  EXPECT_TRUE(os::WaitForEnd(process, kPatience));
  EXPECT_EQ(os::ConnectStream(paths_.api_socket()).status().code(), Code::kNotFound);
}

TEST_F(DaemonTest, NoDeviceIsSaidAndNoCrash) {
  const std::string probe = folder_ + "/probe.json";
  ASSERT_TRUE(os::WriteFile(probe, R"({"platforms": [], "errors": ["no .icd file"]})").ok());
  setenv("FLEXAI_FAKE_PROBE", probe.c_str(), 1);
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(Ask("GET", "/v1/devices").Json()["errors"][0], "no .icd file");
  EXPECT_EQ(Ask("POST", "/v1/vxpus", "{}").Error(),
            "this machine has no OpenCL device: 'flexai doctor' says what is missing");
  EXPECT_EQ(Ask("GET", "/v1/health").Json()["status"], "degraded");
}

TEST_F(DaemonTest, WritesMetricsAndServesTcpReadOnly) {
  options_.config.http_listen = ListenAddress{"127.0.0.1", 0};
  ASSERT_TRUE(Start().ok());
  MakeVxpu(250);
  const std::string text = Ask("GET", "/metrics").body;
  EXPECT_NE(text.find("flexai_device_up{device=\"fake-0\",type=\"cpu\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("flexai_vxpu_request_ratio{device=\"fake-0\",vxpu=\"1\",name=\"\"} 0.25\n"),
            std::string::npos);
  EXPECT_NE(text.find("flexai_build_info{version=\"9.9.9\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace flexai::node
