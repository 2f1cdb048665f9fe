#include "os/stream.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "os/error.h"

namespace flexai::os {
namespace {

Result<bool> WaitFor(int fd, short events, Nanos timeout) {
  pollfd entry{fd, events, 0};
  const int64_t ms = timeout.value < 0 ? -1 : (timeout.value + 999999) / 1000000;
  for (;;) {
    const int ready = poll(&entry, 1, static_cast<int>(ms));
    if (ready >= 0) {
      return ready > 0;
    }
    if (errno != EINTR) {
      return ErrnoStatus("can't wait on a socket");
    }
  }
}

}  // namespace

Result<UniqueFd> ConnectStream(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return InvalidArgument(fmt::format("the socket path '{}' is empty or too long", path));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return ErrnoStatus("can't make a socket");
  }
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return ErrnoStatus(fmt::format("can't connect to {}", path));
  }
  return fd;
}

Result<UniqueFd> ListenTcp(const std::string& host, uint16_t port) {
  sockaddr_storage storage{};
  auto* four = reinterpret_cast<sockaddr_in*>(&storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&storage);
  socklen_t size = 0;
  if (inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    size = sizeof(*four);
  } else if (inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    size = sizeof(*six);
  } else {
    return InvalidArgument(fmt::format("'{}' is not a numeric IPv4 or IPv6 address", host));
  }
  UniqueFd fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  if (!fd.valid() || setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
      bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), size) != 0 || listen(fd.get(), 64) != 0) {
    return ErrnoStatus(fmt::format("can't listen at {} port {}", host, port));
  }
  return fd;
}

Result<uint16_t> LocalPort(const UniqueFd& socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0) {
    return ErrnoStatus("can't read a socket's address");
  }
  return storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port)
                                       : ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

Result<UniqueFd> AcceptStream(const UniqueFd& listener) {
  FLEXAI_ASSIGN_OR_RETURN(const bool ready, WaitFor(listener.get(), POLLIN, {0}));
  if (!ready) {
    return Unavailable("no connection waits");
  }
  UniqueFd fd(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!fd.valid()) {
    return ErrnoStatus("can't accept a connection");
  }
  return fd;
}

Result<size_t> ReadSome(const UniqueFd& stream, std::span<char> into) {
  for (;;) {
    const ssize_t got = recv(stream.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got >= 0) {
      return static_cast<size_t>(got);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return Unavailable("nothing to read yet");
    }
    if (errno != EINTR) {
      return Internal(ErrnoStatus("can't read from the peer").message());
    }
  }
}

Result<size_t> WriteSome(const UniqueFd& stream, std::string_view bytes) {
  for (;;) {
    const ssize_t put = send(stream.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put >= 0) {
      return static_cast<size_t>(put);
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return size_t{0};
    }
    if (errno != EINTR) {
      return ErrnoStatus("can't write to the peer");
    }
  }
}

Result<bool> WaitForInput(const UniqueFd& stream, Nanos timeout) {
  return WaitFor(stream.get(), POLLIN, timeout);
}

Status WriteAll(const UniqueFd& stream, std::string_view bytes, Nanos timeout) {
  while (!bytes.empty()) {
    FLEXAI_ASSIGN_OR_RETURN(const size_t put, WriteSome(stream, bytes));
    bytes.remove_prefix(put);
    if (put == 0) {
      FLEXAI_ASSIGN_OR_RETURN(const bool ready, WaitFor(stream.get(), POLLOUT, timeout));
      if (!ready) {
        return DeadlineExceeded("the peer did not read in time");
      }
    }
  }
  return {};
}

}  // namespace flexai::os
