#include "shim/opencl/attach.h"

#include <errno.h>

#include <bit>
#include <cstdlib>
#include <cstring>

#include "os/guest.h"
#include "shim/opencl/process.h"
#include "wire/attach.h"

namespace flexai::shim {

struct AttachAnswer {
  wire::AttachReply reply{};
  int fds[os::kMaxGuestFds] = {};
  unsigned fd_count = 0;
};

namespace {

constexpr int kAnswerMs = 60 * 1000;  // a session may have to wait for its executor to start
constexpr int64_t kRetryMs = 20;
constexpr uint32_t kMaxReplySlots = 256;
constexpr uint32_t kMaxStatusSlots = 1u << 24;

uint32_t ReadVxpus(uint64_t* vxpus) {
  uint32_t count = 0;
  const char* at = std::getenv("FLEXAI_VXPUS");
  while (at != nullptr && *at != '\0' && count < wire::kMaxVxpusPerSession) {
    char* end = nullptr;
    const unsigned long long id = std::strtoull(at, &end, 10);
    if (end == at) {
      break;
    }
    vxpus[count++] = id;
    at = *end == ',' ? end + 1 : end;
  }
  return count;
}

bool SaneGeometry(const wire::AttachReply& reply) {
  const uint32_t ring = reply.ring_bytes;
  return ring >= 2 * wire::kMaxFrameBytes && ring <= (1u << 30) && (ring & (ring - 1)) == 0 &&
         reply.reply_slots > 0 && reply.reply_slots <= kMaxReplySlots && reply.status_slots > 0 &&
         reply.status_slots <= kMaxStatusSlots && reply.arena_bytes > 0 && (reply.arena_base & 4095) == 0;
}

// Where the devices of session `index` belong. A flexaid of 1.0 does not say which sessions are on one
// platform: each is one of its own then, with its vXPUs in order.
bool ReadPlace(const wire::AttachReply& reply, unsigned index, Attachment* attachment) {
  if (reply.vxpu_count == 0 || reply.vxpu_count > wire::kMaxVxpusPerSession) {
    return false;
  }
  const bool told = reply.minor >= 1;
  attachment->platform = told ? reply.platform : index;
  attachment->vxpu_mask = told ? reply.vxpu_mask : (uint32_t{1} << reply.vxpu_count) - 1;
  return attachment->platform <= index && attachment->vxpu_mask >> wire::kMaxVxpusPerSession == 0 &&
         static_cast<uint32_t>(std::popcount(attachment->vxpu_mask)) == reply.vxpu_count;
}

}  // namespace

AttachConnection::~AttachConnection() { os::CloseFd(socket_); }

bool AttachConnection::Dial(int64_t deadline_ms) {
  const char* path = std::getenv("FLEXAI_ATTACH_SOCKET");
  if (path == nullptr || *path == '\0') {
    DebugLog("no platforms", "FLEXAI_ATTACH_SOCKET is not set");
    return false;
  }
  for (;;) {
    socket_ = os::ConnectPacketSocket(path);
    if (socket_ >= 0) {
      return true;
    }
    const bool down = socket_ == -ECONNREFUSED || socket_ == -ENOENT || socket_ == -EAGAIN;
    if (!down || os::MonotonicMs() >= deadline_ms) {
      DebugLog("cannot connect to flexaid", std::strerror(-socket_));
      return false;
    }
    os::SleepMs(kRetryMs);
  }
}

unsigned AttachConnection::Connect(int64_t patience_ms) {
  patience_ms_ = patience_ms;
  if (!Dial(os::MonotonicMs() + patience_ms)) {
    return 0;
  }
  AttachAnswer answer;
  if (!Exchange(static_cast<uint32_t>(wire::AttachOp::kList), 0, &answer)) {
    return 0;
  }
  for (unsigned i = 0; i < answer.fd_count; ++i) {
    os::CloseFd(answer.fds[i]);
  }
  return answer.reply.session_count < kMaxSessions ? answer.reply.session_count : kMaxSessions;
}

bool AttachConnection::Exchange(uint32_t op, unsigned index, AttachAnswer* answer) {
  const int64_t deadline = os::MonotonicMs() + patience_ms_;
  for (;;) {
    bool gone = false;
    if (ExchangeOnce(op, index, answer, &gone)) {
      return true;
    }
    if (!gone || os::MonotonicMs() >= deadline) {
      return false;
    }
    os::CloseFd(socket_);
    os::SleepMs(kRetryMs);
    if (!Dial(deadline)) {
      return false;
    }
  }
}

bool AttachConnection::ExchangeOnce(uint32_t op, unsigned index, AttachAnswer* answer, bool* gone) {
  wire::AttachRequest request{};
  request.magic = wire::kAttachMagic;
  request.major = wire::kProtocolMajor;
  request.minor = wire::kProtocolMinor;
  request.op = static_cast<wire::AttachOp>(op);
  request.api = wire::AttachApi::kOpenCl;
  request.description_hash = opencl::kDescriptionHash;
  request.index = index;
  request.vxpu_count = ReadVxpus(request.vxpus);
  std::strncpy(request.command, program_invocation_short_name, sizeof(request.command) - 1);

  int fds[1] = {-1};
  unsigned fd_count = 0;
  int null = -1;
  if (request.op == wire::AttachOp::kOpen) {
    null = os::IsOpenFd(1) ? -1 : os::OpenNull();
    fds[0] = null >= 0 ? null : 1;
    fd_count = 1;
  }
  const int sent = os::SendPacket(socket_, &request, sizeof(request), fds, fd_count);
  os::CloseFd(null);
  if (sent < 0) {
    *gone = sent == -EPIPE || sent == -ECONNRESET;
    DebugLog("cannot send to flexaid", std::strerror(-sent));
    return false;
  }
  const int got = os::ReceivePacket(socket_, &answer->reply, sizeof(answer->reply), answer->fds,
                                    &answer->fd_count, kAnswerMs);
  *gone = got == 0 || got == -ECONNRESET;
  const wire::AttachReply& reply = answer->reply;
  if (got != sizeof(reply) || reply.magic != wire::kAttachMagic || reply.major != wire::kProtocolMajor ||
      reply.code != 0) {
    char message[sizeof(reply.message)] = "no valid answer";
    if (got == sizeof(reply) && reply.magic == wire::kAttachMagic && reply.code != 0) {
      std::memcpy(message, reply.message, sizeof(message) - 1);
    }
    DebugLog("flexaid refused", message);
    for (unsigned i = 0; i < answer->fd_count; ++i) {
      os::CloseFd(answer->fds[i]);
    }
    return false;
  }
  return true;
}

bool AttachConnection::Open(unsigned index, Attachment* attachment) {
  AttachAnswer answer;
  if (!Exchange(static_cast<uint32_t>(wire::AttachOp::kOpen), index, &answer)) {
    return false;
  }
  const wire::AttachReply& reply = answer.reply;
  *attachment = {};
  if (answer.fd_count == 3 && SaneGeometry(reply) && ReadPlace(reply, index, attachment)) {
    attachment->session = reply.session;
    attachment->geometry.ring_bytes = reply.ring_bytes;
    attachment->geometry.reply_slots = reply.reply_slots;
    attachment->geometry.status_slots = reply.status_slots;
    attachment->geometry.arena_bytes = reply.arena_bytes;
    const uint64_t channel_bytes = attachment->geometry.channel_bytes();
    if (os::IsSealedMemfd(answer.fds[0], channel_bytes) &&
        os::IsSealedMemfd(answer.fds[1], reply.arena_bytes)) {
      attachment->channel = static_cast<std::byte*>(os::MapForThisProcess(answer.fds[0], channel_bytes, 0));
      void* arena = os::MapForThisProcess(answer.fds[1], reply.arena_bytes, reply.arena_base);
      attachment->arena_at_base = arena != nullptr && reply.arena_base != 0;
      if (arena == nullptr) {
        arena = os::MapForThisProcess(answer.fds[1], reply.arena_bytes, 0);
      }
      attachment->arena = static_cast<std::byte*>(arena);
      attachment->arena_file = os::SharedFile::Keep(answer.fds[1]);
      attachment->executor = answer.fds[2];
    }
  }
  for (unsigned i = 0; i < answer.fd_count; ++i) {
    if (answer.fds[i] != attachment->executor) {
      os::CloseFd(answer.fds[i]);
    }
  }
  if (attachment->channel == nullptr || attachment->arena == nullptr) {
    DebugLog("cannot use the session", "its memory could not be mapped");
    Discard(*attachment);
    return false;
  }
  return true;
}

void Discard(const Attachment& attachment) {
  if (attachment.channel != nullptr) {
    os::Unmap(attachment.channel, attachment.geometry.channel_bytes());
  }
  if (attachment.arena != nullptr) {
    os::Unmap(attachment.arena, attachment.geometry.arena_bytes);
  }
  os::CloseFd(attachment.executor);
  attachment.arena_file.Close();
}

}  // namespace flexai::shim
