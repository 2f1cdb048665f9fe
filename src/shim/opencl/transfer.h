// Moving bytes between a buffer and the application's memory.
//
// Where the buffer lives in the arena the shim copies itself whenever it can: at once if the queue is idle,
// else after waiting (blocking calls), else by way of a staging range that the executor fills or empties.
#pragma once

#include "shim/opencl/enqueue.h"
#include "shim/opencl/memory.h"

namespace flexai::shim {

// The 13 numbers of a rectangular transfer as they cross (opencl.api), and how many of them an image needs.
inline constexpr size_t kRectNumbers = 13;

struct BufferTransfer {
  Queue* queue = nullptr;
  Memory* buffer = nullptr;
  bool write = false;
  bool blocking = false;
  // From the first byte of the buffer that is touched to after the last.
  uint64_t offset = 0;
  uint64_t span = 0;
  HostLayout host;    // the application's side
  HostLayout inside;  // the buffer's side; `data` is set when it lives in the arena
  bool rect = false;
  uint64_t geometry[kRectNumbers] = {};  // with the host side packed
};

// Does the whole transfer; arguments are checked. The wait list is the command's.
cl_int RunTransfer(const BufferTransfer& transfer, Command* command);

// Waits for pending reads whose destination a write is about to read.
void SettleSource(Session* session, const HostLayout& source);

// Whether the queue has nothing to do, for all the shim knows. The caller holds the queue's mutex.
bool IsIdle(const Queue* queue);

// A rectangle of the application's memory or of a buffer: OpenCL's defaults for pitches and the rules about
// them.
struct RectSide {
  const size_t* origin = nullptr;
  size_t row_pitch = 0;
  size_t slice_pitch = 0;

  // Fills in the defaults. CL_INVALID_VALUE if a pitch does not fit the region.
  cl_int Resolve(const size_t* region);
  size_t FirstByte() const { return origin[2] * slice_pitch + origin[1] * row_pitch + origin[0]; }
  size_t Extent(const size_t* region) const {
    return (region[2] - 1) * slice_pitch + (region[1] - 1) * row_pitch + region[0];
  }
};

}  // namespace flexai::shim
