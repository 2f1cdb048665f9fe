// Fills and migrations.
#include "shim/opencl/enqueue.h"
#include "shim/opencl/image_layout.h"
#include "shim/opencl/memory.h"

namespace flexai::shim {

namespace {

constexpr size_t kMaxPattern = 128;

bool IsPatternSize(size_t size) { return size != 0 && size <= kMaxPattern && (size & (size - 1)) == 0; }

// Four floats or four 32-bit integers, whatever the format.
constexpr size_t kColorBytes = 16;

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clEnqueueFillBuffer(cl_command_queue queue, cl_mem buffer, const void* pattern,
                                       size_t pattern_size, size_t offset, size_t size, cl_uint count,
                                       const cl_event* list, cl_event* event) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsBuffer(buffer)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (buffer->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  if (offset > buffer->size || size > buffer->size - offset || size == 0 || pattern == nullptr ||
      !IsPatternSize(pattern_size) || offset % pattern_size != 0 || size % pattern_size != 0) {
    return CL_INVALID_VALUE;
  }
  Command command(queue, CL_COMMAND_FILL_BUFFER, count, list, event);
  cl_int status = command.Check();
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueFillBuffer message;
    message.buffer = buffer->id;
    message.pattern = {static_cast<const std::byte*>(pattern), pattern_size};
    message.offset = offset;
    message.size = size;
    status = command.Send(message);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueFillImage(cl_command_queue queue, cl_mem image, const void* fill_color,
                                      const size_t* origin, const size_t* region, cl_uint count,
                                      const cl_event* list, cl_event* event) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsImage(image)) {
    return CL_INVALID_MEM_OBJECT;
  }
  if (image->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  if (fill_color == nullptr) {
    return CL_INVALID_VALUE;
  }
  cl_int status = CheckImageRegion(image, origin, region);
  if (status != CL_SUCCESS) {
    return status;
  }
  Command command(queue, CL_COMMAND_FILL_IMAGE, count, list, event);
  status = command.Check();
  if (status == CL_SUCCESS) {
    const uint64_t numbers[6] = {origin[0], origin[1], origin[2], region[0], region[1], region[2]};
    flexai::opencl::EnqueueFillImage message;
    message.image = image->id;
    message.color = {static_cast<const std::byte*>(fill_color), kColorBytes};
    message.geometry = numbers;
    status = command.Send(message);
  }
  return command.Done(status);
}

cl_int CL_API_CALL clEnqueueMigrateMemObjects(cl_command_queue queue, cl_uint num_mem_objects,
                                              const cl_mem* mem_objects, cl_mem_migration_flags flags,
                                              cl_uint count, const cl_event* list, cl_event* event) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (num_mem_objects == 0 || mem_objects == nullptr ||
      (flags &
       ~cl_mem_migration_flags{CL_MIGRATE_MEM_OBJECT_HOST | CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED}) != 0) {
    return CL_INVALID_VALUE;
  }
  ShortArray<uint64_t, 32> objects;
  if (!objects.Reserve(num_mem_objects)) {
    return CL_OUT_OF_HOST_MEMORY;
  }
  for (cl_uint i = 0; i < num_mem_objects; ++i) {
    if (!IsValid(mem_objects[i])) {
      return CL_INVALID_MEM_OBJECT;
    }
    if (mem_objects[i]->context != queue->context) {
      return CL_INVALID_CONTEXT;
    }
    objects.Push(mem_objects[i]->id);
  }
  Command command(queue, CL_COMMAND_MIGRATE_MEM_OBJECTS, count, list, event);
  cl_int status = command.Check();
  if (status == CL_SUCCESS) {
    flexai::opencl::EnqueueMigrateMemObjects message;
    message.objects = objects.span();
    message.flags = flags;
    status = command.Send(message);
  }
  return command.Done(status);
}

}  // extern "C"
