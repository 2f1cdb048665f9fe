// Runs a program on one executor without daemon and keeper: the shortest way from a shim to a device, for
// tests of these two. Plays flexaid towards the shim (wire/attach.h) and the keeper towards the executor;
// leases are granted by the executor itself. No limits, no isolation. With --move-every each session is
// suspended again and again and goes on in another executor; the program must not notice.
//   flexai-attach-harness [--memory BYTES] [--vxpus N] [--move-every MS] -- COMMAND [ARGUMENT ...]
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
  Nanos move_every{-1};
  std::vector<std::string> command;
};

wire::AttachReply Failure(const Status& status) {
  wire::AttachReply reply{};
  reply.magic = wire::kAttachMagic;
  reply.code = static_cast<int32_t>(status.code());
  std::strncpy(reply.message, status.message().c_str(), sizeof(reply.message) - 1);
  return reply;
}

Status SendReply(const os::PacketSocket& socket, const wire::AttachReply& reply,
                 std::span<const int> fds = {}) {
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
    reply.session_count = 1;
    reply.vxpu_count = options_.vxpus;
    reply.vxpu_mask = (uint32_t{1} << options_.vxpus) - 1;
    return reply;
  }

  Status List(const os::PacketSocket& socket) const { return SendReply(socket, Success()); }

  // An executor that has its session. `image`: of the suspended session, or not valid.
  struct Executor {
    os::Process process;
    os::PacketSocket control;
  };
  Result<Executor> StartExecutor(const std::string& start, std::vector<int> fds,
                                 const os::UniqueFd& image) const {
    FLEXAI_ASSIGN_OR_RETURN(auto ends, os::PacketSocket::Pair());
    os::SpawnOptions spawn{.program = options_.folder + "/flexai-executor", .arguments = {"--session"}};
    spawn.environment = os::Environment();
    spawn.fds = {{ends.second.fd(), 3}};
    spawn.die_with_parent = false;
    FLEXAI_ASSIGN_OR_RETURN(os::Process process, os::Spawn(spawn));
    ends.second.Close();
    FLEXAI_RETURN_IF_ERROR(ends.first.Receive(Seconds(30)).status());  // {"ready":true}
    if (image.valid()) {
      fds.push_back(image.get());
    }
    FLEXAI_RETURN_IF_ERROR(ends.first.Send(start, fds));
    return Executor{std::move(process), std::move(ends.first)};
  }

  // Ends the executor with an image of its session.
  Result<os::UniqueFd> Suspend(Executor& executor) const {
    FLEXAI_RETURN_IF_ERROR(executor.control.Send(std::string_view(R"({"op":"suspend"})")));
    FLEXAI_ASSIGN_OR_RETURN(os::Packet answer, executor.control.Receive(Seconds(60)));
    static_cast<void>(os::Reap(executor.process));
    if (answer.fds.empty()) {
      return Internal("the executor does not hand over its session");
    }
    return std::move(answer.fds[0]);
  }

  // The keeper's duty: the executor ends with its application. Meanwhile the session moves, if so wished.
  Status Attend(const os::UniqueFd& application, Executor executor, const std::string& start,
                const std::vector<int>& fds) const {
    while (!os::WaitForEnd(application, options_.move_every)) {
      FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd image, Suspend(executor));
      FLEXAI_ASSIGN_OR_RETURN(executor, StartExecutor(start, fds, image));
    }
    static_cast<void>(os::SignalProcess(executor.process.pidfd, SIGKILL));
    static_cast<void>(os::Reap(executor.process));
    return {};
  }

  json StartMessage(uint64_t session, const wire::Geometry& geometry, uint64_t arena_base) const {
    json start{{"op", "start"},
               {"session", session},
               {"platform", 0},
               {"device_index", 0},
               {"arena_base", arena_base},
               {"geometry",
                {{"ring_bytes", geometry.ring_bytes},
                 {"reply_slots", geometry.reply_slots},
                 {"status_slots", geometry.status_slots},
                 {"arena_bytes", geometry.arena_bytes}}},
               {"vxpus", json::array()}};
    for (uint32_t i = 0; i < options_.vxpus; ++i) {
      start["vxpus"].push_back({{"id", i + 1}, {"quota_bytes", options_.memory.value}});
    }
    return start;
  }

  Status Open(const os::PacketSocket& socket, os::Packet& packet) {
    const uint64_t session = ++sessions_;
    wire::Geometry geometry;
    geometry.arena_bytes = options_.memory.value * options_.vxpus + (4ull << 30);
    FLEXAI_ASSIGN_OR_RETURN(os::UniqueFd channel,
                            os::CreateSealedMemfd("flexai-channel", geometry.channel_bytes()));
    FLEXAI_ASSIGN_OR_RETURN(os::UniqueFd arena, os::CreateSealedMemfd("flexai-arena", geometry.arena_bytes));
    {
      FLEXAI_ASSIGN_OR_RETURN(const os::Mapping header, os::Mapping::Map(channel, geometry.channel_bytes(),
                                                                         os::Mapping::Access::kReadWrite));
      wire::ServerChannel::Initialize(header.span(), geometry, session);
    }
    const uint64_t arena_base = wire::kArenaBase + session * wire::kArenaStride;
    const std::string start = StartMessage(session, geometry, arena_base).dump();
    os::UniqueFd output = packet.fds.empty() ? os::UniqueFd(dup(1)) : std::move(packet.fds[0]);
    const std::vector<int> fds = {channel.get(), arena.get(), output.get()};
    FLEXAI_ASSIGN_OR_RETURN(Executor executor, StartExecutor(start, fds, {}));
    wire::AttachReply reply = Success();
    reply.session = session;
    reply.arena_base = arena_base;
    reply.arena_bytes = geometry.arena_bytes;
    reply.ring_bytes = geometry.ring_bytes;
    reply.reply_slots = geometry.reply_slots;
    reply.status_slots = geometry.status_slots;
    // A session that moves lives as long as we do.
    FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd self, os::OpenPidfd(getpid()));
    const int alive = options_.move_every.value >= 0 ? self.get() : executor.process.pidfd.get();
    const int handed[] = {channel.get(), arena.get(), alive};
    FLEXAI_RETURN_IF_ERROR(SendReply(socket, reply, handed));
    FLEXAI_ASSIGN_OR_RETURN(const os::PeerCredentials peer, socket.Peer());
    FLEXAI_ASSIGN_OR_RETURN(os::UniqueFd application, os::OpenPidfd(peer.pid));
    std::thread([this, start, fds, application = std::move(application), executor = std::move(executor),
                 channel = std::move(channel), arena = std::move(arena),
                 output = std::move(output)]() mutable {
      const Status status = Attend(application, std::move(executor), start, fds);
      if (!status.ok()) {
        fmt::print(stderr, "attach harness: {}\n", status.message());
        _exit(1);
      }
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
  FLEXAI_ASSIGN_OR_RETURN(const os::PacketListener listener,
                          os::PacketListener::Listen(folder + "/attach.sock", 0600));
  Broker broker(options);
  std::thread([&] { broker.Serve(listener); }).detach();
  os::SpawnOptions spawn{.program = "/usr/bin/env", .arguments = options.command};
  spawn.environment =
      os::Environment({"FLEXAI_ATTACH_SOCKET=" + folder + "/attach.sock", "FLEXAI_VXPUS=1",
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
    } else if (std::strcmp(argv[next], "--move-every") == 0) {
      options.move_every = Millis(std::atoi(argv[next + 1]));
    } else {
      break;
    }
  }
  if (next + 1 >= argc || std::strcmp(argv[next], "--") != 0) {
    fmt::print(stderr,
               "usage: flexai-attach-harness [--memory BYTES] [--vxpus N] [--move-every MS] -- COMMAND "
               "[ARGUMENT ...]\n");
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
