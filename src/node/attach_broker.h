// Attaches shims: the conversation of wire/attach.h on attach.sock.
//
// For each session it makes channel and arena as sealed memfds, takes a pidfd of the caller, asks the keeper
// for an executor, and hands channel, arena and the executor's pidfd to the shim. After that neither side
// needs flexaid.
//
// A caller is not trusted: records are fixed-size and copied before they are checked, a connection gets
// kMaxRequestsPerConnection answers (so that one that never reads cannot fill its socket and block the loop),
// and the oldest connections go when there are more than kMaxConnections.
//
// Thread safety: used on its event loop's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "base/status.h"
#include "node/pool.h"
#include "os/event_loop.h"
#include "os/socket.h"
#include "telemetry/log.h"
#include "wire/attach.h"

namespace flexai::node {

class AttachBroker {
 public:
  static constexpr size_t kMaxConnections = 1024;
  static constexpr uint32_t kMaxRequestsPerConnection = 64;

  // `description_hash` is that of the calls this build forwards.
  AttachBroker(os::EventLoop& loop, telemetry::Log& log, Pool& pool, uint64_t description_hash);
  ~AttachBroker();

  Status Listen(const std::string& path, mode_t mode);
  void StopListening();

 private:
  struct Connection;
  struct Opening;

  void Accept();
  void Receive(uint64_t id);
  void Handle(Connection& connection, os::Packet packet);
  void Open(Connection& connection, const wire::AttachRequest& request, const Pool::Group& group,
            os::Packet packet);
  void Reply(uint64_t connection, const wire::AttachReply& reply, std::span<const int> fds = {});
  void Refuse(uint64_t connection, const Status& why);
  // Refuse, and remember why for the vXPUs that the request named.
  void RefuseFor(const Connection& connection, const wire::AttachRequest& request, const Status& why);
  void Drop(uint64_t id);

  os::EventLoop& loop_;
  telemetry::Log& log_;
  Pool& pool_;
  const uint64_t description_hash_;
  os::PacketListener listener_;
  uint64_t next_id_ = 1;
  uint64_t resume_timer_ = 0;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;  // oldest first
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace flexai::node
