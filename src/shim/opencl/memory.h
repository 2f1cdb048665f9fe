// Checks and steps that buffers, images and pipes share.
#pragma once

#include "shim/opencl/objects.h"

namespace flexai::shim {

// The rules about cl_mem_flags and host_ptr of clCreateBuffer and clCreateImage. CL_INVALID_VALUE or
// CL_INVALID_HOST_PTR.
cl_int CheckMemoryFlags(cl_mem_flags flags, const void* host_ptr);
// What CL_MEM_FLAGS answers: the flags as they were given, or the default where none were.
inline cl_mem_flags EffectiveFlags(cl_mem_flags flags) {
  return flags == 0 ? cl_mem_flags{CL_MEM_READ_WRITE} : flags;
}
// The rules about flags of something made from `parent` (a sub-buffer, an image from a buffer), which
// inherits what `flags` does not say. CL_INVALID_VALUE if they contradict.
cl_int InheritFlags(const Memory* parent, cl_mem_flags flags, cl_mem_flags* inherited);
// What of the flags crosses to the executor.
inline cl_mem_flags SentFlags(cl_mem_flags flags) {
  return flags & ~cl_mem_flags{CL_MEM_USE_HOST_PTR | CL_MEM_ALLOC_HOST_PTR | CL_MEM_COPY_HOST_PTR};
}
// No property of memory objects is known to us: only an empty list is accepted. CL_INVALID_PROPERTY.
cl_int CheckMemoryProperties(const cl_mem_properties* properties);

// Arena memory for an object or a staging area; waits for released objects to go if there is no room at once.
ArenaRange AllocateArena(Session* session, uint64_t bytes, uint64_t alignment = 64);
// Makes an object of the quota's memory by a call; where the quota is full, when released objects have gone.
template <class Send>
cl_int CallForMemory(Session* session, const Send& send) {
  cl_int status = send();
  while (status == CL_MEM_OBJECT_ALLOCATION_FAILURE && !session->lost() &&
         session->deferred().WaitForRelease()) {
    status = send();
  }
  return status;
}

// Whether `memory` is a buffer, alive. And an image.
inline bool IsBuffer(const Memory* memory) { return IsValid(memory) && memory->is_buffer(); }
inline bool IsImage(const Memory* memory) { return IsValid(memory) && memory->is_image(); }

}  // namespace flexai::shim
