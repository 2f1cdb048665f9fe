#include "node/keeper_link.h"

#include <fmt/core.h>

#include <utility>

#include "base/json.h"

namespace flexai::node {

using nlohmann::json;

Status StatusFromJson(const json& refusal) {
  const auto text = [&refusal](const char* key) {
    const auto found = refusal.is_object() ? refusal.find(key) : refusal.end();
    return found != refusal.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const std::string name = text("code");
  std::string message = text("message");
  for (int code = 1; code <= static_cast<int>(Code::kInternal); ++code) {
    if (CodeName(static_cast<Code>(code)) == name) {
      return {static_cast<Code>(code), message.empty() ? name : std::move(message)};
    }
  }
  return Internal(fmt::format("an answer with the unknown code '{}': {}", name, message));
}

Result<std::unique_ptr<KeeperLink>> KeeperLink::Connect(os::EventLoop& loop, const std::string& path,
                                                        std::function<void(Status)> lost) {
  FLEXAI_ASSIGN_OR_RETURN(os::PacketSocket socket, os::PacketSocket::Connect(path));
  std::unique_ptr<KeeperLink> link(new KeeperLink(loop, std::move(socket), std::move(lost)));
  FLEXAI_RETURN_IF_ERROR(loop.Watch(link->socket_.fd(), [self = link.get()] { self->Receive(); }));
  return link;
}

KeeperLink::~KeeperLink() {
  *alive_ = false;
  loop_.Cancel(timer_);
  if (socket_.valid()) {
    loop_.Unwatch(socket_.fd());
  }
}

void KeeperLink::Request(json body, std::vector<int> fds, Nanos timeout, Done done) {
  pending_.push_back({body.dump(), std::move(fds), timeout, std::move(done)});
  if (!sent_) {
    // From the loop, so that `done` never runs inside Request.
    loop_.Post([this, alive = alive_] {
      if (*alive) {
        SendNext();
      }
    });
  }
}

void KeeperLink::SendNext() {
  if (sent_ || pending_.empty()) {
    return;
  }
  if (!socket_.valid()) {
    return End(Unavailable("the keeper is gone"));
  }
  const Pending& next = pending_.front();
  const Status status = socket_.Send(next.text, next.fds);
  if (!status.ok()) {
    return End(Unavailable(fmt::format("the keeper is gone: {}", status.message())));
  }
  sent_ = true;
  timer_ = loop_.After(next.timeout, [this] { End(DeadlineExceeded("the keeper does not answer")); });
}

void KeeperLink::Receive() {
  Result<os::Packet> packet = socket_.Receive({0});
  if (!packet.ok()) {
    if (packet.status().code() != Code::kDeadlineExceeded) {  // else woken for nothing
      End(Unavailable("the keeper is gone"));
    }
    return;
  }
  json body = ParseJson(packet->text());
  const auto ok = body.is_object() ? body.find("ok") : body.end();
  if (!sent_ || ok == body.end() || !ok->is_boolean()) {
    return End(Internal("the keeper sent something that is not an answer"));
  }
  const bool granted = ok->get<bool>();
  Done done = std::move(pending_.front().done);
  pending_.pop_front();
  sent_ = false;
  loop_.Cancel(timer_);
  const std::shared_ptr<bool> alive = alive_;
  if (granted) {
    done(KeeperReply{std::move(body), std::move(packet->fds)});
  } else {
    done(StatusFromJson(body));
  }
  if (*alive) {
    SendNext();
  }
}

void KeeperLink::End(Status why) {
  if (socket_.valid()) {
    loop_.Unwatch(socket_.fd());
    socket_.Close();
  }
  loop_.Cancel(timer_);
  sent_ = false;
  const std::shared_ptr<bool> alive = alive_;
  std::deque<Pending> failed;
  failed.swap(pending_);
  for (const Pending& request : failed) {
    request.done(Status(why));
    if (!*alive) {
      return;
    }
  }
  if (lost_) {
    std::exchange(lost_, nullptr)(why);
  }
}

}  // namespace flexai::node
