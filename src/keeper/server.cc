#include "keeper/server.h"

#include <fmt/core.h>

#include "base/json.h"
#include "os/user.h"

namespace flexai::keeper {

using nlohmann::json;

namespace {
constexpr Nanos kAcceptPause = Millis(200);
}  // namespace

Server::Server(os::EventLoop& loop, telemetry::Log& log, Keeper& keeper, std::function<void()> shut_down)
    : loop_(loop), log_(log), keeper_(keeper), shut_down_(std::move(shut_down)) {}

Server::~Server() {
  *alive_ = false;
  if (listener_.valid()) {
    loop_.Unwatch(listener_.fd());
  }
  while (!connections_.empty()) {
    Drop(connections_.begin()->first);
  }
}

Status Server::Listen(const std::string& path) {
  FLEXAI_ASSIGN_OR_RETURN(listener_, os::PacketListener::Listen(path, 0600));
  return loop_.Watch(listener_.fd(), [this] { Accept(); });
}

void Server::Accept() {
  Result<os::PacketSocket> accepted = listener_.Accept();
  if (!accepted.ok()) {
    // Out of file descriptors, most likely: a listener that stays readable would keep the loop spinning.
    log_.Error("{}", accepted.status().message());
    loop_.Unwatch(listener_.fd());
    loop_.After(kAcceptPause, [this, alive = alive_] {
      if (*alive) {
        static_cast<void>(loop_.Watch(listener_.fd(), [this] { Accept(); }));
      }
    });
    return;
  }
  const Result<os::PeerCredentials> peer = accepted->Peer();
  if (!peer.ok() || (peer->uid != 0 && peer->uid != os::EffectiveUser())) {
    log_.Warning("refused a connection of another user");
    return;
  }
  const uint64_t id = next_id_++;
  const int fd = accepted->fd();
  connections_.emplace(id, *std::move(accepted));
  if (!loop_.Watch(fd, [this, id] { Receive(id); }).ok()) {
    connections_.erase(id);
  }
}

void Server::Receive(uint64_t id) {
  Result<os::Packet> packet = connections_.at(id).Receive({0});
  if (!packet.ok()) {
    if (packet.status().code() != Code::kDeadlineExceeded) {
      Drop(id);
    }
    return;
  }
  const json request = ParseJson(packet->text());
  if (!request.is_object()) {
    return Send(id, {InvalidArgument("the request is not a JSON object"), json::object(), {}});
  }
  if (request.value("op", json()) == "shutdown") {
    Send(id, {});
    return shut_down_();
  }
  keeper_.Handle(request, std::move(packet->fds), [this, alive = alive_, id](const Answer& answer) {
    if (*alive) {
      Send(id, answer);
    }
  });
}

void Server::Send(uint64_t id, const Answer& answer) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;  // a flexaid that ended meanwhile; the next one asks what there is
  }
  json body = answer.body;
  body["ok"] = answer.status.ok();
  if (!answer.status.ok()) {
    body = {{"ok", false}, {"code", CodeName(answer.status.code())}, {"message", answer.status.message()}};
  }
  const Status sent =
      found->second.SendNow(body.dump(-1, ' ', false, json::error_handler_t::replace), answer.fds);
  if (!sent.ok()) {
    log_.Warning("a connection is dropped: {}", sent.message());
    // Not now: its own callback may be what runs.
    loop_.Post([this, alive = alive_, id] {
      if (*alive) {
        Drop(id);
      }
    });
  }
}

void Server::Drop(uint64_t id) {
  const auto found = connections_.find(id);
  if (found != connections_.end()) {
    loop_.Unwatch(found->second.fd());
    connections_.erase(found);
  }
}

}  // namespace flexai::keeper
