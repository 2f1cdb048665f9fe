// Events: waiting, status, times, callbacks, user events.
#include "shim/opencl/event.h"

#include "os/futex.h"
#include "shim/opencl/enqueue.h"
#include "shim/opencl/info.h"

namespace flexai::shim {

namespace {

using EventCallback = void(CL_CALLBACK*)(cl_event, cl_int, void*);

Event* MakeEvent(Session* session, cl_command_type type, cl_int status) {
  auto* event = New<Event>(session, session->NewId());
  if (event == nullptr) {
    return nullptr;
  }
  event->slot = session->slots().Allocate(status);
  if (event->slot == wire::kNoSlot) {
    Delete(event);
    return nullptr;
  }
  event->type = type;
  return event;
}

void FireEventCallback(Watch* watch, cl_int status) {
  auto* event = static_cast<Event*>(watch->object);
  reinterpret_cast<EventCallback>(watch->function)(event, status, watch->user_data);
  Drop(event);
}

cl_int ProfilingValue(const Event* event, cl_profiling_info parameter, const InfoTarget& target) {
  const wire::StatusSlot& slot = event->session->status(event->slot);
  switch (parameter) {
    case CL_PROFILING_COMMAND_QUEUED:
      return target.Value(cl_ulong{slot.queued_ns});
    case CL_PROFILING_COMMAND_SUBMIT:
      return target.Value(cl_ulong{slot.submit_ns});
    case CL_PROFILING_COMMAND_START:
      return target.Value(cl_ulong{slot.start_ns});
    case CL_PROFILING_COMMAND_END:
    case CL_PROFILING_COMMAND_COMPLETE:
      return target.Value(cl_ulong{slot.end_ns});
    default:
      return CL_INVALID_VALUE;
  }
}

}  // namespace

Event* MakeCommandEvent(Queue* queue, cl_command_type type) {
  Event* event = MakeEvent(queue->session, type, CL_QUEUED);
  if (event != nullptr) {
    Hold(queue);
    event->queue = queue;
    event->context = queue->context;
  }
  return event;
}

void DestroyEvent(Event* event) {
  Session* session = event->session;
  // A command event that was never sent has no number, and the executor knows nothing of it.
  const bool sent = event->sequence != 0;
  uint64_t released = 0;
  if (sent) {
    released = session->SendRelease(event->id);
  }
  if (!session->lost()) {
    // The executor writes to a user event's slot when it hears of its status, and to others until they end.
    const bool ended = event->queue != nullptr &&
                       session->status(event->slot).status.load(std::memory_order_acquire) <= CL_COMPLETE;
    session->slots().Free(event->slot, !sent || ended, released);
  }
  Object* parent = event->queue != nullptr ? static_cast<Object*>(event->queue) : event->context;
  event->kind = Kind::kDead;
  Delete(event);
  Drop(parent);
}

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clWaitForEvents(cl_uint num_events, const cl_event* event_list) {
  if (num_events == 0 || event_list == nullptr) {
    return CL_INVALID_VALUE;
  }
  for (cl_uint i = 0; i < num_events; ++i) {
    if (!IsValid(event_list[i])) {
      return CL_INVALID_EVENT;
    }
    if (event_list[i]->context != event_list[0]->context) {
      return CL_INVALID_CONTEXT;
    }
  }
  if (IsLost(event_list[0])) {
    return CL_OUT_OF_RESOURCES;
  }
  const cl_int status = WaitForAll(num_events, event_list);
  if (status != CL_SUCCESS || event_list[0]->queue == nullptr) {
    return status;
  }
  return TakeLateError(event_list[0]->queue);
}

cl_int CL_API_CALL clGetEventInfo(cl_event event, cl_event_info param_name, size_t param_value_size,
                                  void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(event)) {
    return CL_INVALID_EVENT;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_EVENT_COMMAND_QUEUE:
      return target.Value(event->queue);
    case CL_EVENT_CONTEXT:
      return target.Value(event->context);
    case CL_EVENT_COMMAND_TYPE:
      return target.Value(event->type);
    case CL_EVENT_REFERENCE_COUNT:
      return target.Value(cl_uint{event->references()});
    case CL_EVENT_COMMAND_EXECUTION_STATUS: {
      if (IsLost(event)) {
        return CL_OUT_OF_RESOURCES;
      }
      const cl_int status = event->Status();
      if (status <= CL_COMPLETE) {
        event->session->deferred().Settle(event);
      } else if (event->session->channel().ExecutorEnded()) {
        return CL_OUT_OF_RESOURCES;  // who asks in a loop must come to know
      }
      return target.Value(status);
    }
    default:
      return CL_INVALID_VALUE;
  }
}

cl_int CL_API_CALL clRetainEvent(cl_event event) {
  if (!IsValid(event)) {
    return CL_INVALID_EVENT;
  }
  Retain(event);
  return CL_SUCCESS;
}

cl_int CL_API_CALL clReleaseEvent(cl_event event) {
  return IsValid(event) && Release(event) ? CL_SUCCESS : CL_INVALID_EVENT;
}

cl_int CL_API_CALL clGetEventProfilingInfo(cl_event event, cl_profiling_info param_name,
                                           size_t param_value_size, void* param_value,
                                           size_t* param_value_size_ret) {
  if (!IsValid(event)) {
    return CL_INVALID_EVENT;
  }
  if (event->queue == nullptr || (event->queue->flags & CL_QUEUE_PROFILING_ENABLE) == 0 ||
      event->Status() != CL_COMPLETE) {
    return CL_PROFILING_INFO_NOT_AVAILABLE;
  }
  if (IsLost(event)) {
    return CL_OUT_OF_RESOURCES;
  }
  // A command whose work the shim did itself is over before the executor has put its times down.
  if (event->session->WaitStatus(event->slot, CL_COMPLETE) != CL_COMPLETE) {
    return CL_OUT_OF_RESOURCES;
  }
  event->session->deferred().Settle(event);
  return ProfilingValue(event, param_name, {param_value_size, param_value, param_value_size_ret});
}

cl_int CL_API_CALL clSetEventCallback(cl_event event, cl_int command_exec_callback_type,
                                      EventCallback pfn_notify, void* user_data) {
  if (!IsValid(event)) {
    return CL_INVALID_EVENT;
  }
  if (pfn_notify == nullptr ||
      (command_exec_callback_type != CL_SUBMITTED && command_exec_callback_type != CL_RUNNING &&
       command_exec_callback_type != CL_COMPLETE)) {
    return CL_INVALID_VALUE;
  }
  if (event->session->forked()) {
    return CL_OUT_OF_RESOURCES;
  }
  auto* watch = New<Watch>();
  if (watch == nullptr) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  watch->slot = event->slot;
  watch->threshold = command_exec_callback_type;
  watch->fire = &FireEventCallback;
  watch->object = event;
  watch->function = reinterpret_cast<void (*)()>(pfn_notify);
  watch->user_data = user_data;
  Hold(event);
  if (!event->session->notifier().Add(watch)) {
    Delete(watch);
    Drop(event);
    return CL_OUT_OF_RESOURCES;
  }
  return CL_SUCCESS;
}

cl_event CL_API_CALL clCreateUserEvent(cl_context context, cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  Session* session = context->session;
  if (session->lost()) {
    return Failure(CL_OUT_OF_RESOURCES, errcode_ret);
  }
  Event* event = MakeEvent(session, CL_COMMAND_USER, CL_SUBMITTED);
  if (event == nullptr) {
    return Failure(CL_OUT_OF_RESOURCES, errcode_ret);
  }
  Hold(context);
  event->context = context;
  flexai::opencl::CreateUserEvent message;
  message.event = event->id;
  message.context = context->id;
  message.slot = event->slot;
  const cl_int status = session->Send(message, &event->sequence);
  if (status != CL_SUCCESS) {
    Release(event);
    return Failure(status, errcode_ret);
  }
  return Success(event, errcode_ret);
}

cl_int CL_API_CALL clSetUserEventStatus(cl_event event, cl_int execution_status) {
  if (!IsValid(event) || event->queue != nullptr) {
    return CL_INVALID_EVENT;
  }
  if (execution_status > CL_COMPLETE) {
    return CL_INVALID_VALUE;
  }
  if (IsLost(event)) {
    return CL_OUT_OF_RESOURCES;
  }
  int32_t unset = kNotSettled;
  if (!event->settled.compare_exchange_strong(unset, execution_status, std::memory_order_acq_rel)) {
    return CL_INVALID_OPERATION;
  }
  Session* session = event->session;
  flexai::opencl::SetUserEventStatus message;
  message.event = event->id;
  message.status = execution_status;
  const cl_int status = session->Send(message);
  // Our own waiters need not wait for the executor to say it back.
  flexai::wire::StatusSlot& slot = session->status(event->slot);
  slot.status.store(execution_status, std::memory_order_seq_cst);
  slot.word.fetch_add(1, std::memory_order_seq_cst);
  flexai::os::FutexWake(slot.word);
  if (slot.notify.load(std::memory_order_seq_cst) != 0) {
    session->notifier().Poke();
  }
  return status;
}

}  // extern "C"
