#include "node/http_server.h"

#include <fmt/core.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http.hpp>
#include <cassert>
#include <optional>
#include <sstream>
#include <utility>

#include "os/stream.h"

namespace flexai::node {
namespace {

namespace http = boost::beast::http;
using Parser = http::request_parser<http::string_body>;

constexpr uint32_t kMaxHeaderBytes = 16 * 1024;
constexpr uint64_t kMaxBodyBytes = 64 * 1024;
constexpr Nanos kPatience = Seconds(30);
constexpr Nanos kAcceptPause = Millis(200);

std::string Serialize(const HttpResponse& response, unsigned version, bool keep_alive) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::server, "flexaid");
  message.keep_alive(keep_alive);
  message.body() = response.body;
  message.prepare_payload();
  std::ostringstream text;
  text << message;
  return text.str();
}

std::string ErrorBody(std::string_view message) {
  return fmt::format("{{\"error\":{{\"code\":\"invalid_argument\",\"message\":\"{}\"}}}}\n", message);
}

}  // namespace

// One client: reads a request, hands it on, writes the answer, reads the next.
class HttpServer::Connection {
 public:
  Connection(HttpServer& server, uint64_t id, os::UniqueFd fd, bool remote, os::PeerCredentials peer)
      : server_(server), id_(id), fd_(std::move(fd)), remote_(remote), peer_(peer) {
    StartRequest();
  }
  ~Connection() { assert(!*alive_); }

  Status Start() {
    return server_.loop_.Watch(fd_.get(), [this] { Read(); });
  }
  // After this no member runs any more.
  void Stop() {
    *alive_ = false;
    server_.loop_.Cancel(timer_);
    server_.loop_.Unwatch(fd_.get());
  }
  const os::PeerCredentials& peer() const { return peer_; }
  bool remote() const { return remote_; }

 private:
  void StartRequest() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(kMaxHeaderBytes);
    parser_->body_limit(kMaxBodyBytes);
    RestartTimer();
  }

  void RestartTimer() {
    server_.loop_.Cancel(timer_);
    timer_ = server_.loop_.After(kPatience, [this] { server_.Drop(id_); });
  }

  void Read() {
    std::array<char, 16384> buffer;
    const Result<size_t> got = os::ReadSome(fd_, buffer);
    if (!got.ok()) {
      if (got.status().code() != Code::kUnavailable) {
        server_.Drop(id_);
      }
      return;
    }
    if (*got == 0 || input_.size() + *got > kMaxHeaderBytes + kMaxBodyBytes) {
      return server_.Drop(id_);  // its end, or more than one request can be
    }
    input_.append(buffer.data(), *got);
    Parse();
  }

  void Parse() {
    if (busy_ || input_.empty()) {
      return;  // one request at a time
    }
    boost::system::error_code error;
    size_t used = 0;
    while (used < input_.size() && !parser_->is_done()) {
      const size_t taken =
          parser_->put(boost::asio::const_buffer(input_.data() + used, input_.size() - used), error);
      used += taken;
      if (error || taken == 0) {
        break;
      }
    }
    input_.erase(0, used);
    if (error && error != http::error::need_more) {
      busy_ = true;
      const bool large = error == http::error::body_limit || error == http::error::header_limit;
      return Write(Serialize({large ? 413 : 400, "application/json", ErrorBody(error.message())}, 11, false),
                   false);
    }
    if (parser_->is_done()) {
      Handle();
    }
  }

  void Handle() {
    busy_ = true;
    server_.loop_.Cancel(timer_);  // the answer's time is ours, not the client's
    const auto& message = parser_->get();
    HttpRequest request;
    request.method = std::string(message.method_string());
    const std::string target(message.target());
    const size_t question = target.find('?');
    request.path = target.substr(0, question);
    request.query = question == std::string::npos ? "" : target.substr(question + 1);
    request.body = message.body();
    request.remote = remote_;
    request.peer = peer_;
    request.open_peer = [this] { return os::OpenPeer(fd_.get()); };
    auto respond = [this, alive = alive_, version = message.version(),
                    keep_alive = message.keep_alive()](HttpResponse response) {
      if (*alive) {
        Write(Serialize(response, version, keep_alive), keep_alive);
      }
    };
    server_.handler_(std::move(request), std::move(respond));
  }

  void Write(std::string bytes, bool keep_alive) {
    output_ = std::move(bytes);
    keep_alive_ = keep_alive;
    RestartTimer();
    // From the loop: the handler may answer at once, deep inside Read.
    if (!server_.loop_.WatchWritable(fd_.get(), [this] { Flush(); }).ok()) {
      server_.Drop(id_);
    }
  }

  void Flush() {
    const Result<size_t> put = os::WriteSome(fd_, output_);
    if (!put.ok()) {
      return server_.Drop(id_);
    }
    if (*put > 0) {
      output_.erase(0, *put);
      RestartTimer();
    }
    if (!output_.empty()) {
      return;
    }
    server_.loop_.UnwatchWritable(fd_.get());
    if (!keep_alive_) {
      return server_.Drop(id_);
    }
    busy_ = false;
    StartRequest();
    Parse();
  }

  HttpServer& server_;
  const uint64_t id_;
  os::UniqueFd fd_;
  const bool remote_;
  const os::PeerCredentials peer_;
  std::optional<Parser> parser_;
  std::string input_, output_;
  bool busy_ = false;
  bool keep_alive_ = false;
  uint64_t timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

HttpServer::HttpServer(os::EventLoop& loop, Handler handler) : loop_(loop), handler_(std::move(handler)) {}

HttpServer::~HttpServer() {
  StopListening();
  for (const auto& [id, connection] : connections_) {
    connection->Stop();
  }
}

Status HttpServer::ListenUnix(const std::string& path, mode_t mode) {
  FLEXAI_ASSIGN_OR_RETURN(unix_listener_, os::PacketListener::Listen(path, mode, /*stream=*/true));
  return WatchListeners();
}

Result<uint16_t> HttpServer::ListenTcp(const std::string& host, uint16_t port) {
  FLEXAI_ASSIGN_OR_RETURN(tcp_listener_, os::ListenTcp(host, port));
  FLEXAI_RETURN_IF_ERROR(WatchListeners());
  return os::LocalPort(tcp_listener_);
}

Status HttpServer::WatchListeners() {
  if (unix_listener_.valid()) {
    FLEXAI_RETURN_IF_ERROR(loop_.Watch(unix_listener_.fd(), [this] {
      Result<os::PacketSocket> accepted = unix_listener_.Accept();
      accepted.ok() ? Accept(accepted->Release(), /*remote=*/false) : PauseListening();
    }));
  }
  if (tcp_listener_.valid()) {
    FLEXAI_RETURN_IF_ERROR(loop_.Watch(tcp_listener_.get(), [this] {
      Result<os::UniqueFd> accepted = os::AcceptStream(tcp_listener_);
      accepted.ok() ? Accept(*std::move(accepted), /*remote=*/true) : PauseListening();
    }));
  }
  return {};
}

void HttpServer::PauseListening() {
  // Out of file descriptors, most likely: a listener that stays readable would keep the loop spinning.
  for (const int fd : {unix_listener_.fd(), tcp_listener_.get()}) {
    if (fd >= 0) {
      loop_.Unwatch(fd);
    }
  }
  loop_.Cancel(resume_timer_);
  resume_timer_ = loop_.After(kAcceptPause, [this] { static_cast<void>(WatchListeners()); });
}

void HttpServer::StopListening() {
  loop_.Cancel(resume_timer_);
  if (unix_listener_.valid()) {
    loop_.Unwatch(unix_listener_.fd());
    const os::PacketListener ending(std::move(unix_listener_));  // unlinks
  }
  if (tcp_listener_.valid()) {
    loop_.Unwatch(tcp_listener_.get());
    tcp_listener_.Reset();
  }
}

void HttpServer::Accept(os::UniqueFd fd, bool remote) {
  os::PeerCredentials peer;
  if (!remote) {
    const Result<os::PeerCredentials> known = os::PeerOf(fd.get());
    if (!known.ok()) {
      return;
    }
    peer = *known;
  }
  size_t same = 0;
  for (const auto& [id, connection] : connections_) {
    same += connection->remote() == remote && connection->peer().uid == peer.uid ? 1 : 0;
  }
  if (connections_.size() >= kMaxConnections || same >= kMaxConnectionsPerUser) {
    return;
  }
  const uint64_t id = next_id_++;
  auto connection = std::make_unique<Connection>(*this, id, std::move(fd), remote, peer);
  if (connection->Start().ok()) {
    connections_.emplace(id, std::move(connection));
  } else {
    connection->Stop();
  }
}

void HttpServer::Drop(uint64_t id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;
  }
  found->second->Stop();
  // Destroyed from the loop: a connection drops itself from inside its own members.
  std::shared_ptr<Connection> dying(std::move(found->second));
  connections_.erase(found);
  loop_.Post([dying] {});
}

}  // namespace flexai::node
