// A session at rest written down, and made again in another executor.
//
// At rest: no command of any queue is unfinished, no program is being built and no reply waits to be fetched.
// The arena's contents are not part of the image; they are handed over as they are.
#pragma once

#include "base/status.h"
#include "executor/opencl/build_worker.h"
#include "executor/opencl/handler.h"
#include "executor/opencl/recorder.h"
#include "executor/record/live_record.h"

namespace flexai::executor::opencl {

// Reads back what lies in the device's own memory.
Result<SessionImage> CaptureSession(const ObjectTable& objects, const LiveRecord& record);

// Makes the objects again, under the same names, in a session that has none yet.
Status RestoreSession(const SessionImage& image, Handler& handler, BuildWorker& builds, Recorder* recorder);

}  // namespace flexai::executor::opencl
