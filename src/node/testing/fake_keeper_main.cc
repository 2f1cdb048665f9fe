// FAKE. Stands for flexai-keeper in tests of flexaid: speaks its side of the socket (docs/formats/keeper.md),
// holds the lock, keeps an account of vXPUs and sessions, and ends a vXPU with its owner. It arbitrates
// nothing, and its "executor" is a process that sleeps.
#include <fmt/core.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "os/event_loop.h"
#include "os/files.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/socket.h"

namespace flexai::node {
namespace {

using nlohmann::json;

struct FakeSession {
  json report;
  os::Process executor;
  os::UniqueFd application;
};

struct FakeVxpu {
  json report;
  os::UniqueFd owner;
};

class FakeKeeper {
 public:
  FakeKeeper(os::EventLoop& loop, std::map<std::string, std::string> options)
      : loop_(loop), options_(std::move(options)) {}

  Status Listen() {
    FLEXAI_ASSIGN_OR_RETURN(lock_, os::LockFile(options_["--lock"]));
    FLEXAI_ASSIGN_OR_RETURN(listener_, os::PacketListener::Listen(options_["--socket"], 0600));
    GoWithTheTest();
    return loop_.Watch(listener_.fd(), [this] { Accept(); });
  }

  // Ends when the test has removed its folder, or has died and somebody else did.
  void GoWithTheTest() {
    if (!os::ListFolder(options_["--log-dir"]).ok()) {
      return loop_.Stop();
    }
    loop_.After(Seconds(1), [this] { GoWithTheTest(); });
  }

 private:
  struct Answer {
    json body;
    std::vector<int> fds;
  };

  void Accept() {
    auto accepted = listener_.Accept();
    if (!accepted.ok()) {
      return;
    }
    auto client = std::make_shared<os::PacketSocket>(*std::move(accepted));
    static_cast<void>(loop_.Watch(client->fd(), [this, client] { Serve(client); }));
  }

  void Serve(const std::shared_ptr<os::PacketSocket>& client) {
    Result<os::Packet> packet = client->Receive({0});
    if (!packet.ok()) {
      if (packet.status().code() != Code::kDeadlineExceeded) {
        const std::shared_ptr<os::PacketSocket> keep = client;
        loop_.Unwatch(keep->fd());
      }
      return;
    }
    const json request = json::parse(packet->text());
    const std::string op = request.at("op");
    if (op == "hang") {
      return;
    }
    Result<Answer> answer = Handle(op, request, *packet);
    json body = answer.ok() ? answer->body
                            : json{{"code", CodeName(answer.status().code())},
                                   {"message", answer.status().message()}};
    body["ok"] = answer.ok();
    static_cast<void>(client->Send(body.dump(), answer.ok() ? answer->fds : std::vector<int>{}));
    if (op == "shutdown") {
      EndAll();
      loop_.Stop();
    }
  }

  Result<Answer> Handle(const std::string& op, const json& request, os::Packet& packet) {
    if (op == "hello" || op == "stats") {
      return Answer{Account(), {}};
    }
    if (op == "create_vxpu") {
      return Create(request, packet);
    }
    if (op == "resize_vxpu" || op == "remove_vxpu") {
      const auto found = vxpus_.find(request.at("id"));
      if (found == vxpus_.end()) {
        return NotFound("there is no such vXPU");
      }
      if (op == "remove_vxpu") {
        RemoveVxpu(found->first);
      } else {
        found->second.report.update(request);
      }
      return Answer{json::object(), {}};
    }
    if (op == "start_session") {
      return StartSession(request, packet);
    }
    if (op == "end_session") {
      return EndSession(request.at("session")) ? Result<Answer>(Answer{json::object(), {}})
                                               : NotFound("there is no such session");
    }
    return op == "shutdown" ? Result<Answer>(Answer{json::object(), {}}) : InvalidArgument("unknown op");
  }

  Result<Answer> Create(const json& request, os::Packet& packet) {
    const uint64_t id = request.at("id");
    FakeVxpu& vxpu = vxpus_[id];
    vxpu.report = request;
    if (!packet.fds.empty()) {
      vxpu.owner = std::move(packet.fds[0]);
      FLEXAI_RETURN_IF_ERROR(loop_.Watch(vxpu.owner.get(), [this, id] { RemoveVxpu(id); }));
    }
    return Answer{json::object(), {}};
  }

  Result<Answer> StartSession(const json& request, os::Packet& packet) {
    if (packet.fds.size() != 4) {
      return InvalidArgument("start_session needs channel, arena, application and stdout");
    }
    const uint64_t id = request.at("session");
    FakeSession& session = sessions_[id];
    session.report = request;
    session.application = std::move(packet.fds[2]);
    os::SpawnOptions options;
    options.program = "/bin/sleep";
    options.arguments = {"1000"};
    options.die_with_parent = true;
    FLEXAI_ASSIGN_OR_RETURN(session.executor, os::Spawn(options));
    session.report["executor_pid"] = session.executor.pid;
    session.report["log"] = fmt::format("{}/session-{}.log", options_["--log-dir"], id);
    FLEXAI_RETURN_IF_ERROR(os::WriteFile(session.report["log"], fmt::format("log of session {}\n", id)));
    FLEXAI_RETURN_IF_ERROR(loop_.Watch(session.application.get(), [this, id] { EndSession(id); }));
    FLEXAI_RETURN_IF_ERROR(loop_.Watch(session.executor.pidfd.get(), [this, id] { EndSession(id); }));
    return Answer{{{"executor_pid", session.executor.pid}, {"log", session.report["log"]}},
                  {session.executor.pidfd.get()}};
  }

  bool EndSession(uint64_t id) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
      return false;
    }
    FakeSession& session = found->second;
    loop_.Unwatch(session.application.get());
    loop_.Unwatch(session.executor.pidfd.get());
    static_cast<void>(os::SignalProcess(session.executor.pidfd, SIGKILL));
    static_cast<void>(os::Reap(session.executor));
    sessions_.erase(found);
    return true;
  }

  void RemoveVxpu(uint64_t id) {
    std::vector<uint64_t> ending;
    for (const auto& [session, state] : sessions_) {
      const auto& of = state.report.at("vxpus");
      if (std::find(of.begin(), of.end(), id) != of.end()) {
        ending.push_back(session);
      }
    }
    for (const uint64_t session : ending) {
      EndSession(session);
    }
    if (vxpus_[id].owner.valid()) {
      loop_.Unwatch(vxpus_[id].owner.get());
    }
    vxpus_.erase(id);
  }

  void EndAll() {
    while (!vxpus_.empty()) {
      RemoveVxpu(vxpus_.begin()->first);
    }
  }

  json Account() const {
    json account = {{"device", options_.at("--device")},
                    {"now_ns", os::MonotonicClock().Now().value},
                    {"busy_ns", 0},
                    {"vxpus", json::array()},
                    {"sessions", json::array()}};
    for (const auto& [id, vxpu] : vxpus_) {
      account["vxpus"].push_back(vxpu.report);
    }
    for (const auto& [id, session] : sessions_) {
      json report = session.report;
      report.erase("memory_bytes");
      account["sessions"].push_back(report);
    }
    return account;
  }

  os::EventLoop& loop_;
  std::map<std::string, std::string> options_;
  os::UniqueFd lock_;
  os::PacketListener listener_;
  std::map<uint64_t, FakeVxpu> vxpus_;
  std::map<uint64_t, FakeSession> sessions_;
};

int Main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i + 1 < argc; i += 2) {
    options[argv[i]] = argv[i + 1];
  }
  auto loop = os::EventLoop::Create();
  FakeKeeper keeper(**loop, options);
  if (const Status listening = keeper.Listen(); !listening.ok()) {
    fmt::print(stderr, "fake keeper: {}\n", listening.message());
    return 1;
  }
  return (*loop)->Run().ok() ? 0 : 1;
}

}  // namespace
}  // namespace flexai::node

int main(int argc, char** argv) { return flexai::node::Main(argc, argv); }
