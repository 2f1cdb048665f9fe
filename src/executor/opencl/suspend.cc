#include "executor/opencl/suspend.h"

#include <fmt/format.h>

#include "api/opencl/dispatch.h"

namespace flexai::executor::opencl {
namespace {

// A native queue for one transfer after another.
class TransferQueue {
 public:
  explicit TransferQueue(const Context& context) : api_(context.api()) {
    cl_int status = CL_SUCCESS;
    queue_ = api_.clCreateCommandQueue(context.native(), context.devices().front()->native(), 0, &status);
  }
  TransferQueue(const TransferQueue&) = delete;
  TransferQueue& operator=(const TransferQueue&) = delete;
  ~TransferQueue() {
    if (queue_ != nullptr) {
      api_.clReleaseCommandQueue(queue_);
    }
  }

  bool Read(const Memory& memory, std::vector<std::byte>* bytes) const {
    if (!memory.is_image()) {
      bytes->resize(memory.size);
      return queue_ != nullptr && api_.clEnqueueReadBuffer(queue_, memory.native(), CL_TRUE, 0, bytes->size(),
                                                           bytes->data(), 0, nullptr, nullptr) == CL_SUCCESS;
    }
    const Extent extent = ExtentOf(memory);
    bytes->resize(extent.bytes);
    return queue_ != nullptr &&
           api_.clEnqueueReadImage(queue_, memory.native(), CL_TRUE, extent.origin, extent.region, 0, 0,
                                   bytes->data(), 0, nullptr, nullptr) == CL_SUCCESS;
  }

  bool Write(const Memory& memory, const std::vector<std::byte>& bytes) const {
    if (!memory.is_image()) {
      return queue_ != nullptr && bytes.size() == memory.size &&
             api_.clEnqueueWriteBuffer(queue_, memory.native(), CL_TRUE, 0, bytes.size(), bytes.data(), 0,
                                       nullptr, nullptr) == CL_SUCCESS;
    }
    const Extent extent = ExtentOf(memory);
    return queue_ != nullptr && bytes.size() == extent.bytes &&
           api_.clEnqueueWriteImage(queue_, memory.native(), CL_TRUE, extent.origin, extent.region, 0, 0,
                                    bytes.data(), 0, nullptr, nullptr) == CL_SUCCESS;
  }

 private:
  struct Extent {
    size_t origin[3] = {0, 0, 0};
    size_t region[3] = {1, 1, 1};
    size_t bytes = 0;
  };

  Extent ExtentOf(const Memory& memory) const {
    const auto number = [&](cl_image_info parameter) {
      size_t value = 0;
      (void)api_.clGetImageInfo(memory.native(), parameter, sizeof value, &value, nullptr);
      return value;
    };
    cl_mem_object_type type = 0;
    (void)api_.clGetMemObjectInfo(memory.native(), CL_MEM_TYPE, sizeof type, &type, nullptr);
    Extent extent;
    extent.region[0] = number(CL_IMAGE_WIDTH);
    if (type == CL_MEM_OBJECT_IMAGE1D_ARRAY) {
      extent.region[1] = number(CL_IMAGE_ARRAY_SIZE);
    } else if (type != CL_MEM_OBJECT_IMAGE1D && type != CL_MEM_OBJECT_IMAGE1D_BUFFER) {
      extent.region[1] = number(CL_IMAGE_HEIGHT);
    }
    if (type == CL_MEM_OBJECT_IMAGE3D) {
      extent.region[2] = number(CL_IMAGE_DEPTH);
    } else if (type == CL_MEM_OBJECT_IMAGE2D_ARRAY) {
      extent.region[2] = number(CL_IMAGE_ARRAY_SIZE);
    }
    extent.bytes = extent.region[0] * extent.region[1] * extent.region[2] * memory.element_bytes;
    return extent;
  }

  const Api& api_;
  cl_command_queue queue_ = nullptr;
};

// Contents that are neither in the arena nor a view of another object's.
bool HasOwnContents(const Memory& memory) {
  return memory.storage == nullptr && memory.parent() == nullptr && memory.kind() != ObjectKind::kPipe;
}

// Whether the session goes on if the device refuses a frame of its record: the application was not told of a
// refusal the first time either, and has a program that can't be built; or the frame names an object that was
// let go since, and the application has to name another before it goes on.
bool MayBeRefused(uint16_t call) {
  using flexai::opencl::Call;
  return call == static_cast<uint16_t>(Call::kCreateProgramWithSource) ||
         call == static_cast<uint16_t>(Call::kSetKernelArg) ||
         call == static_cast<uint16_t>(Call::kSetDefaultDeviceQueue);
}

class Replayer {
 public:
  Replayer(Handler& handler, BuildWorker& builds, Recorder* recorder)
      : handler_(handler), builds_(builds), recorder_(recorder) {}

  Status Replay(const RecordedFrame& frame) {
    wire::FrameHeader header{};
    header.call = frame.call;
    header.sequence = frame.sequence;
    header.reply_slot = wire::kNoSlot;
    handler_.ClearStatus();
    if (!flexai::opencl::Dispatch(handler_, header, frame.body) || !handler_.violated().empty()) {
      return InvalidArgument(
          fmt::format("the record of the session holds a broken {}", flexai::opencl::CallName(frame.call)));
    }
    const bool refused = handler_.status() != CL_SUCCESS;
    if (refused && !MayBeRefused(frame.call)) {
      return Unavailable(fmt::format("the device does not do {} of the session's record again: error {}",
                                     flexai::opencl::CallName(frame.call), handler_.status()));
    }
    builds_.Drain();
    recorder_->Readmit(frame, refused, handler_.objects());
    return {};
  }

 private:
  Handler& handler_;
  BuildWorker& builds_;
  Recorder* recorder_;
};

}  // namespace

Result<SessionImage> CaptureSession(const ObjectTable& objects, const LiveRecord& record) {
  SessionImage image;
  for (const RecordedFrame* frame : record.Frames()) {
    image.frames.push_back(*frame);
  }
  image.released = record.Released();
  Status status;
  objects.ForEach<Event>([&](const Event& event) {
    if (event.command()->done() && !record.Contains(event.id())) {  // else a user event, made by its frame
      image.events.push_back({event.id(), event.context().id(), event.command()->status});
    }
  });
  objects.ForEach<Memory>([&](const Memory& memory) {
    if (!HasOwnContents(memory)) {
      return;
    }
    SessionImage::MemoryImage contents{memory.id(), {}};
    if (!TransferQueue(memory.context()).Read(memory, &contents.bytes)) {
      status =
          Unavailable(fmt::format("the device does not give back the contents of object {}", memory.id()));
    }
    image.memory.push_back(std::move(contents));
  });
  if (!status.ok()) {
    return status;
  }
  return image;
}

Status RestoreSession(const SessionImage& image, Handler& handler, BuildWorker& builds, Recorder* recorder) {
  Replayer replayer(handler, builds, recorder);
  for (const RecordedFrame& frame : image.frames) {
    FLEXAI_RETURN_IF_ERROR(replayer.Replay(frame));
  }
  for (const SessionImage::EndedEvent& event : image.events) {
    handler.AdoptEndedEvent(event.id, event.context, event.status);
  }
  if (!handler.violated().empty()) {
    return InvalidArgument(fmt::format("the image of the session is malformed: {}", handler.violated()));
  }
  for (const SessionImage::MemoryImage& contents : image.memory) {
    const Memory* memory = handler.objects().Find<Memory>(contents.id);
    if (memory == nullptr || !TransferQueue(memory->context()).Write(*memory, contents.bytes)) {
      return Unavailable(fmt::format("the device does not take the contents of object {}", contents.id));
    }
  }
  for (const uint64_t id : image.released) {
    if (Object* object = handler.objects().Remove(id); object != nullptr) {
      object->Drop();
    }
    recorder->Release(id);
  }
  return {};
}

}  // namespace flexai::executor::opencl
