// clEnqueueReadBuffer, clEnqueueWriteBuffer and their rectangular forms.
#include "shim/opencl/transfer.h"

namespace flexai::shim {

namespace {

struct TransferCall {
  cl_command_queue queue;
  cl_mem buffer;
  cl_bool blocking;
  const void* pointer;
  cl_uint wait_count;
  const cl_event* wait_list;
  cl_event* event;
  bool write;
};

cl_int CheckCall(const TransferCall& call) {
  if (!IsValid(call.queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsBuffer(call.buffer)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (call.buffer->context != call.queue->context) {
    return CL_INVALID_CONTEXT;
  }
  const cl_mem_flags refused =
      CL_MEM_HOST_NO_ACCESS | (call.write ? CL_MEM_HOST_READ_ONLY : CL_MEM_HOST_WRITE_ONLY);
  if ((call.buffer->flags & refused) != 0) {
    return CL_INVALID_OPERATION;
  }
  return call.pointer == nullptr ? CL_INVALID_VALUE : CL_SUCCESS;
}

BufferTransfer TransferOf(const TransferCall& call) {
  BufferTransfer transfer;
  transfer.queue = call.queue;
  transfer.buffer = call.buffer;
  transfer.write = call.write;
  transfer.blocking = call.blocking != CL_FALSE;
  return transfer;
}

cl_int RunLinear(const TransferCall& call, size_t offset, size_t size) {
  cl_int status = CheckCall(call);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (size == 0 || offset > call.buffer->size || size > call.buffer->size - offset) {
    return CL_INVALID_VALUE;
  }
  BufferTransfer transfer = TransferOf(call);
  transfer.offset = offset;
  transfer.span = size;
  transfer.host = HostLayout::Linear(call.pointer, size);
  if (call.buffer->in_arena()) {
    transfer.inside = HostLayout::Linear(call.buffer->data() + offset, size);
  }
  Command command(call.queue, call.write ? CL_COMMAND_WRITE_BUFFER : CL_COMMAND_READ_BUFFER, call.wait_count,
                  call.wait_list, call.event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    status = RunTransfer(transfer, &command);
  }
  return command.Done(status);
}

cl_int RunRect(const TransferCall& call, RectSide inside, RectSide host, const size_t* region) {
  cl_int status = CheckCall(call);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (inside.origin == nullptr || host.origin == nullptr || region == nullptr || region[0] == 0 ||
      region[1] == 0 || region[2] == 0) {
    return CL_INVALID_VALUE;
  }
  if (inside.Resolve(region) != CL_SUCCESS || host.Resolve(region) != CL_SUCCESS) {
    return CL_INVALID_VALUE;
  }
  BufferTransfer transfer = TransferOf(call);
  transfer.offset = inside.FirstByte();
  transfer.span = inside.Extent(region);
  if (transfer.offset > call.buffer->size || transfer.span > call.buffer->size - transfer.offset) {
    return CL_INVALID_VALUE;
  }
  auto* bytes = static_cast<std::byte*>(const_cast<void*>(call.pointer));
  transfer.host = {bytes + host.FirstByte(), region[0],       region[1], region[2],
                   host.row_pitch,           host.slice_pitch};
  if (call.buffer->in_arena()) {
    transfer.inside = {call.buffer->data() + transfer.offset,
                       region[0],
                       region[1],
                       region[2],
                       inside.row_pitch,
                       inside.slice_pitch};
  }
  transfer.rect = true;
  const uint64_t packed_row = region[0];
  const uint64_t numbers[kRectNumbers] = {inside.origin[0],
                                          inside.origin[1],
                                          inside.origin[2],
                                          0,
                                          0,
                                          0,
                                          region[0],
                                          region[1],
                                          region[2],
                                          inside.row_pitch,
                                          inside.slice_pitch,
                                          packed_row,
                                          packed_row * region[1]};
  for (size_t i = 0; i < kRectNumbers; ++i) {
    transfer.geometry[i] = numbers[i];
  }
  Command command(call.queue, call.write ? CL_COMMAND_WRITE_BUFFER_RECT : CL_COMMAND_READ_BUFFER_RECT,
                  call.wait_count, call.wait_list, call.event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    status = RunTransfer(transfer, &command);
  }
  return command.Done(status);
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking_read,
                                       size_t offset, size_t size, void* ptr, cl_uint count,
                                       const cl_event* list, cl_event* event) {
  return RunLinear({queue, buffer, blocking_read, ptr, count, list, event, false}, offset, size);
}

cl_int CL_API_CALL clEnqueueWriteBuffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking_write,
                                        size_t offset, size_t size, const void* ptr, cl_uint count,
                                        const cl_event* list, cl_event* event) {
  return RunLinear({queue, buffer, blocking_write, ptr, count, list, event, true}, offset, size);
}

cl_int CL_API_CALL clEnqueueReadBufferRect(cl_command_queue queue, cl_mem buffer, cl_bool blocking_read,
                                           const size_t* buffer_origin, const size_t* host_origin,
                                           const size_t* region, size_t buffer_row_pitch,
                                           size_t buffer_slice_pitch, size_t host_row_pitch,
                                           size_t host_slice_pitch, void* ptr, cl_uint count,
                                           const cl_event* list, cl_event* event) {
  return RunRect({queue, buffer, blocking_read, ptr, count, list, event, false},
                 {buffer_origin, buffer_row_pitch, buffer_slice_pitch},
                 {host_origin, host_row_pitch, host_slice_pitch}, region);
}

cl_int CL_API_CALL clEnqueueWriteBufferRect(cl_command_queue queue, cl_mem buffer, cl_bool blocking_write,
                                            const size_t* buffer_origin, const size_t* host_origin,
                                            const size_t* region, size_t buffer_row_pitch,
                                            size_t buffer_slice_pitch, size_t host_row_pitch,
                                            size_t host_slice_pitch, const void* ptr, cl_uint count,
                                            const cl_event* list, cl_event* event) {
  return RunRect({queue, buffer, blocking_write, ptr, count, list, event, true},
                 {buffer_origin, buffer_row_pitch, buffer_slice_pitch},
                 {host_origin, host_row_pitch, host_slice_pitch}, region);
}

}  // extern "C"
