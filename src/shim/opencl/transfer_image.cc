// clEnqueueReadImage and clEnqueueWriteImage: always by way of a packed staging range, since only the device
// knows how an image lies in its memory.
#include "shim/opencl/image_layout.h"
#include "shim/opencl/transfer.h"

namespace flexai::shim {

namespace {

constexpr size_t kGeometryNumbers = 8;

struct ImageTransfer {
  cl_command_queue queue;
  cl_mem image;
  bool blocking;
  const size_t* origin;
  const size_t* region;
  size_t row_pitch;
  size_t slice_pitch;
  const void* pointer;
  bool write;
};

cl_int CheckTransfer(const ImageTransfer& transfer, HostLayout* host) {
  if (!IsValid(transfer.queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsImage(transfer.image)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (transfer.image->context != transfer.queue->context) {
    return CL_INVALID_CONTEXT;
  }
  const cl_mem_flags refused =
      CL_MEM_HOST_NO_ACCESS | (transfer.write ? CL_MEM_HOST_READ_ONLY : CL_MEM_HOST_WRITE_ONLY);
  if ((transfer.image->flags & refused) != 0) {
    return CL_INVALID_OPERATION;
  }
  if (transfer.pointer == nullptr) {
    return CL_INVALID_VALUE;
  }
  const cl_int status = CheckImageRegion(transfer.image, transfer.origin, transfer.region);
  if (status != CL_SUCCESS) {
    return status;
  }
  return LayoutRegion(transfer.image, transfer.region, transfer.row_pitch, transfer.slice_pitch,
                      const_cast<void*>(transfer.pointer), host);
}

// Packed: the last two numbers are 0.
void FillGeometry(const ImageTransfer& transfer, uint64_t* numbers) {
  for (size_t i = 0; i < 3; ++i) {
    numbers[i] = transfer.origin[i];
    numbers[3 + i] = transfer.region[i];
  }
  numbers[6] = numbers[7] = 0;
}

cl_int RunRead(const ImageTransfer& transfer, const HostLayout& host, Command* command) {
  Session* session = transfer.queue->session;
  ArenaRange staging = AllocateArena(session, host.bytes());
  if (!staging) {
    return CL_OUT_OF_RESOURCES;
  }
  uint64_t geometry[kGeometryNumbers];
  FillGeometry(transfer, geometry);
  opencl::EnqueueReadImage message;
  message.image = transfer.image->id;
  message.geometry = geometry;
  message.destination = {staging.offset, host.bytes()};
  cl_int status = transfer.blocking ? command->MakeEvent() : CL_SUCCESS;
  if (status == CL_SUCCESS) {
    status = command->Send(message);
  }
  if (status == CL_SUCCESS && !transfer.blocking) {
    command->CopyWhenDone(&staging, host, host.Packed(session->arena().At(staging.offset)));
    return CL_SUCCESS;
  }
  if (status == CL_SUCCESS) {
    status = command->WaitForEnd();
  }
  if (status == CL_SUCCESS) {
    host.Scatter(session->arena().At(staging.offset));
  }
  if (!session->lost()) {
    session->arena().Free(&staging);
  }
  return status;
}

cl_int RunWrite(const ImageTransfer& transfer, const HostLayout& host, Command* command) {
  Session* session = transfer.queue->session;
  SettleSource(session, host);
  const size_t bytes = host.bytes();
  uint64_t geometry[kGeometryNumbers];
  FillGeometry(transfer, geometry);
  opencl::EnqueueWriteImage message;
  ArenaRange staging;
  message.image = transfer.image->id;
  message.geometry = geometry;
  if (bytes <= wire::kInlinePayloadBytes && host.linear()) {
    message.data.inline_bytes = {host.data, bytes};
  } else {
    staging = AllocateArena(session, bytes);
    if (!staging) {
      return CL_OUT_OF_RESOURCES;
    }
    host.Gather(session->arena().At(staging.offset));
    message.data.region = {staging.offset, bytes};
  }
  cl_int status = transfer.blocking ? command->MakeEvent() : CL_SUCCESS;
  if (status == CL_SUCCESS) {
    status = command->Send(message);
  }
  if (status != CL_SUCCESS) {
    if (!session->lost()) {
      session->arena().Free(&staging);
    }
    return status;
  }
  command->FreeWhenDone(&staging);
  return transfer.blocking ? command->WaitForEnd() : CL_SUCCESS;
}

cl_int Run(const ImageTransfer& transfer, cl_uint count, const cl_event* list, cl_event* event) {
  HostLayout host;
  cl_int status = CheckTransfer(transfer, &host);
  if (status != CL_SUCCESS) {
    return status;
  }
  Command command(transfer.queue, transfer.write ? CL_COMMAND_WRITE_IMAGE : CL_COMMAND_READ_IMAGE, count,
                  list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    status = transfer.write ? RunWrite(transfer, host, &command) : RunRead(transfer, host, &command);
  }
  return command.Done(status);
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clEnqueueReadImage(cl_command_queue queue, cl_mem image, cl_bool blocking_read,
                                      const size_t* origin, const size_t* region, size_t row_pitch,
                                      size_t slice_pitch, void* ptr, cl_uint count, const cl_event* list,
                                      cl_event* event) {
  return Run({queue, image, blocking_read != CL_FALSE, origin, region, row_pitch, slice_pitch, ptr, false},
             count, list, event);
}

cl_int CL_API_CALL clEnqueueWriteImage(cl_command_queue queue, cl_mem image, cl_bool blocking_write,
                                       const size_t* origin, const size_t* region, size_t input_row_pitch,
                                       size_t input_slice_pitch, const void* ptr, cl_uint count,
                                       const cl_event* list, cl_event* event) {
  return Run({queue, image, blocking_write != CL_FALSE, origin, region, input_row_pitch, input_slice_pitch,
              ptr, true},
             count, list, event);
}

}  // extern "C"
