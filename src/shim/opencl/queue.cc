// Command queues.
#include "shim/opencl/info.h"
#include "shim/opencl/objects.h"
#include "shim/opencl/query.h"

namespace flexai::shim {

namespace {

constexpr cl_command_queue_properties kHostFlags =
    CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_PROFILING_ENABLE;
constexpr cl_command_queue_properties kAllFlags =
    kHostFlags | CL_QUEUE_ON_DEVICE | CL_QUEUE_ON_DEVICE_DEFAULT;

struct QueueRequest {
  Context* context = nullptr;
  Device* device = nullptr;
  cl_command_queue_properties flags = 0;
  cl_uint size = 0;
};

// Reads the list into `request`; properties of extensions go to the device for its verdict.
cl_int ReadProperties(const cl_queue_properties* properties, QueueRequest* request) {
  for (size_t i = 0; properties != nullptr && properties[i] != 0; i += 2) {
    for (size_t j = 0; j < i; j += 2) {
      if (properties[j] == properties[i]) {
        return CL_INVALID_VALUE;
      }
    }
    switch (properties[i]) {
      case CL_QUEUE_PROPERTIES:
        request->flags = properties[i + 1];
        if ((request->flags & ~kAllFlags) != 0) {
          return CL_INVALID_VALUE;
        }
        break;
      case CL_QUEUE_SIZE:
        request->size = static_cast<cl_uint>(properties[i + 1]);
        break;
      default:
        break;
    }
  }
  const bool on_device = (request->flags & CL_QUEUE_ON_DEVICE) != 0;
  if ((request->flags & CL_QUEUE_ON_DEVICE_DEFAULT) != 0 && !on_device) {
    return CL_INVALID_VALUE;
  }
  if (on_device && (request->flags & CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) == 0) {
    return CL_INVALID_VALUE;
  }
  if (request->size != 0 && !on_device) {
    return CL_INVALID_VALUE;
  }
  return CL_SUCCESS;
}

// `sent` with its terminator is what the executor gets; `properties` what the application asked for, or null.
Queue* MakeQueue(const QueueRequest& request, const cl_queue_properties* properties,
                 std::span<const uint64_t> sent, cl_int* status) {
  Session* session = request.context->session;
  auto* queue = New<Queue>(session, session->NewId());
  *status = CL_OUT_OF_HOST_MEMORY;
  if (queue == nullptr || !CopyProperties(properties, &queue->properties)) {
    Delete(queue);
    return nullptr;
  }
  queue->has_properties = properties != nullptr;
  queue->context = request.context;
  queue->device = request.device;
  queue->flags = request.flags;
  queue->queue_size = request.size;
  queue->slot = session->lost() ? wire::kNoSlot : session->slots().Allocate(0);
  if (queue->slot == wire::kNoSlot) {
    Delete(queue);
    *status = CL_OUT_OF_RESOURCES;
    return nullptr;
  }
  opencl::CreateQueue message;
  message.queue = queue->id;
  message.context = request.context->id;
  message.device = request.device->id;
  message.properties = sent;
  message.slot = queue->slot;
  *status = session->Call(message);
  if (*status != CL_SUCCESS) {
    session->slots().Free(queue->slot, true, 0);
    Delete(queue);
    return nullptr;
  }
  Hold(request.context);
  Hold(request.device);
  session->live_handles().Add(queue);
  return queue;
}

// Properties that the device does not have; asked for all the same, some drivers abort.
cl_int CheckSupport(const QueueRequest& request) {
  const bool on_device = (request.flags & CL_QUEUE_ON_DEVICE) != 0;
  const cl_command_queue_properties supported =
      on_device ? request.device->device_queue_flags : request.device->host_queue_flags;
  const cl_command_queue_properties wanted = request.flags & kHostFlags;
  if ((wanted & ~supported) != 0 || (on_device && supported == 0)) {
    return CL_INVALID_QUEUE_PROPERTIES;
  }
  return CL_SUCCESS;
}

cl_int CheckTarget(cl_context context, cl_device_id device) {
  if (!IsValid(context)) {
    return CL_INVALID_CONTEXT;
  }
  if (!IsValid(device) || !context->Has(device)) {
    return CL_INVALID_DEVICE;
  }
  return CL_SUCCESS;
}

}  // namespace

void DestroyQueue(Queue* queue) {
  Session* session = queue->session;
  session->live_handles().Remove(queue);
  const uint64_t released = session->SendRelease(queue->id);
  session->slots().Free(queue->slot, false, released);
  Drop(queue->device);
  Drop(queue->context);
  queue->kind = Kind::kDead;
  Delete(queue);
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_command_queue CL_API_CALL clCreateCommandQueue(cl_context context, cl_device_id device,
                                                  cl_command_queue_properties properties,
                                                  cl_int* errcode_ret) {
  cl_int status = CheckTarget(context, device);
  if (status == CL_SUCCESS && (properties & ~kHostFlags) != 0) {
    status = CL_INVALID_VALUE;
  }
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  const QueueRequest request{context, device, properties, 0};
  const uint64_t sent[] = {CL_QUEUE_PROPERTIES, properties, 0};
  status = CheckSupport(request);
  Queue* queue = status == CL_SUCCESS ? MakeQueue(request, nullptr, sent, &status) : nullptr;
  return queue != nullptr ? Success(queue, errcode_ret) : Failure(status, errcode_ret);
}

cl_command_queue CL_API_CALL clCreateCommandQueueWithProperties(cl_context context, cl_device_id device,
                                                                const cl_queue_properties* properties,
                                                                cl_int* errcode_ret) {
  QueueRequest request{context, device, 0, 0};
  cl_int status = CheckTarget(context, device);
  if (status == CL_SUCCESS) {
    status = ReadProperties(properties, &request);
  }
  if (status == CL_SUCCESS) {
    status = CheckSupport(request);
  }
  if (status != CL_SUCCESS) {
    return Failure(status, errcode_ret);
  }
  ShortArray<uint64_t, 16> sent;
  size_t count = 0;
  while (properties != nullptr && properties[count] != 0) {
    count += 2;
  }
  if (!sent.Reserve(count + 1)) {
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  for (size_t i = 0; i < count; ++i) {
    sent.Push(properties[i]);
  }
  sent.Push(0);
  Queue* queue = MakeQueue(request, properties, sent.span(), &status);
  return queue != nullptr ? Success(queue, errcode_ret) : Failure(status, errcode_ret);
}

cl_int CL_API_CALL clRetainCommandQueue(cl_command_queue queue) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  Retain(queue);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseCommandQueue(cl_command_queue queue) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  queue->session->deferred().Settle();
  return Release(queue) ? CL_SUCCESS : CL_INVALID_COMMAND_QUEUE;
}

cl_int CL_API_CALL clGetCommandQueueInfo(cl_command_queue queue, cl_command_queue_info param_name,
                                         size_t param_value_size, void* param_value,
                                         size_t* param_value_size_ret) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_QUEUE_CONTEXT:
      return target.Value(queue->context);
    case CL_QUEUE_DEVICE:
      return target.Value(queue->device);
    case CL_QUEUE_REFERENCE_COUNT:
      return target.Value(cl_uint{queue->references()});
    case CL_QUEUE_PROPERTIES:
      return target.Value(queue->flags);
    case CL_QUEUE_SIZE:
      if ((queue->flags & CL_QUEUE_ON_DEVICE) == 0) {
        return CL_INVALID_COMMAND_QUEUE;
      }
      return target.Value(queue->queue_size);
    case CL_QUEUE_PROPERTIES_ARRAY:
      return target.List(queue->properties.data(), queue->properties.size());
    default:
      break;
  }
  InfoQuery query;
  query.function = FLEXAI_FUNCTION_INDEX(clGetCommandQueueInfo);
  query.object = queue->id;
  query.parameter = param_name;
  return query.Answer(queue->session, target);
}

cl_int CL_API_CALL clSetCommandQueueProperty(cl_command_queue queue, cl_command_queue_properties, cl_bool,
                                             cl_command_queue_properties*) {
  return IsValid(queue) ? CL_INVALID_OPERATION : CL_INVALID_COMMAND_QUEUE;
}

cl_int CL_API_CALL clSetDefaultDeviceCommandQueue(cl_context context, cl_device_id device,
                                                  cl_command_queue queue) {
  const cl_int status = CheckTarget(context, device);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!IsValid(queue) || queue->context != context || queue->device != device ||
      (queue->flags & CL_QUEUE_ON_DEVICE) == 0) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  flexai::opencl::SetDefaultDeviceQueue message;
  message.context = context->id;
  message.device = device->id;
  message.queue = queue->id;
  return queue->session->Call(message);
}

}  // extern "C"
