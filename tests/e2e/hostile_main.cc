// A tenant that means harm: attaches to flexaid as a shim does, by hand, and breaks the protocol.
//   hostile_tenant WAY
// Ways: attach (does no harm), old (claims another protocol), descriptors (sends files that nobody asked
// for), and those that write to the channel of a live session: noise, length, sequence, call, rewind. Exit
// status: 0 the session was ended as it should be, or for `attach` and `descriptors` was had; 3 it was
// refused, and the sentence is printed; 1 anything else.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "api/opencl/calls.h"
#include "base/random.h"
#include "os/futex.h"
#include "os/memory.h"
#include "os/process.h"
#include "os/socket.h"
#include "wire/attach.h"

namespace {

using namespace flexai;

constexpr Nanos kPatience = Seconds(30);

wire::AttachRequest Request(wire::AttachOp op) {
  wire::AttachRequest request{};
  request.magic = wire::kAttachMagic;
  request.major = wire::kProtocolMajor;
  request.minor = wire::kProtocolMinor;
  request.op = op;
  request.api = wire::AttachApi::kOpenCl;
  request.description_hash = flexai::opencl::kDescriptionHash;
  const char* vxpus = getenv("FLEXAI_VXPUS");
  request.vxpus[0] = vxpus == nullptr ? 0 : strtoull(vxpus, nullptr, 10);
  request.vxpu_count = 1;
  std::strcpy(request.command, "hostile");
  return request;
}

struct Session {
  wire::AttachReply reply{};
  wire::Geometry geometry;
  os::UniqueFd executor;
  os::Mapping channel, arena;
};

Result<os::PacketSocket> Connect() {
  const char* path = getenv("FLEXAI_ATTACH_SOCKET");
  return os::PacketSocket::Connect(path == nullptr ? "" : path);
}

Result<Session> Open(const os::PacketSocket& socket, const wire::AttachRequest& request,
                     const std::vector<int>& fds) {
  FLEXAI_RETURN_IF_ERROR(socket.Send(std::as_bytes(std::span(&request, 1)), fds));
  FLEXAI_ASSIGN_OR_RETURN(os::Packet packet, socket.Receive(kPatience));
  Session session;
  if (packet.bytes.size() != sizeof(session.reply)) {
    return Internal("the answer has a wrong size");
  }
  std::memcpy(&session.reply, packet.bytes.data(), sizeof(session.reply));
  if (session.reply.code != 0) {
    return PermissionDenied(session.reply.message);
  }
  if (packet.fds.size() != 3) {
    return Internal("the answer has no session");
  }
  session.geometry = {session.reply.ring_bytes, session.reply.reply_slots, session.reply.status_slots,
                      session.reply.arena_bytes};
  session.executor = std::move(packet.fds[2]);
  constexpr uint64_t kArenaPart = 1 << 20;
  FLEXAI_ASSIGN_OR_RETURN(session.channel, os::Mapping::Map(packet.fds[0], session.geometry.channel_bytes(),
                                                            os::Mapping::Access::kReadWrite));
  FLEXAI_ASSIGN_OR_RETURN(session.arena,
                          os::Mapping::Map(packet.fds[1], kArenaPart, os::Mapping::Access::kReadWrite));
  return session;
}

void Scribble(Random& random, std::span<std::byte> bytes) {
  for (size_t at = 0; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
    const uint64_t noise = random.Next();
    std::memcpy(bytes.data() + at, &noise, sizeof(noise));
  }
}

// What each way puts first into the ring.
wire::FrameHeader BrokenFrame(const std::string& way, const Session& session) {
  wire::FrameHeader frame{sizeof(wire::FrameHeader), 1, 0, session.reply.session, 1, wire::kNoSlot, 0};
  if (way == "length") {
    frame.length = 0x7ffffff8;
  } else if (way == "sequence") {
    frame.sequence = 77;
  } else if (way == "call") {
    frame.call = 0xfffe;
  }
  return frame;
}

// Writes until the executor has gone: it may be writing to the same words.
bool Break(const std::string& way, Session& session) {
  Random random(7);
  const std::span<std::byte> memory = session.channel.span();
  auto* header = reinterpret_cast<wire::ChannelHeader*>(memory.data());
  Scribble(random, session.arena.span());
  Scribble(random, memory.subspan(session.geometry.reply_offset(),
                                  session.geometry.ring_offset() - session.geometry.reply_offset()));
  constexpr size_t kSomeStatuses = 1 << 16;
  Scribble(random, memory.subspan(session.geometry.status_offset(), kSomeStatuses));
  constexpr int kTries = 3000;
  for (int i = 0; i < kTries; ++i) {
    if (way == "noise") {
      Scribble(random, memory.first(session.geometry.status_offset()));
    } else {
      const wire::FrameHeader frame = BrokenFrame(way, session);
      std::memcpy(memory.data() + session.geometry.ring_offset(), &frame, sizeof(frame));
      header->head.store(way == "rewind" ? ~uint64_t{0} - 7 : sizeof(frame));
    }
    header->consumer_word.store(wire::kConsumerRunning);
    os::FutexWake(header->consumer_word);
    if (os::WaitForEnd(session.executor, Millis(10))) {
      return true;
    }
  }
  return false;
}

// A connection that misuses descriptors in every packet, until flexaid drops it; then a session whose
// standard output is none.
Result<Session> MisuseDescriptors() {
  const int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  FLEXAI_ASSIGN_OR_RETURN(const auto pair, os::PacketSocket::Pair());
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd memory, os::CreateSealedMemfd("hostile", 4096));
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd self, os::OpenPidfd(getpid()));
  std::vector<int> many;
  while (many.size() + 5 <= os::kMaxPacketFds) {
    many.insert(many.end(), {folder, pair.first.fd(), memory.get(), self.get(), nothing});
  }
  const wire::AttachRequest list = Request(wire::AttachOp::kList);
  FLEXAI_ASSIGN_OR_RETURN(const os::PacketSocket socket, Connect());
  bool dropped = false;
  for (int i = 0; i < 1000 && !dropped; ++i) {
    const size_t bytes = i % 2 == 0 ? sizeof(list) : static_cast<size_t>(i);
    dropped =
        !socket.Send(std::as_bytes(std::span(&list, 1)).first(std::min(bytes, sizeof(list))), many).ok() ||
        !socket.Receive(kPatience).ok();
  }
  if (!dropped) {
    return Internal("flexaid has endless patience");
  }
  FLEXAI_ASSIGN_OR_RETURN(const os::PacketSocket again, Connect());
  return Open(again, Request(wire::AttachOp::kOpen), {folder, memory.get(), self.get(), nothing});
}

Result<Session> OpenFor(const std::string& way) {
  if (way == "descriptors") {
    return MisuseDescriptors();
  }
  wire::AttachRequest request = Request(wire::AttachOp::kOpen);
  request.major = way == "old" ? 99 : request.major;
  FLEXAI_ASSIGN_OR_RETURN(const os::PacketSocket socket, Connect());
  return Open(socket, request, {STDOUT_FILENO});
}

}  // namespace

int main(int argc, char** argv) {
  const std::string way = argc > 1 ? argv[1] : "attach";
  Result<Session> session = OpenFor(way);
  if (!session.ok()) {
    printf("refused: %s\n", session.status().message().c_str());
    return session.status().code() == Code::kPermissionDenied ? 3 : 1;
  }
  if (way == "attach" || way == "descriptors") {
    return 0;
  }
  return Break(way, *session) ? 0 : 1;
}
