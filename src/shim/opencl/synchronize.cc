// clFlush, clFinish, markers and barriers.
#include "shim/opencl/enqueue.h"

namespace flexai::shim {

namespace {

template <class Message>
cl_int EnqueueEmpty(cl_command_queue queue, cl_command_type type, cl_uint count, const cl_event* list,
                    cl_event* event) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  Command command(queue, type, count, list, event);
  cl_int status = command.Check();
  if (status == CL_SUCCESS) {
    Message message;
    status = command.Send(message);
  }
  return command.Done(status);
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clFlush(cl_command_queue queue) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  return IsLost(queue) ? CL_OUT_OF_RESOURCES : CL_SUCCESS;  // the executor starts whatever it can at once
}

cl_int CL_API_CALL clFinish(cl_command_queue queue) {
  return IsValid(queue) ? FinishQueue(queue) : CL_INVALID_COMMAND_QUEUE;
}

cl_int CL_API_CALL clEnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count, const cl_event* list,
                                               cl_event* event) {
  return EnqueueEmpty<flexai::opencl::EnqueueMarker>(queue, CL_COMMAND_MARKER, count, list, event);
}

cl_int CL_API_CALL clEnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint count, const cl_event* list,
                                                cl_event* event) {
  return EnqueueEmpty<flexai::opencl::EnqueueBarrier>(queue, CL_COMMAND_BARRIER, count, list, event);
}

cl_int CL_API_CALL clEnqueueMarker(cl_command_queue queue, cl_event* event) {
  if (IsValid(queue) && event == nullptr) {
    return CL_INVALID_VALUE;
  }
  return EnqueueEmpty<flexai::opencl::EnqueueMarker>(queue, CL_COMMAND_MARKER, 0, nullptr, event);
}

cl_int CL_API_CALL clEnqueueBarrier(cl_command_queue queue) {
  return EnqueueEmpty<flexai::opencl::EnqueueBarrier>(queue, CL_COMMAND_BARRIER, 0, nullptr, nullptr);
}

cl_int CL_API_CALL clEnqueueWaitForEvents(cl_command_queue queue, cl_uint num_events, const cl_event* list) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (num_events == 0 || list == nullptr) {
    return CL_INVALID_VALUE;
  }
  for (cl_uint i = 0; i < num_events; ++i) {
    if (!IsValid(list[i])) {
      return CL_INVALID_EVENT;
    }
  }
  return EnqueueEmpty<flexai::opencl::EnqueueBarrier>(queue, CL_COMMAND_BARRIER, num_events, list, nullptr);
}

}  // extern "C"
