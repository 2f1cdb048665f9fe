// Keeps the record of live objects from the frames that a session handles.
#pragma once

#include "executor/opencl/handler.h"
#include "executor/record/live_record.h"
#include "wire/server_channel.h"

namespace flexai::executor::opencl {

class Recorder {
 public:
  // To be called for every frame that was handled, before the next one; `failed`: it was answered with an
  // error.
  void Observe(const wire::Frame& frame, bool failed, const Runtime& runtime, const ObjectTable& objects);
  // Forgets nothing that a session restored from `frame` needs: as Observe, for a frame that is a record
  // already.
  void Readmit(const RecordedFrame& frame, bool failed, const ObjectTable& objects);

  const LiveRecord& record() const { return record_; }
  void Release(uint64_t id) { record_.Destroy(id); }

 private:
  void Visit(uint64_t sequence, uint16_t call, std::span<const std::byte> body, bool failed,
             const ObjectTable& objects);

  LiveRecord record_;
};

}  // namespace flexai::executor::opencl
