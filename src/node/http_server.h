// A small HTTP/1.1 server on an event loop. Boost.Beast parses and writes messages; the sockets are ours,
// because a decision about a request needs the credentials of the process behind the unix socket.
//
// Bounds (a client is not trusted): 16 KiB of header, 64 KiB of body, kMaxConnections connections of which
// one user may hold kMaxConnectionsPerUser, 30 s without progress. What exceeds them is answered or dropped;
// nobody waits for a slow client.
//
// Thread safety: used on its event loop's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/status.h"
#include "os/event_loop.h"
#include "os/socket.h"
#include "os/unique_fd.h"

namespace flexai::node {

struct HttpRequest {
  std::string method;  // "GET", ...
  std::string path;    // without query
  std::string query;   // without '?'
  std::string body;
  bool remote = false;       // came by TCP: nothing is known of the caller
  os::PeerCredentials peer;  // of the process that connected, unless remote
  // A pidfd of that process; valid during the handler's call.
  std::function<Result<os::UniqueFd>()> open_peer;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
};

class HttpServer {
 public:
  using Respond = std::function<void(HttpResponse)>;
  // Must call `respond` exactly once, now or later on the loop's thread; calling it after the client has gone
  // or the server was destroyed does nothing.
  using Handler = std::function<void(HttpRequest request, Respond respond)>;

  static constexpr size_t kMaxConnections = 512;
  static constexpr size_t kMaxConnectionsPerUser = 128;

  HttpServer(os::EventLoop& loop, Handler handler);
  ~HttpServer();

  // Serves a unix socket. `mode` are its permission bits.
  Status ListenUnix(const std::string& path, mode_t mode);
  // Serves TCP at a numeric address; requests come with `remote` set. Returns the port.
  Result<uint16_t> ListenTcp(const std::string& host, uint16_t port);

  // Stops accepting and unlinks the socket; answers under way are still sent.
  void StopListening();
  // Connections that are open now.
  size_t connections() const { return connections_.size(); }

 private:
  class Connection;

  Status WatchListeners();
  void PauseListening();
  void Accept(os::UniqueFd fd, bool remote);
  void Drop(uint64_t id);

  os::EventLoop& loop_;
  const Handler handler_;
  os::PacketListener unix_listener_;
  os::UniqueFd tcp_listener_;
  uint64_t next_id_ = 1;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t resume_timer_ = 0;
};

}  // namespace flexai::node
