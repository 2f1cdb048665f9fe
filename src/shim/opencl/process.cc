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
  Session* sessions[kMaxSessions] = {};
  unsigned count = 0;
  Device* devices[kMaxDevices] = {};
  unsigned device_count = 0;
  Session* parents[kMaxSessions] = {};     // by session index, of the process this one was forked from
  Platform* platforms[kMaxSessions] = {};  // by Attachment::platform; a child's are its parent's
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
  g_process.device_count = 0;
  g_process.waited = false;
}

void ListDevices() {
  for (unsigned position = 0; position < wire::kMaxVxpusPerSession; ++position) {
    for (unsigned i = 0; i < g_process.count; ++i) {
      if (Device* device = g_process.sessions[i]->DeviceAt(position); device != nullptr) {
        g_process.devices[g_process.device_count++] = device;
      }
    }
  }
}

void AttachAll() {
  if (!g_process.fork_handler) {
    g_process.fork_handler = os::OnForkInChild(&ForgetSessionsInChild);
  }
  AttachConnection connection;
  const unsigned sessions = connection.Connect(g_process.waited ? 0 : kPatienceMs);
  g_process.waited = true;
  for (unsigned i = 0; i < sessions; ++i) {
    Attachment attachment;
    if (!connection.Open(i, &attachment)) {
      continue;
    }
    Platform*& platform = g_process.platforms[attachment.platform];
    if (platform == nullptr) {
      platform = New<Platform>();
    }
    Session* session = Session::Open(attachment, platform, i, g_process.parents[i]);
    if (session == nullptr) {
      DebugLog("cannot open a session", "its executor gave no description");
      Discard(attachment);
      continue;
    }
    g_process.sessions[g_process.count++] = session;
  }
  ListDevices();
}

void AttachOnce() {
  if (g_process.count == 0) {
    AttachAll();
  }
}

}  // namespace

std::span<Session* const> Sessions() {
  const wire::FutexLock lock(g_process.mutex);
  AttachOnce();
  return {g_process.sessions, g_process.count};
}

std::span<Device* const> Devices() {
  const wire::FutexLock lock(g_process.mutex);
  AttachOnce();
  return {g_process.devices, g_process.device_count};
}

Platform* PlatformOf(cl_platform_id handle) {
  const std::span<Session* const> sessions = Sessions();
  if (handle == nullptr) {
    return sessions.empty() ? nullptr : sessions[0]->platform();
  }
  return IsValid(handle) ? handle : nullptr;
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
