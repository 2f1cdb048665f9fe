// Devices, contexts, queues and user events.
#include "executor/opencl/handler.h"

namespace flexai::executor::opencl {
namespace {

// A context's properties as the driver wants them. The platform is the driver's own; properties that carry
// pointers or handles of other APIs can't come from another process.
std::vector<cl_context_properties> ContextProperties(const Runtime& runtime, std::span<const uint64_t> from) {
  std::vector<cl_context_properties> properties = {
      CL_CONTEXT_PLATFORM, reinterpret_cast<cl_context_properties>(runtime.platform.id)};
  for (size_t i = 0; i + 1 < from.size() && from[i] != 0; i += 2) {
    if (from[i] == CL_CONTEXT_INTEROP_USER_SYNC) {
      properties.push_back(CL_CONTEXT_INTEROP_USER_SYNC);
      properties.push_back(static_cast<cl_context_properties>(from[i + 1]));
    }
  }
  properties.push_back(0);
  return properties;
}

struct QueueShape {
  std::vector<cl_queue_properties> properties;
  cl_command_queue_properties bits = 0;
};

// The properties with profiling on: leases are counted by the device's timestamps.
QueueShape QueueProperties(std::span<const uint64_t> from) {
  QueueShape shape;
  for (size_t i = 0; i + 1 < from.size() && from[i] != 0; i += 2) {
    if (from[i] == CL_QUEUE_PROPERTIES) {
      shape.bits = from[i + 1];
    } else {
      shape.properties.push_back(from[i]);
      shape.properties.push_back(from[i + 1]);
    }
  }
  shape.properties.push_back(CL_QUEUE_PROPERTIES);
  shape.properties.push_back(shape.bits | CL_QUEUE_PROFILING_ENABLE);
  shape.properties.push_back(0);
  return shape;
}

cl_command_queue MakeQueue(const Runtime& runtime, cl_context context, cl_device_id device,
                           const QueueShape& shape, cl_int* status) {
  const Api& api = *runtime.api;
  const std::string version = device::opencl::DeviceText(runtime.platform, device, CL_DEVICE_VERSION);
  if (version.rfind("OpenCL 1", 0) == 0 || api.clCreateCommandQueueWithProperties == nullptr) {
    return api.clCreateCommandQueue(context, device, shape.bits | CL_QUEUE_PROFILING_ENABLE, status);
  }
  return api.clCreateCommandQueueWithProperties(context, device, shape.properties.data(), status);
}

}  // namespace

void Handler::On(const FrameHeader& header, const calls::CreateSubDevices& call) {
  Device* parent = Find<Device>(call.device);
  calls::CreateSubDevicesReply reply;
  reply.count = 0;
  if (parent == nullptr || call.capacity > 4096) {
    AnswerWith(header, parent == nullptr ? CL_INVALID_DEVICE : CL_INVALID_VALUE, reply);
    return;
  }
  std::vector<cl_device_partition_property> properties(call.properties.begin(), call.properties.end());
  properties.push_back(0);
  std::vector<cl_device_id> natives(call.capacity);
  cl_uint count = 0;
  const cl_int status = api().clCreateSubDevices(parent->native(), properties.data(), call.capacity,
                                                 natives.empty() ? nullptr : natives.data(), &count);
  reply.count = count;
  if (status == CL_SUCCESS) {
    for (uint32_t i = 0; i < count && i < natives.size(); ++i) {
      auto* device = new Device(runtime_, call.first_id + i, natives[i], parent->lane(), Ref<Device>(parent));
      if (!Adopt(device)) {
        return;
      }
    }
  }
  AnswerWith(header, status, reply);
}

void Handler::On(const FrameHeader& header, const calls::CreateContext& call) {
  std::vector<cl_device_id> natives;
  std::vector<Ref<Device>> devices;
  if (call.devices.empty() || !FindDevices(call.devices, &natives, &devices)) {
    Answer(header, call.devices.empty() ? CL_INVALID_VALUE : CL_INVALID_DEVICE);
    return;
  }
  const std::vector<cl_context_properties> properties = ContextProperties(runtime_, call.properties);
  cl_int status = CL_SUCCESS;
  cl_context native = api().clCreateContext(properties.data(), static_cast<cl_uint>(natives.size()),
                                            natives.data(), nullptr, nullptr, &status);
  if (native != nullptr && !Adopt(new Context(runtime_, call.context, native, std::move(devices)))) {
    return;
  }
  Answer(header, status);
}

void Handler::On(const FrameHeader& header, const calls::CreateQueue& call) {
  Context* context = Find<Context>(call.context);
  Device* device = Find<Device>(call.device);
  if (context == nullptr || device == nullptr || !context->Has(device)) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT : CL_INVALID_DEVICE);
    return;
  }
  const QueueShape shape = QueueProperties(call.properties);
  cl_int status = CL_SUCCESS;
  cl_command_queue native = MakeQueue(runtime_, context->native(), device->native(), shape, &status);
  if (native == nullptr) {
    Answer(header, status);
    return;
  }
  auto* queue = new Queue(runtime_, call.queue, native, Ref<Context>(context), Ref<Device>(device));
  queue->commands.in_order = (shape.bits & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0;
  queue->commands.slot = call.slot;
  queue->on_device = (shape.bits & CL_QUEUE_ON_DEVICE) != 0;
  if (!Adopt(queue)) {
    return;
  }
  if (!queue->on_device) {
    CalibrateDeviceClock(native);
  }
  Answer(header, CL_SUCCESS);
}

// How far the clock of the device's timestamps is from ours: a marker is stamped between two looks at our
// clock.
void Handler::CalibrateDeviceClock(cl_command_queue queue) {
  if (std::exchange(clock_calibrated_, true)) {
    return;
  }
  constexpr int64_t kSameClockNs = 1'000'000;
  constexpr int kTries =
      5;  // of which the shortest counts: a pause between the looks would be taken for an offset
  int64_t shortest = INT64_MAX;
  int64_t offset = 0;
  for (int i = 0; i < kTries; ++i) {
    const Nanos before = runtime_.graph->DeviceNow();
    cl_event marker = nullptr;
    if (api().clEnqueueMarkerWithWaitList(queue, 0, nullptr, &marker) != CL_SUCCESS) {
      return;
    }
    const int64_t taken = (runtime_.graph->DeviceNow() - before).value;
    cl_ulong queued = 0;
    if (api().clWaitForEvents(1, &marker) == CL_SUCCESS &&
        api().clGetEventProfilingInfo(marker, CL_PROFILING_COMMAND_QUEUED, sizeof queued, &queued, nullptr) ==
            CL_SUCCESS &&
        queued != 0 && taken < shortest) {
      shortest = taken;
      offset = static_cast<int64_t>(queued) - (before.value + taken / 2);
    }
    api().clReleaseEvent(marker);
  }
  runtime_.graph->set_device_offset({offset > -kSameClockNs && offset < kSameClockNs ? 0 : offset});
}

void Handler::On(const FrameHeader& header, const calls::SetDefaultDeviceQueue& call) {
  Context* context = Find<Context>(call.context);
  Device* device = Find<Device>(call.device);
  Queue* queue = Find<Queue>(call.queue);
  if (context == nullptr || device == nullptr || queue == nullptr) {
    Answer(header, context == nullptr ? CL_INVALID_CONTEXT
                                      : (device == nullptr ? CL_INVALID_DEVICE : CL_INVALID_COMMAND_QUEUE));
    return;
  }
  Answer(header,
         api().clSetDefaultDeviceCommandQueue == nullptr
             ? CL_INVALID_OPERATION
             : api().clSetDefaultDeviceCommandQueue(context->native(), device->native(), queue->native()));
}

void Handler::On(const FrameHeader& header, const calls::CreateUserEvent& call) {
  Context* context = Find<Context>(call.context);
  if (context == nullptr) {
    runtime_.channel->PublishEvent(call.slot, CL_INVALID_CONTEXT);
    Answer(header, CL_INVALID_CONTEXT);
    return;
  }
  auto* command = new QueuedCommand(runtime_, CommandKind::kHost);
  command->event_slot = call.slot;
  command->has_event = true;
  command->sequence = header.sequence;
  if (Adopt(new Event(runtime_, call.event, command, Ref<Context>(context)))) {
    runtime_.graph->Enqueue(command, {}, Graph::Ordering::kWaitList, false);
  }
}

void Handler::On(const FrameHeader&, const calls::SetUserEventStatus& call) {
  const Event* event = Find<Event>(call.event);
  if (event == nullptr || event->command()->queue != nullptr || call.status > 0) {
    return;
  }
  runtime_.graph->EndHost(event->command(), call.status);
}

}  // namespace flexai::executor::opencl
