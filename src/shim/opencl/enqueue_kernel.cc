// clEnqueueNDRangeKernel, clEnqueueTask, clEnqueueNativeKernel.
#include "shim/opencl/enqueue.h"
#include "shim/opencl/program.h"

namespace flexai::shim {

namespace {

constexpr cl_uint kMaxDimensions = 3;

struct Range {
  cl_uint dimensions = 0;
  const size_t* offset = nullptr;
  const size_t* global = nullptr;
  const size_t* local = nullptr;
};

cl_int CheckLocalSize(const Device* device, const KernelLimits& limits, const Range& range,
                      bool non_uniform) {
  const bool required = limits.required_size[0] != 0;
  if (range.local == nullptr) {
    return required ? CL_INVALID_WORK_GROUP_SIZE : CL_SUCCESS;
  }
  size_t total = 1;
  for (cl_uint i = 0; i < range.dimensions; ++i) {
    if (range.local[i] == 0 || __builtin_mul_overflow(total, range.local[i], &total)) {
      return CL_INVALID_WORK_GROUP_SIZE;
    }
  }
  const size_t most = limits.work_group_size != 0 ? limits.work_group_size : device->max_work_group_size;
  if (total > most) {
    return CL_INVALID_WORK_GROUP_SIZE;
  }
  for (cl_uint i = 0; i < range.dimensions; ++i) {
    const size_t local = range.local[i];
    if (local > device->max_work_item_sizes[i]) {
      return CL_INVALID_WORK_ITEM_SIZE;
    }
    if (required && local != limits.required_size[i]) {
      return CL_INVALID_WORK_GROUP_SIZE;
    }
    if (!non_uniform && range.global != nullptr && range.global[i] % local != 0) {
      return CL_INVALID_WORK_GROUP_SIZE;
    }
  }
  return CL_SUCCESS;
}

// Whether there is nothing to run.
bool IsEmpty(const Range& range) {
  for (cl_uint i = 0; range.global != nullptr && i < range.dimensions; ++i) {
    if (range.global[i] == 0) {
      return true;
    }
  }
  return range.global == nullptr;
}

cl_int CheckRange(const Device* device, const Range& range) {
  if (range.dimensions < 1 || range.dimensions > device->max_dimensions ||
      range.dimensions > kMaxDimensions) {
    return CL_INVALID_WORK_DIMENSION;
  }
  if (!device->takes_empty_ranges && IsEmpty(range)) {
    return CL_INVALID_GLOBAL_WORK_SIZE;
  }
  for (cl_uint i = 0; range.offset != nullptr && range.global != nullptr && i < range.dimensions; ++i) {
    if (range.offset[i] > ~size_t{0} - range.global[i]) {
      return CL_INVALID_GLOBAL_OFFSET;
    }
  }
  return CL_SUCCESS;
}

cl_int CheckLaunch(const Queue* queue, const Kernel* kernel, const Range& range) {
  cl_int status = CheckRange(queue->device, range);
  if (status != CL_SUCCESS) {
    return status;
  }
  const KernelLimits* limits = kernel->definition->LimitsFor(queue->device->id);
  if (limits == nullptr) {
    return CL_INVALID_PROGRAM_EXECUTABLE;
  }
  if (kernel->unset.load(std::memory_order_relaxed) != 0) {
    return CL_INVALID_KERNEL_ARGS;
  }
  const bool non_uniform =
      queue->device->non_uniform && kernel->program->non_uniform.load(std::memory_order_relaxed);
  return CheckLocalSize(queue->device, *limits, range, non_uniform);
}

// A size_t is the 64-bit word that the frame carries.
std::span<const uint64_t> Words(const size_t* sizes, cl_uint count) {
  static_assert(sizeof(size_t) == sizeof(uint64_t));
  return {reinterpret_cast<const uint64_t*>(sizes), sizes == nullptr ? 0 : count};
}

cl_int EnqueueKernel(cl_command_queue queue, cl_kernel kernel, Range range, cl_command_type type,
                     cl_uint count, const cl_event* list, cl_event* event) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (!IsValid(kernel)) {
    return CL_INVALID_KERNEL;
  }
  if (kernel->program->context != queue->context) {
    return CL_INVALID_CONTEXT;
  }
  if (range.local != nullptr && range.dimensions > 0 && range.local[0] == 0) {
    range.local = nullptr;  // taken for not given
  }
  Command command(queue, type, count, list, event);
  cl_int status = command.Check();
  if (status == CL_SUCCESS) {
    status = CheckLaunch(queue, kernel, range);
  }
  if (status == CL_SUCCESS && IsEmpty(range)) {
    opencl::EnqueueMarker nothing;
    return command.Done(command.Send(nothing));
  }
  if (status == CL_SUCCESS) {
    opencl::EnqueueNDRangeKernel message;
    message.kernel = kernel->id;
    message.dimensions = range.dimensions;
    message.offset = Words(range.offset, range.dimensions);
    message.global = Words(range.global, range.dimensions);
    message.local = Words(range.local, range.dimensions);
    status = command.Send(message);
  }
  return command.Done(status);
}

}  // namespace

}  // namespace flexai::shim

using namespace flexai::shim;

extern "C" {

cl_int CL_API_CALL clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel, cl_uint work_dim,
                                          const size_t* global_work_offset, const size_t* global_work_size,
                                          const size_t* local_work_size, cl_uint num_events_in_wait_list,
                                          const cl_event* event_wait_list, cl_event* event) {
  return EnqueueKernel(queue, kernel, {work_dim, global_work_offset, global_work_size, local_work_size},
                       CL_COMMAND_NDRANGE_KERNEL, num_events_in_wait_list, event_wait_list, event);
}

cl_int CL_API_CALL clEnqueueTask(cl_command_queue queue, cl_kernel kernel, cl_uint num_events_in_wait_list,
                                 const cl_event* event_wait_list, cl_event* event) {
  const size_t one = 1;
  return EnqueueKernel(queue, kernel, {1, nullptr, &one, &one}, CL_COMMAND_TASK, num_events_in_wait_list,
                       event_wait_list, event);
}

cl_int CL_API_CALL clEnqueueNativeKernel(cl_command_queue queue, void(CL_CALLBACK* user_func)(void*),
                                         void* args, size_t cb_args, cl_uint num_mem_objects, const cl_mem*,
                                         const void**, cl_uint, const cl_event*, cl_event*) {
  if (!IsValid(queue)) {
    return CL_INVALID_COMMAND_QUEUE;
  }
  if (user_func == nullptr || (args == nullptr && (cb_args > 0 || num_mem_objects > 0))) {
    return CL_INVALID_VALUE;
  }
  return CL_INVALID_OPERATION;
}

}  // extern "C"
