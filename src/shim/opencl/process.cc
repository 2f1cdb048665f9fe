#include "shim/opencl/process.h"

#include <cstdlib>
#include <cstring>
#include <new>

#include "os/guest.h"
#include "shim/opencl/attach.h"

namespace flexai::shim {

namespace {

constexpr int64_t kPatienceMs = 5000;

struct ProcessState {
  wire::FutexMutex mutex;
  bool fork_handler = false;
  bool waited = false;  // for a daemon that was down: once is enough
  Session* sessions[kMaxPlatforms] = {};
  unsigned count = 0;
  Session* parents[kMaxPlatforms] = {};  // by platform index, of the process this one was forked from
};

constinit ProcessState g_process;

void ForgetSessionsInChild() {
  ::new (&g_process.mutex) wire::FutexMutex();
  for (unsigned i = 0; i < g_process.count; ++i) {
    Session* session = g_process.sessions[i];
    session->BecomeForkedChild();
    g_process.parents[session->index()] = session;
  }
  g_process.count = 0;
  g_process.waited = false;
}

void AttachAll() {
  if (!g_process.fork_handler) {
    g_process.fork_handler = os::OnForkInChild(&ForgetSessionsInChild);
  }
  AttachConnection connection;
  const unsigned platforms = connection.Connect(g_process.waited ? 0 : kPatienceMs);
  g_process.waited = true;
  for (unsigned i = 0; i < platforms; ++i) {
    Attachment attachment;
    if (!connection.Open(i, &attachment)) {
      continue;
    }
    Session* session = Session::Open(attachment, i, g_process.parents[i]);
    if (session == nullptr) {
      DebugLog("cannot open a session", "its executor gave no description");
      Discard(attachment);
      continue;
    }
    g_process.sessions[g_process.count++] = session;
  }
}

}  // namespace

std::span<Session* const> Sessions() {
  const wire::FutexLock lock(g_process.mutex);
  if (g_process.count == 0) {
    AttachAll();
  }
  return {g_process.sessions, g_process.count};
}

Session* SessionOf(cl_platform_id platform) {
  const std::span<Session* const> sessions = Sessions();
  if (platform == nullptr) {
    return sessions.empty() ? nullptr : sessions[0];
  }
  if (!IsValid(platform)) {
    return nullptr;
  }
  ReviveAfterFork(platform);
  return platform->session;
}

void ReviveAfterFork(const Object* object) {
  if (object->session->forked()) {
    Sessions();
  }
}

void DebugLog(const char* what, const char* detail) {
  const char* wanted = std::getenv("FLEXAI_DEBUG");
  if (wanted == nullptr || wanted[0] != '1') {
    return;
  }
  char line[512] = "flexai: ";
  size_t used = std::strlen(line);
  for (const char* part : {what, ": ", detail, "\n"}) {
    const size_t length = std::strlen(part);
    const size_t room = sizeof(line) - used;
    const size_t taken = length < room ? length : room;
    std::memcpy(line + used, part, taken);
    used += taken;
  }
  os::WriteStderr(line, used);
}

}  // namespace flexai::shim
