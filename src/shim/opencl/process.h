// The sessions of this process: one per vendor platform, made at the first call that asks for platforms.
//
// A forked child has none until it asks itself. Thread safety: any thread.
#pragma once

#include <span>

#include "shim/opencl/session.h"

namespace flexai::shim {

inline constexpr unsigned kMaxPlatforms = 16;

// The sessions, attaching first if need be; empty where there is no flexaid or nothing to use.
std::span<Session* const> Sessions();

// The session a platform handle stands for; for a null handle the first one. Null if the handle is not ours.
Session* SessionOf(cl_platform_id platform);

// In a forked child, gives a platform or device of the parent's the session of this process, attaching if
// need be.
void ReviveAfterFork(const Object* object);

// Writes a line to stderr if FLEXAI_DEBUG=1; a shim says nothing in its host otherwise.
void DebugLog(const char* what, const char* detail);

}  // namespace flexai::shim
