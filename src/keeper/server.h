// Requests to a keeper over its SEQPACKET socket: one JSON object and its files per packet, one answer each,
// in the order in which they become ready. Only root and the keeper's own user may connect.
//
// Thread safety: used on its event loop's thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/status.h"
#include "keeper/keeper.h"
#include "os/event_loop.h"
#include "os/socket.h"
#include "telemetry/log.h"

namespace flexai::keeper {

class Server {
 public:
  // `shut_down` runs when a client asked for it and was answered.
  Server(os::EventLoop& loop, telemetry::Log& log, Keeper& keeper, std::function<void()> shut_down);
  ~Server();

  Status Listen(const std::string& path);
  bool connected() const { return !connections_.empty(); }

 private:
  void Accept();
  void Receive(uint64_t id);
  void Send(uint64_t id, const Answer& answer);
  void Drop(uint64_t id);

  os::EventLoop& loop_;
  telemetry::Log& log_;
  Keeper& keeper_;
  std::function<void()> shut_down_;
  os::PacketListener listener_;
  std::map<uint64_t, os::PacketSocket> connections_;
  uint64_t next_id_ = 1;
  // False once the server is gone: answers may come later.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flexai::keeper
