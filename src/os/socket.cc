#include "os/socket.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "os/error.h"
#include "os/process.h"

namespace flexai::os {
namespace {

Result<sockaddr_un> Address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument(fmt::format("the socket path '{}' is empty or longer than {} characters", path,
                                       sizeof(address.sun_path) - 1));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

Result<UniqueFd> ConnectTo(const std::string& path, int type) {
  FLEXAI_ASSIGN_OR_RETURN(const sockaddr_un address, Address(path));
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus("can't make a socket");
  }
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(fmt::format("can't connect to {}", path));
  }
  return fd;
}

// Waits until `fd` is readable; false when the time ran out.
Result<bool> WaitReadable(int fd, Nanos timeout) {
  pollfd entry{fd, POLLIN, 0};
  const int64_t ms = timeout.value < 0 ? -1 : (timeout.value + 999999) / 1000000;
  for (;;) {
    const int ready = poll(&entry, 1, static_cast<int>(ms));
    if (ready > 0) {
      return true;
    }
    if (ready == 0) {
      return false;
    }
    if (errno != EINTR) {
      return ErrnoStatus("can't wait on a socket");
    }
  }
}

void TakeFds(const msghdr& message, std::vector<UniqueFd>* fds) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      fds->emplace_back(fd);
    }
  }
}

}  // namespace

Result<PacketSocket> PacketSocket::Connect(const std::string& path) {
  FLEXAI_ASSIGN_OR_RETURN(UniqueFd fd, ConnectTo(path, SOCK_SEQPACKET));
  return PacketSocket(std::move(fd));
}

Result<std::pair<PacketSocket, PacketSocket>> PacketSocket::Pair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return ErrnoStatus("can't make a socket pair");
  }
  return std::pair(PacketSocket(UniqueFd(ends[0])), PacketSocket(UniqueFd(ends[1])));
}

Status PacketSocket::Send(std::string_view text, std::span<const int> fds) const {
  return Send(std::as_bytes(std::span(text)), fds);
}

Status PacketSocket::Send(std::span<const std::byte> bytes, std::span<const int> fds) const {
  return SendWith(bytes, fds, 0);
}

Status PacketSocket::SendNow(std::string_view text, std::span<const int> fds) const {
  return SendWith(std::as_bytes(std::span(text)), fds, MSG_DONTWAIT);
}

Status PacketSocket::SendWith(std::span<const std::byte> bytes, std::span<const int> fds, int flags) const {
  if (bytes.size() > kMaxPacketBytes || fds.size() > kMaxPacketFds) {
    return InvalidArgument(
        fmt::format("a packet of {} bytes and {} files is too large", bytes.size(), fds.size()));
  }
  iovec part{const_cast<std::byte*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxPacketFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  for (;;) {
    if (sendmsg(fd_.get(), &message, MSG_NOSIGNAL | flags) >= 0) {
      return {};
    }
    if (errno != EINTR) {
      return ErrnoStatus("can't send to the peer");
    }
  }
}

Result<Packet> PacketSocket::Receive(Nanos timeout) const {
  if (timeout.value >= 0) {
    FLEXAI_ASSIGN_OR_RETURN(const bool readable, WaitReadable(fd_.get(), timeout));
    if (!readable) {
      return DeadlineExceeded("the peer did not answer in time");
    }
  }
  // MSG_PEEK | MSG_TRUNC tells the size first, so that a small packet costs a small buffer.
  ssize_t size = -1;
  do {
    size = recv(fd_.get(), nullptr, 0, MSG_PEEK | MSG_TRUNC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    return ErrnoStatus("can't receive from the peer");
  }
  if (static_cast<size_t>(size) > kMaxPacketBytes) {
    return InvalidArgument(fmt::format("the peer sent a packet of {} bytes", size));
  }
  Packet packet;
  packet.bytes.resize(static_cast<size_t>(size));
  iovec part{packet.bytes.data(), packet.bytes.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(kMaxPacketFds * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got = -1;
  do {
    got = recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return ErrnoStatus("can't receive from the peer");
  }
  TakeFds(message, &packet.fds);
  if (got == 0 && packet.fds.empty()) {
    return Unavailable("the peer closed the connection");
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return InvalidArgument("the peer sent more than a packet holds");
  }
  packet.bytes.resize(static_cast<size_t>(got));
  return packet;
}

Result<PeerCredentials> PeerOf(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return ErrnoStatus("can't read the peer's credentials");
  }
  return PeerCredentials{credentials.pid, credentials.uid, credentials.gid};
}

Result<UniqueFd> OpenPeer(int fd) {
#ifdef SO_PEERPIDFD
  constexpr int kPeerPidfd = SO_PEERPIDFD;
#else
  constexpr int kPeerPidfd = 77;
#endif
  int pidfd = -1;
  socklen_t size = sizeof(pidfd);
  if (getsockopt(fd, SOL_SOCKET, kPeerPidfd, &pidfd, &size) == 0) {
    return UniqueFd(pidfd);
  }
  if (errno != ENOPROTOOPT) {
    return ErrnoStatus("the connecting process has ended");
  }
  FLEXAI_ASSIGN_OR_RETURN(const PeerCredentials peer, PeerOf(fd));
  if (peer.pid == 0) {
    return FailedPrecondition(
        "the connecting process lives in a process namespace that cannot be seen from here");
  }
  return OpenPidfd(peer.pid);
}

Result<PeerCredentials> PacketSocket::Peer() const { return PeerOf(fd_.get()); }

PacketListener::~PacketListener() {
  if (fd_.valid()) {
    unlink(path_.c_str());
  }
}

Result<PacketListener> PacketListener::Listen(const std::string& path, mode_t mode, bool stream) {
  const int type = stream ? SOCK_STREAM : SOCK_SEQPACKET;
  FLEXAI_ASSIGN_OR_RETURN(const sockaddr_un address, Address(path));
  if (const Result<UniqueFd> live = ConnectTo(path, type); live.ok()) {
    return AlreadyExists(fmt::format("another process already listens at {}", path));
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      return AlreadyExists(fmt::format("{} is in the way and is not a socket", path));
    }
    unlink(path.c_str());
  }
  PacketListener listener;
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus("can't make a socket");
  }
  // The permission bits are set before the bind, so that there is no moment with wider ones.
  if (fchmod(fd.get(), mode) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(fmt::format("can't listen at {}", path));
  }
  listener.fd_ = std::move(fd);
  listener.path_ = path;
  if (chmod(path.c_str(), mode) != 0 || listen(listener.fd_.get(), 128) != 0) {
    return ErrnoStatus(fmt::format("can't listen at {}", path));
  }
  return listener;
}

Result<PacketSocket> PacketListener::Accept() const {
  for (;;) {
    const int fd = accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) {
      return PacketSocket(UniqueFd(fd));
    }
    if (errno != EINTR && errno != ECONNABORTED) {
      return ErrnoStatus("can't accept a connection");
    }
  }
}

}  // namespace flexai::os
