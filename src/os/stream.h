// Byte-stream sockets: HTTP between flexai, flexaid and whoever scrapes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/units.h"
#include "os/unique_fd.h"

namespace flexai::os {

// Connects to a unix SOCK_STREAM socket. kNotFound if there is none at `path`, kUnavailable if nobody
// listens, kPermissionDenied if we may not.
Result<UniqueFd> ConnectStream(const std::string& path);

// A listening TCP socket at a numeric IPv4 or IPv6 address; port 0 takes a free one.
Result<UniqueFd> ListenTcp(const std::string& host, uint16_t port);
// The port a TCP socket is bound to.
Result<uint16_t> LocalPort(const UniqueFd& socket);
// The next connection of a listening stream socket; kUnavailable if none waits. CLOEXEC.
Result<UniqueFd> AcceptStream(const UniqueFd& listener);

// Reads what is there, without waiting. 0 bytes: the peer ended the stream. kUnavailable: nothing there yet.
// kInternal and others: the connection is broken.
Result<size_t> ReadSome(const UniqueFd& stream, std::span<char> into);
// Writes what fits, without waiting; 0 if nothing fits now. Never raises SIGPIPE.
Result<size_t> WriteSome(const UniqueFd& stream, std::string_view bytes);

// Waits up to `timeout` (negative: for ever) until the stream can be read (or is at its end); false when the
// time ran out.
Result<bool> WaitForInput(const UniqueFd& stream, Nanos timeout);
// Writes everything, waiting as needed, at most `timeout` altogether for each piece.
Status WriteAll(const UniqueFd& stream, std::string_view bytes, Nanos timeout);

}  // namespace flexai::os
