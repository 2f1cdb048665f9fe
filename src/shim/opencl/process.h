// The sessions of this process, one per device, and the platforms and devices that the application sees of
// them. They are made at the first call that asks for platforms.
//
// A forked child has none until it asks itself. Thread safety: any thread.
#pragma once

#include <span>

#include "shim/opencl/objects.h"
#include "shim/opencl/session.h"
#include "wire/attach.h"

namespace flexai::shim {

// There is a vXPU in each session, and none is in two of them.
inline constexpr unsigned kMaxSessions = wire::kMaxVxpusPerSession;
inline constexpr unsigned kMaxDevices = kMaxSessions * wire::kMaxVxpusPerSession;

// The sessions, attaching first if need be; empty where there is no flexaid or nothing to use.
std::span<Session* const> Sessions();

// The devices of all sessions in the order of FLEXAI_VXPUS, attaching first if need be.
std::span<Device* const> Devices();

// The platform that a handle stands for, attaching if need be; for a null handle the first one. Null if the
// handle is not ours.
Platform* PlatformOf(cl_platform_id handle);

inline bool IsOf(const Device* device, const Platform* platform) {
  return device->session->platform() == platform;
}

// In a forked child, gives a platform or device of the parent's the session of this process, attaching if
// need be.
void ReviveAfterFork(const Object* object);

// Writes a line to stderr if FLEXAI_DEBUG=1; a shim says nothing in its host otherwise.
void DebugLog(const char* what, const char* detail);

}  // namespace flexai::shim
