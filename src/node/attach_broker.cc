#include "node/attach_broker.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "os/files.h"
#include "os/memory.h"

namespace flexai::node {
namespace {

using wire::AttachReply;
using wire::AttachRequest;

constexpr Nanos kAcceptPause = Millis(200);
// On top of the device's memory: room for payloads on their way, and for what alignment wastes.
constexpr uint64_t kArenaExtraBytes = 256ull << 20;
constexpr uint64_t kPageBytes = 4096;
// Arenas of live sessions of one program must not meet; the numbers of its sessions do not lie this far
// apart.
constexpr uint64_t kArenaPlaces = 512;

AttachReply EmptyReply() {
  AttachReply reply{};
  reply.magic = wire::kAttachMagic;
  reply.major = wire::kProtocolMajor;
  reply.minor = wire::kProtocolMinor;
  return reply;
}

// The session's arena holds any quota its vXPUs may be resized to, so it is as large as the device's memory.
// It is sparse: what is not written costs nothing.
wire::Geometry GeometryFor(const Device& device) {
  wire::Geometry geometry;
  const uint64_t wanted = device.memory.value + kArenaExtraBytes;
  geometry.arena_bytes = std::min(wanted, wire::kArenaStride) / kPageBytes * kPageBytes;
  return geometry;
}

Status CheckVersion(const AttachRequest& request, uint64_t description_hash) {
  if (request.major != wire::kProtocolMajor) {
    return FailedPrecondition(fmt::format(
        "libflexai-opencl.so speaks protocol {}.{} and flexaid {}.{}: install the same release of both",
        request.major, request.minor, wire::kProtocolMajor, wire::kProtocolMinor));
  }
  if (request.minor == wire::kProtocolMinor && request.description_hash != description_hash) {
    return FailedPrecondition(
        "libflexai-opencl.so and flexaid are from different builds of the same release: install both from "
        "one build");
  }
  return {};
}

std::string CommandOf(const AttachRequest& request) {
  return telemetry::OneLine(
      std::string_view(request.command, strnlen(request.command, sizeof(request.command))));
}

Caller CallerOf(const os::PeerCredentials& peer) { return {peer.uid, peer.pid}; }

}  // namespace

struct AttachBroker::Connection {
  uint64_t id;
  os::PacketSocket socket;
  os::PeerCredentials peer;
  uint32_t requests = 0;
};

// What must stay open until the keeper has answered.
struct AttachBroker::Opening {
  os::UniqueFd channel, arena, application, output;
  wire::Geometry geometry;
  AttachReply reply = EmptyReply();
};

AttachBroker::AttachBroker(os::EventLoop& loop, telemetry::Log& log, Pool& pool, uint64_t description_hash)
    : loop_(loop), log_(log), pool_(pool), description_hash_(description_hash) {}

AttachBroker::~AttachBroker() {
  *alive_ = false;
  StopListening();
  while (!connections_.empty()) {
    Drop(connections_.begin()->first);
  }
}

Status AttachBroker::Listen(const std::string& path, mode_t mode) {
  FLEXAI_ASSIGN_OR_RETURN(listener_, os::PacketListener::Listen(path, mode));
  return loop_.Watch(listener_.fd(), [this] { Accept(); });
}

void AttachBroker::StopListening() {
  loop_.Cancel(resume_timer_);
  if (listener_.valid()) {
    loop_.Unwatch(listener_.fd());
    const os::PacketListener ending(std::move(listener_));  // unlinks
  }
}

void AttachBroker::Accept() {
  Result<os::PacketSocket> accepted = listener_.Accept();
  if (!accepted.ok()) {
    // Out of file descriptors, most likely: a listener that stays readable would keep the loop spinning.
    loop_.Unwatch(listener_.fd());
    resume_timer_ = loop_.After(
        kAcceptPause, [this] { static_cast<void>(loop_.Watch(listener_.fd(), [this] { Accept(); })); });
    return;
  }
  const Result<os::PeerCredentials> peer = accepted->Peer();
  if (!peer.ok()) {
    return;
  }
  if (connections_.size() >= kMaxConnections) {
    Drop(connections_.begin()->first);
  }
  const uint64_t id = next_id_++;
  const int fd = accepted->fd();
  connections_[id] = std::make_unique<Connection>(Connection{id, *std::move(accepted), *peer});
  if (!loop_.Watch(fd, [this, id] { Receive(id); }).ok()) {
    connections_.erase(id);
  }
}

void AttachBroker::Receive(uint64_t id) {
  Connection& connection = *connections_.at(id);
  Result<os::Packet> packet = connection.socket.Receive({0});
  if (!packet.ok()) {
    if (packet.status().code() != Code::kDeadlineExceeded) {  // else woken for nothing
      Drop(id);
    }
    return;
  }
  if (++connection.requests > kMaxRequestsPerConnection) {
    return Drop(id);
  }
  Handle(connection, *std::move(packet));
}

void AttachBroker::Handle(Connection& connection, os::Packet packet) {
  AttachRequest request{};
  if (packet.bytes.size() != sizeof(request)) {
    return Refuse(connection.id, InvalidArgument("the attach request has a wrong size"));
  }
  std::memcpy(&request, packet.bytes.data(), sizeof(request));
  if (request.magic != wire::kAttachMagic || request.vxpu_count > wire::kMaxVxpusPerSession) {
    return Refuse(connection.id, InvalidArgument("the attach request is malformed"));
  }
  if (const Status version = CheckVersion(request, description_hash_); !version.ok()) {
    return RefuseFor(connection, request, version);
  }
  if (request.api != wire::AttachApi::kOpenCl) {
    return RefuseFor(connection, request, Unimplemented("this flexaid serves OpenCL only"));
  }
  const Result<std::vector<Pool::Group>> groups =
      pool_.GroupByDevice(std::span(request.vxpus, request.vxpu_count), CallerOf(connection.peer));
  if (!groups.ok()) {
    return RefuseFor(connection, request, groups.status());
  }
  if (request.op == wire::AttachOp::kList) {
    AttachReply reply = EmptyReply();
    reply.session_count = static_cast<uint32_t>(groups->size());
    return Reply(connection.id, reply);
  }
  if (request.op != wire::AttachOp::kOpen || request.index >= groups->size()) {
    return Refuse(connection.id, InvalidArgument("the attach request names no session that there is"));
  }
  Open(connection, request, (*groups)[request.index], std::move(packet));
}

void AttachBroker::Open(Connection& connection, const AttachRequest& request, const Pool::Group& group,
                        os::Packet packet) {
  const Result<uint64_t> session_id = pool_.NewSessionId();
  if (!session_id.ok()) {
    return RefuseFor(connection, request, session_id.status());
  }
  auto opening = std::make_shared<Opening>();
  opening->geometry = GeometryFor(pool_.device(group.device));
  const auto make = [&opening, id = connection.socket.fd()]() -> Status {
    FLEXAI_ASSIGN_OR_RETURN(opening->channel,
                            os::CreateSealedMemfd("flexai-channel", opening->geometry.channel_bytes()));
    FLEXAI_ASSIGN_OR_RETURN(opening->arena,
                            os::CreateSealedMemfd("flexai-arena", opening->geometry.arena_bytes));
    FLEXAI_ASSIGN_OR_RETURN(opening->application, os::OpenPeer(id));
    return {};
  };
  if (const Status made = make(); !made.ok()) {
    return RefuseFor(connection, request,
                     made.WithContext("flexaid cannot make the session's memory (is it under a limit, as of "
                                      "'ulimit -f'?)"));
  }
  if (!packet.fds.empty()) {
    opening->output = std::move(packet.fds[0]);
  } else if (Result<os::UniqueFd> nothing = os::OpenNullDevice(); nothing.ok()) {
    opening->output = *std::move(nothing);
  }
  Session session;
  session.id = *session_id;
  session.device = group.device;
  session.vxpus = group.vxpus;
  session.pid = connection.peer.pid;
  session.uid = connection.peer.uid;
  session.command = CommandOf(request);

  AttachReply& reply = opening->reply;
  const wire::Geometry& geometry = opening->geometry;
  reply.session = session.id;
  reply.session_count = 1;
  reply.arena_base = wire::kArenaBase + session.id % kArenaPlaces * wire::kArenaStride;
  reply.arena_bytes = geometry.arena_bytes;
  reply.ring_bytes = geometry.ring_bytes;
  reply.reply_slots = geometry.reply_slots;
  reply.status_slots = geometry.status_slots;
  reply.vxpu_count = static_cast<uint32_t>(group.vxpus.size());
  reply.platform = group.platform;
  reply.vxpu_mask = group.vxpu_mask;
  nlohmann::json start = {{"geometry",
                           {{"ring_bytes", geometry.ring_bytes},
                            {"reply_slots", geometry.reply_slots},
                            {"status_slots", geometry.status_slots},
                            {"arena_bytes", geometry.arena_bytes}}},
                          {"arena_base", reply.arena_base}};
  pool_.StartSession(
      std::move(session), std::move(start),
      {opening->channel.get(), opening->arena.get(), opening->application.get(), opening->output.get()},
      [this, alive = alive_, id = connection.id, caller = CallerOf(connection.peer), opening,
       vxpus = group.vxpus](const Result<int>& executor) {
        if (!*alive) {
          return;
        }
        if (!executor.ok()) {
          pool_.NoteRefusal(vxpus, caller, executor.status().message());
          return Refuse(id, executor.status());
        }
        Reply(id, opening->reply, std::array{opening->channel.get(), opening->arena.get(), *executor});
      });
}

void AttachBroker::Reply(uint64_t id, const AttachReply& reply, std::span<const int> fds) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) {
    return;  // the caller went away; its pidfd ends what was started for it
  }
  if (!found->second->socket.Send(std::as_bytes(std::span(&reply, 1)), fds).ok()) {
    Drop(id);
  }
}

void AttachBroker::Refuse(uint64_t id, const Status& why) {
  log_.Warning("refused to attach: {}", why.message());
  AttachReply reply = EmptyReply();
  reply.code = static_cast<int32_t>(why.code());
  const std::string& text = why.message();
  std::memcpy(reply.message, text.data(), std::min(text.size(), sizeof(reply.message) - 1));
  Reply(id, reply);
}

void AttachBroker::RefuseFor(const Connection& connection, const AttachRequest& request, const Status& why) {
  pool_.NoteRefusal(std::span(request.vxpus, request.vxpu_count), CallerOf(connection.peer), why.message());
  Refuse(connection.id, why);
}

void AttachBroker::Drop(uint64_t id) {
  const auto found = connections_.find(id);
  loop_.Unwatch(found->second->socket.fd());
  connections_.erase(found);
}

}  // namespace flexai::node
