// Copies between memory objects.
#include "shim/opencl/image_layout.h"
#include "shim/opencl/transfer.h"

namespace flexai::shim {

namespace {

// Handles and contexts of a command on two objects.
cl_int CheckPair(const Queue* queue, const Memory* source, const Memory* destination) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsValid(source) || !IsValid(destination)) {
    return CL_INVALID_MEM_OBJECT;
  }
  return source->context != queue->context || destination->context != queue->context ? CL_INVALID_CONTEXT
                                                                                     : CL_SUCCESS;
}

template <class Message>
cl_int SendCopy(cl_command_queue queue, cl_command_type type, Message& message, cl_uint count,
                const cl_event* list, cl_event* event) {
  Command command(queue, type, count, list, event);
  cl_int status = command.Check();
  if (status == CL_SUCCESS) {
    status = command.Send(message);
  }
  return command.Done(status);
}

// The buffer whose bytes these are, and where they begin in it.
const Memory* WholeOf(const Memory* buffer, uint64_t* offset) {
  *offset += buffer->origin;
  return buffer->parent != nullptr ? buffer->parent : buffer;
}

bool Overlaps(uint64_t a, uint64_t b, uint64_t size) { return a < b + size && b < a + size; }

// Whether two rectangles of one buffer share a byte. Exact where the pitches are the same, as the standard
// wants.
bool RectsOverlap(const RectSide& a, const RectSide& b, const size_t* region, uint64_t a_base,
                  uint64_t b_base) {
  const uint64_t a_first = a_base + a.FirstByte();
  const uint64_t b_first = b_base + b.FirstByte();
  const uint64_t extent = a.Extent(region);
  if (!(a_first < b_first + b.Extent(region) && b_first < a_first + extent)) {
    return false;
  }
  if (a.row_pitch != b.row_pitch || a.slice_pitch != b.slice_pitch || a_base != b_base) {
    return true;
  }
  return Overlaps(a.origin[0], b.origin[0], region[0]) && Overlaps(a.origin[1], b.origin[1], region[1]) &&
         Overlaps(a.origin[2], b.origin[2], region[2]);
}

bool Fits(const Memory* buffer, uint64_t offset, uint64_t size) {
  return offset <= buffer->size && size <= buffer->size - offset;
}

void Put(uint64_t* to, const size_t* triple) {
  for (size_t i = 0; i < 3; ++i) {
    to[i] = triple[i];
  }
}

size_t RegionBytes(const Memory* image, const size_t* region) {
  return region[0] * region[1] * region[2] * image->element_bytes;
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clEnqueueCopyBuffer(cl_command_queue queue, cl_mem src, cl_mem dst, size_t src_offset,
                                       size_t dst_offset, size_t size, cl_uint count, const cl_event* list,
                                       cl_event* event) {
  const cl_int status = CheckPair(queue, src, dst);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!src->is_buffer() || !dst->is_buffer()) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (size == 0 || !Fits(src, src_offset, size) || !Fits(dst, dst_offset, size)) {
    return CL_INVALID_VALUE;
  }
  uint64_t from = src_offset;
  uint64_t to = dst_offset;
  if (WholeOf(src, &from) == WholeOf(dst, &to) && Overlaps(from, to, size)) {
    return CL_MEM_COPY_OVERLAP;
  }
  flexai::opencl::EnqueueCopyBuffer message;
  message.source = src->id;
  message.destination = dst->id;
  message.source_offset = src_offset;
  message.destination_offset = dst_offset;
  message.size = size;
  return SendCopy(queue, CL_COMMAND_COPY_BUFFER, message, count, list, event);
}

cl_int CL_API_CALL clEnqueueCopyBufferRect(cl_command_queue queue, cl_mem src, cl_mem dst,
                                           const size_t* src_origin, const size_t* dst_origin,
                                           const size_t* region, size_t src_row_pitch, size_t src_slice_pitch,
                                           size_t dst_row_pitch, size_t dst_slice_pitch, cl_uint count,
                                           const cl_event* list, cl_event* event) {
  const cl_int status = CheckPair(queue, src, dst);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!src->is_buffer() || !dst->is_buffer()) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (src_origin == nullptr || dst_origin == nullptr || region == nullptr || region[0] == 0 ||
      region[1] == 0 || region[2] == 0) {
    return CL_INVALID_VALUE;
  }
  RectSide from{src_origin, src_row_pitch, src_slice_pitch};
  RectSide to{dst_origin, dst_row_pitch, dst_slice_pitch};
  if (from.Resolve(region) != CL_SUCCESS || to.Resolve(region) != CL_SUCCESS ||
      !Fits(src, from.FirstByte(), from.Extent(region)) || !Fits(dst, to.FirstByte(), to.Extent(region))) {
    return CL_INVALID_VALUE;
  }
  if (src == dst && (from.row_pitch != to.row_pitch || from.slice_pitch != to.slice_pitch)) {
    return CL_INVALID_VALUE;
  }
  uint64_t from_base = 0;
  uint64_t to_base = 0;
  if (WholeOf(src, &from_base) == WholeOf(dst, &to_base) &&
      RectsOverlap(from, to, region, from_base, to_base)) {
    return CL_MEM_COPY_OVERLAP;
  }
  uint64_t numbers[kRectNumbers] = {};
  Put(numbers, src_origin);
  Put(numbers + 3, dst_origin);
  Put(numbers + 6, region);
  numbers[9] = from.row_pitch;
  numbers[10] = from.slice_pitch;
  numbers[11] = to.row_pitch;
  numbers[12] = to.slice_pitch;
  flexai::opencl::EnqueueCopyBufferRect message;
  message.source = src->id;
  message.destination = dst->id;
  message.geometry = numbers;
  return SendCopy(queue, CL_COMMAND_COPY_BUFFER_RECT, message, count, list, event);
}

cl_int CL_API_CALL clEnqueueCopyImage(cl_command_queue queue, cl_mem src, cl_mem dst,
                                      const size_t* src_origin, const size_t* dst_origin,
                                      const size_t* region, cl_uint count, const cl_event* list,
                                      cl_event* event) {
  cl_int status = CheckPair(queue, src, dst);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!src->is_image() || !dst->is_image()) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (src->format.image_channel_order != dst->format.image_channel_order ||
      src->format.image_channel_data_type != dst->format.image_channel_data_type) {
    return CL_IMAGE_FORMAT_MISMATCH;
  }
  status = CheckImageRegion(src, src_origin, region);
  if (status == CL_SUCCESS) {
    status = CheckImageRegion(dst, dst_origin, region);
  }
  if (status != CL_SUCCESS) {
    return status;
  }
  if (src == dst && Overlaps(src_origin[0], dst_origin[0], region[0]) &&
      Overlaps(src_origin[1], dst_origin[1], region[1]) &&
      Overlaps(src_origin[2], dst_origin[2], region[2])) {
    return CL_MEM_COPY_OVERLAP;
  }
  uint64_t numbers[9];
  Put(numbers, src_origin);
  Put(numbers + 3, dst_origin);
  Put(numbers + 6, region);
  flexai::opencl::EnqueueCopyImage message;
  message.source = src->id;
  message.destination = dst->id;
  message.geometry = numbers;
  return SendCopy(queue, CL_COMMAND_COPY_IMAGE, message, count, list, event);
}

cl_int CL_API_CALL clEnqueueCopyImageToBuffer(cl_command_queue queue, cl_mem src_image, cl_mem dst_buffer,
                                              const size_t* src_origin, const size_t* region,
                                              size_t dst_offset, cl_uint count, const cl_event* list,
                                              cl_event* event) {
  cl_int status = CheckPair(queue, src_image, dst_buffer);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!src_image->is_image() || !dst_buffer->is_buffer()) {
    return CL_INVALID_MEM_OBJECT;
  }
  status = CheckImageRegion(src_image, src_origin, region);
  if (status != CL_SUCCESS || !Fits(dst_buffer, dst_offset, RegionBytes(src_image, region))) {
    return CL_INVALID_VALUE;
  }
  uint64_t numbers[7];
  Put(numbers, src_origin);
  Put(numbers + 3, region);
  numbers[6] = dst_offset;
  flexai::opencl::EnqueueCopyImageToBuffer message;
  message.source = src_image->id;
  message.destination = dst_buffer->id;
  message.geometry = numbers;
  return SendCopy(queue, CL_COMMAND_COPY_IMAGE_TO_BUFFER, message, count, list, event);
}

cl_int CL_API_CALL clEnqueueCopyBufferToImage(cl_command_queue queue, cl_mem src_buffer, cl_mem dst_image,
                                              size_t src_offset, const size_t* dst_origin,
                                              const size_t* region, cl_uint count, const cl_event* list,
                                              cl_event* event) {
  cl_int status = CheckPair(queue, src_buffer, dst_image);
  if (status != CL_SUCCESS) {
    return status;
  }
  if (!src_buffer->is_buffer() || !dst_image->is_image()) {
    return CL_INVALID_MEM_OBJECT;
  }
  status = CheckImageRegion(dst_image, dst_origin, region);
  if (status != CL_SUCCESS || !Fits(src_buffer, src_offset, RegionBytes(dst_image, region))) {
    return CL_INVALID_VALUE;
  }
  uint64_t numbers[7];
  numbers[0] = src_offset;
  Put(numbers + 1, dst_origin);
  Put(numbers + 4, region);
  flexai::opencl::EnqueueCopyBufferToImage message;
  message.source = src_buffer->id;
  message.destination = dst_image->id;
  message.geometry = numbers;
  return SendCopy(queue, CL_COMMAND_COPY_BUFFER_TO_IMAGE, message, count, list, event);
}

}  // extern "C"
