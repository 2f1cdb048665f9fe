// Unix-domain sockets that keep message boundaries and carry file descriptors.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "os/unique_fd.h"

namespace flexai::os {

struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = 0;
  gid_t gid = 0;
};

struct Packet {
  std::vector<std::byte> bytes;
  std::vector<UniqueFd> fds;

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

inline constexpr size_t kMaxPacketBytes = 256 * 1024;
inline constexpr size_t kMaxPacketFds = 16;

// One end of an AF_UNIX SOCK_SEQPACKET connection. Thread safety: one sender and one receiver at a time.
class PacketSocket {
 public:
  PacketSocket() = default;
  explicit PacketSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  // kNotFound or kUnavailable if nobody listens at `path`.
  static Result<PacketSocket> Connect(const std::string& path);
  // Two connected ends, CLOEXEC.
  static Result<std::pair<PacketSocket, PacketSocket>> Pair();

  // Sends one packet; `fds` are duplicated into it and stay the caller's. Never raises SIGPIPE.
  // kUnavailable if the peer is gone.
  Status Send(std::span<const std::byte> bytes, std::span<const int> fds = {}) const;
  Status Send(std::string_view text, std::span<const int> fds = {}) const;
  // The same, but kUnavailable rather than waiting for a peer that does not read.
  Status SendNow(std::string_view text, std::span<const int> fds = {}) const;

  // Waits up to `timeout` (negative: for ever) for one packet. kUnavailable at the end of the connection,
  // kDeadlineExceeded when the time ran out, kInvalidArgument for a truncated packet. Received fds are
  // CLOEXEC.
  Result<Packet> Receive(Nanos timeout = {-1}) const;

  Result<PeerCredentials> Peer() const;
  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  UniqueFd Release() { return std::move(fd_); }
  void Close() { fd_.Reset(); }

 private:
  Status SendWith(std::span<const std::byte> bytes, std::span<const int> fds, int flags) const;

  UniqueFd fd_;
};

// A bound, listening socket; the path is unlinked when it goes (unless Abandon was called).
class PacketListener {
 public:
  PacketListener() = default;
  PacketListener(PacketListener&&) noexcept = default;
  PacketListener& operator=(PacketListener&&) noexcept = default;
  ~PacketListener();

  // Binds `path` with permission bits `mode`. A stale socket file (nobody accepts) is replaced; a live one is
  // kAlreadyExists. Works for SOCK_SEQPACKET (default) or SOCK_STREAM.
  static Result<PacketListener> Listen(const std::string& path, mode_t mode, bool stream = false);

  // The next connection; blocks unless fd() was polled readable.
  Result<PacketSocket> Accept() const;
  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

 private:
  UniqueFd fd_;
  std::string path_;
};

// Credentials of the peer of any connected AF_UNIX socket.
Result<PeerCredentials> PeerOf(int fd);
// A pidfd of the process that made the connection: by SO_PEERPIDFD, which cannot hit another process that
// took the pid since, or on kernels before 6.5 by its pid. kFailedPrecondition if it lives in a pid namespace
// we cannot see.
Result<UniqueFd> OpenPeer(int fd);

}  // namespace flexai::os
