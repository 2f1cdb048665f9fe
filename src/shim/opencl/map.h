// What mapping buffers and mapping images share.
#pragma once

#include "shim/opencl/enqueue.h"
#include "shim/opencl/memory.h"

namespace flexai::shim {

// The rules about map flags. CL_INVALID_VALUE or, against the object's host access, CL_INVALID_OPERATION.
cl_int CheckMapFlags(const Memory* memory, cl_map_flags flags);

// Copies the contents to where the application's pointer points, if that is not where they stand.
void BringToHost(Memory* memory, const MappedRegion& map);

// After the map command was sent: waits for it, or leaves what is to be copied for later.
cl_int FollowMap(Memory* memory, const MappedRegion& map, bool blocking, Command* command);

// Notes the mapping at its object.
cl_int KeepMap(Memory* memory, const MappedRegion& map);

template <class Message>
cl_int SendMap(Message& message, Memory* memory, const MappedRegion& map, bool blocking, Command* command) {
  cl_int status = blocking ? command->MakeEvent() : CL_SUCCESS;
  if (status == CL_SUCCESS) {
    status = command->Send(message);
  }
  return status == CL_SUCCESS ? FollowMap(memory, map, blocking, command) : status;
}

}  // namespace flexai::shim
