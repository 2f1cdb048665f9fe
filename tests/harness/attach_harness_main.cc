// Runs a program on one executor without daemon and keeper: the shortest way from a shim to a device, for tests of
// these two. Plays flexaid towards the shim (wire/attach.h) and the keeper towards the executor; leases are granted
// by the executor itself ("standalone"). No limits, no isolation.
//   flexai-attach-harness [--memory BYTES] [--vxpus N] -- COMMAND [ARGUMENT ...]
#include <fmt/core.h>
#include <signal.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/opencl/calls.h"
#include "base/units.h"
#include "os/files.h"
#include "os/memory.h"
#include "os/process.h"
#include "os/socket.h"
#include "wire/attach.h"
#include "wire/server_channel.h"

namespace {

using namespace flexai;
using nlohmann::json;

struct Options {
  std::string folder;  // of the programs
  Bytes memory{2ull << 30};
  uint32_t vxpus = 1;
  std::vector<std::string> command;
};

wire::AttachReply Failure(const Status& status) {
  wire::AttachReply reply{};
  reply.magic = wire::kAttachMagic;
  reply.code = static_cast<int32_t>(status.code());
  std::strncpy(reply.message, status.message().c_str(), sizeof(reply.message) - 1);
  return reply;
}

Status SendReply(const os::PacketSocket& socket, const wire::AttachReply& reply, std::span<const int> fds = {}) {
  return socket.Send(std::as_bytes(std::span(&reply, 1)), fds);
}

// The executors of one run of the harness.
class Broker {
 public:
  explicit Broker(const Options& options) : options_(options) {}

  void Serve(const os::PacketListener& listener) {
    for (;;) {
      Result<os::PacketSocket> connection = listener.Accept();
      if (!connection.ok()) {
        return;
      }
      std::thread([this, socket = std::move(*connection)] { Converse(socket); }).detach();
    }
  }

 private:
  void Converse(const os::PacketSocket& socket) {
    for (;;) {
      Result<os::Packet> packet = socket.Receive();
      if (!packet.ok() || packet->bytes.size() != sizeof(wire::AttachRequest)) {
        return;
      }
      wire::AttachRequest request;
      std::memcpy(&request, packet->bytes.data(), sizeof(request));
      const Status status = request.op == wire::AttachOp::kList ? List(socket) : Open(socket, *packet);
      if (!status.ok()) {
        fmt::print(stderr, "attach harness: {}\n", status.message());
        static_cast<void>(SendReply(socket, Failure(status)));
        return;
      }
    }
  }

  wire::AttachReply Success() const {
    wire::AttachReply reply{};
    reply.magic = wire::kAttachMagic;
    reply.major = wire::kProtocolMajor;
    reply.minor = wire::kProtocolMinor;
    reply.platform_count = 1;
    reply.vxpu_count = options_.vxpus;
    return reply;
  }

  Status List(const os::PacketSocket& socket) const { return SendReply(socket, Success()); }

  Status Open(const os::PacketSocket& socket, const os::Packet& packet) {
    const uint64_t session = ++sessions_;
    wire::Geometry geometry;
    geometry.arena_bytes = options_.memory.value * options_.vxpus + (4ull << 30);
    FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd channel,
                            os::CreateSealedMemfd("flexai-channel", geometry.channel_bytes()));
    FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd arena, os::CreateSealedMemfd("flexai-arena", geometry.arena_bytes));
    {
      FLEXAI_ASSIGN_OR_RETURN(const os::Mapping header,
                              os::Mapping::Map(channel, geometry.channel_bytes(), os::Mapping::Access::kReadWrite));
      wire::ServerChannel::Initialize(header.span(), geometry, session);
    }
    const uint64_t arena_base = wire::kArenaBase + session * wire::kArenaStride;
    FLEXAI_ASSIGN_OR_RETURN(auto ends, os::PacketSocket::Pair());
    os::SpawnOptions spawn{.program = options_.folder + "/flexai-executor", .arguments = {"--session"}};
    spawn.environment = os::Environment();
    spawn.fds = {{ends.second.fd(), 3}};
    spawn.die_with_parent = false;
    FLEXAI_ASSIGN_OR_RETURN(os::Process executor, os::Spawn(spawn));
    ends.second.Close();
    FLEXAI_RETURN_IF_ERROR(ends.first.Receive(Seconds(30)).status());  // {"ready":true}
    json start{{"op", "start"},           {"session", session}, {"platform", 0},
               {"device_index", 0},       {"arena_base", arena_base}, {"standalone", true},
               {"geometry",
                {{"ring_bytes", geometry.ring_bytes},
                 {"reply_slots", geometry.reply_slots},
                 {"status_slots", geometry.status_slots},
                 {"arena_bytes", geometry.arena_bytes}}},
               {"vxpus", json::array()}};
    for (uint32_t i = 0; i < options_.vxpus; ++i) {
      start["vxpus"].push_back({{"id", i + 1}, {"quota_bytes", options_.memory.value}});
    }
    const int output = packet.fds.empty() ? 1 : packet.fds[0].get();
    const int fds[] = {channel.get(), arena.get(), output};
    FLEXAI_RETURN_IF_ERROR(ends.first.Send(start.dump(), fds));
    wire::AttachReply reply = Success();
    reply.session = session;
    reply.arena_base = arena_base;
    reply.arena_bytes = geometry.arena_bytes;
    reply.ring_bytes = geometry.ring_bytes;
    reply.reply_slots = geometry.reply_slots;
    reply.status_slots = geometry.status_slots;
    const int handed[] = {channel.get(), arena.get(), executor.pidfd.get()};
    FLEXAI_RETURN_IF_ERROR(SendReply(socket, reply, handed));
    FLEXAI_ASSIGN_OR_RETURN(const os::PeerCredentials peer, socket.Peer());
    FLEXAI_ASSIGN_OR_RETURN(os::UniqueFd application, os::OpenPidfd(peer.pid));
    // The keeper's duty: the executor ends with its application.
    std::thread([application = std::move(application), executor = std::move(executor),
                 control = std::move(ends.first)] {
      os::WaitForEnd(application, {-1});
      static_cast<void>(os::SignalProcess(executor.pidfd, SIGKILL));
      static_cast<void>(os::Reap(executor));
    }).detach();
    return {};
  }

  const Options& options_;
  std::atomic<uint64_t> sessions_{0};
};

Result<int> Run(Options options) {
  FLEXAI_ASSIGN_OR_RETURN(options.folder, os::ProgramFolder());
  char name[] = "/tmp/flexai-harness-XXXXXX";
  if (mkdtemp(name) == nullptr) {
    return Internal("can't make a folder in /tmp");
  }
  const std::string folder = name;
  const std::string shim = options.folder + "/libflexai-opencl.so";
  FLEXAI_RETURN_IF_ERROR(os::MakeFolders(folder + "/vendors"));
  FLEXAI_RETURN_IF_ERROR(os::WriteFile(folder + "/vendors/flexai.icd", shim + "\n"));
  FLEXAI_ASSIGN_OR_RETURN(const os::PacketListener listener, os::PacketListener::Listen(folder + "/attach.sock", 0600));
  Broker broker(options);
  std::thread([&] { broker.Serve(listener); }).detach();
  os::SpawnOptions spawn{.program = "/usr/bin/env", .arguments = options.command};
  spawn.environment = os::Environment({"FLEXAI_ATTACH_SOCKET=" + folder + "/attach.sock", "FLEXAI_VXPUS=1",
                                       "OCL_ICD_VENDORS=" + folder + "/vendors", "OCL_ICD_FILENAMES=" + shim});
  FLEXAI_ASSIGN_OR_RETURN(const os::Process child, os::Spawn(spawn));
  FLEXAI_ASSIGN_OR_RETURN(const os::ExitState exit, os::Reap(child));
  static_cast<void>(os::RemoveFolder(folder));
  return exit.signaled ? 128 + exit.value : exit.value;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  int next = 1;
  for (; next + 1 < argc && std::strcmp(argv[next], "--") != 0; next += 2) {
    if (std::strcmp(argv[next], "--memory") == 0) {
      const Result<Bytes> memory = ParseBytes(argv[next + 1]);
      if (!memory.ok()) {
        fmt::print(stderr, "attach harness: {}\n", memory.status().message());
        return 2;
      }
      options.memory = *memory;
    } else if (std::strcmp(argv[next], "--vxpus") == 0) {
      options.vxpus = static_cast<uint32_t>(std::atoi(argv[next + 1]));
    } else {
      break;
    }
  }
  if (next + 1 >= argc || std::strcmp(argv[next], "--") != 0) {
    fmt::print(stderr, "usage: flexai-attach-harness [--memory BYTES] [--vxpus N] -- COMMAND [ARGUMENT ...]\n");
    return 2;
  }
  options.command.assign(argv + next + 1, argv + argc);
  const Result<int> exit = Run(options);
  if (!exit.ok()) {
    fmt::print(stderr, "attach harness: {}\n", exit.status().message());
    return 1;
  }
  fflush(nullptr);
  _exit(*exit);  // threads still serve; nothing of theirs outlives the process
}
