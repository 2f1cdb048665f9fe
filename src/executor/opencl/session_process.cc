#include "executor/opencl/session_process.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "device/opencl/icd.h"
#include "executor/opencl/session.h"
#include "os/monotonic_clock.h"
#include "os/process.h"
#include "os/sandbox.h"
#include "os/scheduling.h"
#include "os/socket.h"
#include "share/executor_start.h"
#include "share/lease_client.h"
#include "share/standalone_lease.h"

namespace flexai::executor::opencl {
namespace {

constexpr size_t kStandaloneFdCount = share::kFdStdout + 1;

// What the process is ordered to do besides serving.
constexpr std::string_view kSuspend = R"({"op":"suspend"})";
constexpr std::string_view kSuspended = R"({"suspended":true})";

struct LoadedPlatform {
  device::opencl::Platform platform;
  std::vector<cl_device_id> devices;
};

Status Isolate(const std::string& sandbox) {
  if (sandbox.empty()) {
    return {};
  }
  FLEXAI_ASSIGN_OR_RETURN(const os::SandboxOptions options, share::DecodeSandbox(sandbox));
  FLEXAI_ASSIGN_OR_RETURN(const std::vector<std::string> missing, os::EnterSandbox(options));
  for (const std::string& sentence : missing) {
    fmt::print(stderr, "flexai-executor: isolation: {}\n", sentence);
  }
  return {};
}

// Everything that can be done before it is known which session will come: drivers take long to load.
Result<std::vector<LoadedPlatform>> Load() {
  device::opencl::Platforms platforms = device::opencl::LoadPlatforms();
  std::vector<LoadedPlatform> loaded;
  for (device::opencl::Platform& platform : platforms.found) {
    std::vector<cl_device_id> devices = device::opencl::DevicesOf(platform);
    loaded.push_back({std::move(platform), std::move(devices)});
  }
  if (loaded.empty()) {
    return NotFound(platforms.failures.empty()
                        ? "this machine has no OpenCL driver: /etc/OpenCL/vendors is empty"
                        : platforms.failures.front());
  }
  return loaded;
}

Result<os::Mapping> MapArena(const os::UniqueFd& fd, const share::ExecutorStart& start, bool* at_base) {
  Result<os::Mapping> there =
      os::Mapping::Map(fd, start.arena_bytes, os::Mapping::Access::kReadWrite, start.arena_base);
  *at_base = there.ok() && start.arena_base != 0;
  return there.ok() ? std::move(there)
                    : os::Mapping::Map(fd, start.arena_bytes, os::Mapping::Access::kReadWrite);
}

Result<std::unique_ptr<share::Lease>> OpenLease(os::Packet* packet, const share::ExecutorStart& start,
                                                const Clock& clock) {
  if (packet->fds.size() < share::kStartFdCount) {
    std::vector<Bytes> quotas;
    for (const share::ExecutorStart::Vxpu& vxpu : start.vxpus) {
      quotas.push_back(vxpu.quota);
    }
    return std::unique_ptr<share::Lease>(std::make_unique<share::StandaloneLease>(std::move(quotas)));
  }
  FLEXAI_ASSIGN_OR_RETURN(
      std::unique_ptr<share::LeaseClient> client,
      share::LeaseClient::Open(
          {std::move(packet->fds[share::kFdOwnPage]), std::move(packet->fds[share::kFdGrantPage]),
           std::move(packet->fds[share::kFdBoardPage]), std::move(packet->fds[share::kFdDoorbell])},
          clock));
  if (client->lane_count() < start.vxpus.size()) {
    return InvalidArgument("the keeper's lease page has fewer lanes than the session has vXPUs");
  }
  return std::unique_ptr<share::Lease>(std::move(client));
}

Result<SessionParts> PartsOf(os::Packet* packet, const share::ExecutorStart& start,
                             const std::vector<LoadedPlatform>& platforms) {
  if (start.platform >= platforms.size() || start.device_index >= platforms[start.platform].devices.size()) {
    return NotFound(fmt::format("there is no device {} of platform {}", start.device_index, start.platform));
  }
  SessionParts parts;
  parts.platform = platforms[start.platform].platform;
  parts.session = start.session;
  parts.geometry = {start.ring_bytes, start.reply_slots, start.status_slots, start.arena_bytes};
  for (const size_t fd : {size_t{share::kFdChannel}, size_t{share::kFdArena}}) {
    FLEXAI_ASSIGN_OR_RETURN(const uint64_t size, os::SealedMemfdBytes(packet->fds[fd]));
    if (size < (fd == share::kFdChannel ? parts.geometry.channel_bytes() : start.arena_bytes)) {
      return InvalidArgument("the session's memory is smaller than its geometry");
    }
  }
  FLEXAI_ASSIGN_OR_RETURN(parts.channel,
                          os::Mapping::Map(packet->fds[share::kFdChannel], parts.geometry.channel_bytes(),
                                           os::Mapping::Access::kReadWrite));
  FLEXAI_ASSIGN_OR_RETURN(parts.arena, MapArena(packet->fds[share::kFdArena], start, &parts.arena_at_base));
  for (const share::ExecutorStart::Vxpu& vxpu : start.vxpus) {
    parts.vxpus.push_back({vxpu.id, platforms[start.platform].devices[start.device_index], vxpu.quota, {}});
  }
  return parts;
}

// The image of a suspended session, which the start message may carry as one more descriptor.
Result<SessionImage> ReadImageFrom(const os::UniqueFd& fd) {
  FLEXAI_ASSIGN_OR_RETURN(const uint64_t size, os::SealedMemfdBytes(fd));
  FLEXAI_ASSIGN_OR_RETURN(const os::Mapping mapping,
                          os::Mapping::Map(fd, size, os::Mapping::Access::kReadOnly));
  return ReadImage(mapping.span());
}

Status SendImage(const os::PacketSocket& control, const Session& session) {
  FLEXAI_ASSIGN_OR_RETURN(const SessionImage image, session.Capture());
  const std::vector<std::byte> bytes = WriteImage(image);
  FLEXAI_ASSIGN_OR_RETURN(const os::UniqueFd fd, os::CreateSealedMemfd("flexai-image", bytes.size()));
  FLEXAI_ASSIGN_OR_RETURN(const os::Mapping mapping,
                          os::Mapping::Map(fd, bytes.size(), os::Mapping::Access::kReadWrite));
  std::copy(bytes.begin(), bytes.end(), mapping.data());
  const int fds[] = {fd.get()};
  return control.Send(kSuspended, fds);
}

// Obeys the keeper until its end, which is the end of its sessions.
void Obey(const os::PacketSocket& control, Session& session) {
  std::thread([&control, &session] {
    for (Result<os::Packet> packet = control.Receive(); packet.ok(); packet = control.Receive()) {
      if (packet->text() == kSuspend) {
        session.Suspend();
      }
    }
    std::_Exit(0);
  }).detach();
}

// Waits for a session and serves it. Success too if the keeper had no use for us.
Status Serve(const os::PacketSocket& control, const std::vector<LoadedPlatform>& platforms) {
  Result<os::Packet> packet = control.Receive();
  if (!packet.ok()) {
    return {};
  }
  FLEXAI_ASSIGN_OR_RETURN(const share::ExecutorStart start, share::DecodeStart(packet->text()));
  const size_t count = packet->fds.size();
  const bool restores = count == share::kStartFdCount + 1 || count == kStandaloneFdCount + 1;
  if (!restores && count != share::kStartFdCount && count != kStandaloneFdCount) {
    return InvalidArgument(fmt::format("the start message carries {} descriptors", count));
  }
  static const os::MonotonicClock clock;
  FLEXAI_RETURN_IF_ERROR(os::ReplaceStandardOutput(packet->fds[share::kFdStdout]));
  FLEXAI_ASSIGN_OR_RETURN(SessionParts parts, PartsOf(&*packet, start, platforms));
  FLEXAI_ASSIGN_OR_RETURN(const std::unique_ptr<share::Lease> lease, OpenLease(&*packet, start, clock));
  for (uint32_t lane = 0; lane < parts.vxpus.size(); ++lane) {
    parts.vxpus[lane].access = {lease.get(), lane};
  }
  Session session(std::move(parts));
  if (restores) {
    FLEXAI_ASSIGN_OR_RETURN(const SessionImage image, ReadImageFrom(packet->fds.back()));
    FLEXAI_RETURN_IF_ERROR(session.Restore(image));
  }
  packet->fds.clear();
  Obey(control, session);
  Status ended = session.Run();
  if (session.suspended()) {
    ended = SendImage(control, session);
  }
  if (!ended.ok()) {
    fmt::print(stderr, "flexai-executor: the session is ended: {}\n", ended.message());
  }
  std::_Exit(ended.ok() ? 0 : 1);  // commands may still run; nothing of theirs outlives the process
}

}  // namespace

int RunSessionProcess(const std::string& sandbox) {
  const os::PacketSocket control{os::UniqueFd(share::kControlFd)};
  Result<std::vector<LoadedPlatform>> platforms = std::vector<LoadedPlatform>();
  // Before the sandbox, which has no such call; threads of the driver begin with the default again. Without
  // it the device may wait some milliseconds for this thread where applications compute on its core.
  if (const Status sliced = os::SetTimeSlice(os::kShortestTimeSlice); !sliced.ok()) {
    fmt::print(stderr, "flexai-executor: {}\n", sliced.message());
  }
  Status status = Isolate(sandbox);
  if (status.ok()) {
    platforms = Load();
    status = platforms.status();
  }
  if (!status.ok()) {
    fmt::print(stderr, "flexai-executor: {}\n", status.message());
    (void)control.Send(share::FailedMessage(status.message()));
    return 1;
  }
  if (!control.Send(share::ReadyMessage()).ok()) {
    return 1;
  }
  status = Serve(control, *platforms);
  if (!status.ok()) {
    fmt::print(stderr, "flexai-executor: {}\n", status.message());
  }
  return status.ok() ? 0 : 1;
}

}  // namespace flexai::executor::opencl
