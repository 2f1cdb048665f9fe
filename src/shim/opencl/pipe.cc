// Pipes: whether the device has any is the device's to say.
#include "shim/opencl/info.h"
#include "shim/opencl/memory.h"

using namespace flexai::shim;

extern "C" {

cl_mem CL_API_CALL clCreatePipe(cl_context context, cl_mem_flags flags, cl_uint pipe_packet_size,
                                cl_uint pipe_max_packets, const cl_pipe_properties* properties,
                                cl_int* errcode_ret) {
  if (!IsValid(context)) {
    return Failure(CL_INVALID_CONTEXT, errcode_ret);
  }
  constexpr cl_mem_flags kAllowed = CL_MEM_READ_WRITE | CL_MEM_HOST_NO_ACCESS;
  if ((flags & ~kAllowed) != 0 || properties != nullptr) {
    return Failure(CL_INVALID_VALUE, errcode_ret);
  }
  Session* session = context->session;
  auto* pipe = New<Memory>(session, session->NewId());
  if (pipe == nullptr) {
    return Failure(CL_OUT_OF_HOST_MEMORY, errcode_ret);
  }
  pipe->context = context;
  pipe->type = CL_MEM_OBJECT_PIPE;
  pipe->flags = flags == 0 ? cl_mem_flags{CL_MEM_READ_WRITE | CL_MEM_HOST_NO_ACCESS} : flags;
  pipe->packet_bytes = pipe_packet_size;
  pipe->max_packets = pipe_max_packets;
  pipe->size = size_t{pipe_packet_size} * pipe_max_packets;
  flexai::opencl::CreatePipe message;
  message.pipe = pipe->id;
  message.context = context->id;
  message.flags = flags;
  message.packet_bytes = pipe_packet_size;
  message.max_packets = pipe_max_packets;
  const cl_int status = session->Call(message);
  if (status != CL_SUCCESS) {
    Delete(pipe);
    return Failure(status, errcode_ret);
  }
  Hold(context);
  session->live_handles().Add(pipe);
  return Success(pipe, errcode_ret);
}

cl_int CL_API_CALL clGetPipeInfo(cl_mem pipe, cl_pipe_info param_name, size_t param_value_size,
                                 void* param_value, size_t* param_value_size_ret) {
  if (!IsValid(pipe) || pipe->type != CL_MEM_OBJECT_PIPE) {
    return CL_INVALID_MEM_OBJECT;
  }
  const InfoTarget target{param_value_size, param_value, param_value_size_ret};
  switch (param_name) {
    case CL_PIPE_PACKET_SIZE:
      return target.Value(pipe->packet_bytes);
    case CL_PIPE_MAX_PACKETS:
      return target.Value(pipe->max_packets);
    case CL_PIPE_PROPERTIES:
      return target.Bytes(nullptr, 0);
    default:
      return CL_INVALID_VALUE;
  }
}

}  // extern "C"
