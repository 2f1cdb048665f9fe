// An OpenCL layer that logs when a program keeps its device busy: START and END of every kernel and copy,
// from the commands' own profiling timestamps. Loaded by the OpenCL loader:
// OPENCL_LAYERS=libflexai-busy-layer.so and FLEXAI_BUSY_LOG=FILE. It works the same on any platform below it,
// so that native runs and vXPUs are seen by one eye.
//
// The log is written when the program ends: a line "START END" per command, nanoseconds of CLOCK_MONOTONIC. A
// device's clock is mapped to it by the latest that a command can have been queued before the call that
// queued it.
#include <time.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <limits>
#include <mutex>
#include <vector>

#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <CL/cl_layer.h>

namespace {

constexpr size_t kPendingBeforeReaping = 32;

int64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

const cl_icd_dispatch* target = nullptr;
cl_icd_dispatch layer;

struct Interval {
  uint64_t start = 0;
  uint64_t end = 0;
};

// Events of commands that are not known to be complete, and the intervals of those that are.
class Log {
 public:
  ~Log() { Write(); }

  void Add(cl_event event, int64_t before_ns) {
    const std::lock_guard lock(mutex_);
    pending_.push_back({event, before_ns});
    if (pending_.size() >= kPendingBeforeReaping) {
      Reap();
    }
  }

  void ReapAll() {
    const std::lock_guard lock(mutex_);
    Reap();
  }

 private:
  struct Pending {
    cl_event event;
    int64_t before_ns;
  };

  void Reap() {
    while (!pending_.empty()) {
      const Pending& oldest = pending_.front();
      cl_int status = CL_QUEUED;
      target->clGetEventInfo(oldest.event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status,
                             nullptr);
      if (status > CL_COMPLETE) {
        return;
      }
      if (status == CL_COMPLETE) {
        Take(oldest);
      }
      target->clReleaseEvent(oldest.event);
      pending_.pop_front();
    }
  }

  void Take(const Pending& done) {
    uint64_t queued = 0;
    Interval interval;
    const auto get = [&](cl_profiling_info what, uint64_t* value) {
      return target->clGetEventProfilingInfo(done.event, what, sizeof *value, value, nullptr) == CL_SUCCESS;
    };
    if (get(CL_PROFILING_COMMAND_QUEUED, &queued) && get(CL_PROFILING_COMMAND_START, &interval.start) &&
        get(CL_PROFILING_COMMAND_END, &interval.end)) {
      offset_ns_ = std::max(offset_ns_, done.before_ns - static_cast<int64_t>(queued));
      intervals_.push_back(interval);
    }
  }

  // At the program's end: no call into OpenCL any more.
  void Write() {
    const char* path = std::getenv("FLEXAI_BUSY_LOG");
    std::FILE* file = path != nullptr ? std::fopen(path, "we") : nullptr;
    if (file == nullptr) {
      return;
    }
    for (const Interval& interval : intervals_) {
      std::fprintf(file, "%lld %lld\n",
                   static_cast<long long>(static_cast<int64_t>(interval.start) + offset_ns_),
                   static_cast<long long>(static_cast<int64_t>(interval.end) + offset_ns_));
    }
    std::fclose(file);
  }

  std::mutex mutex_;
  std::deque<Pending> pending_;
  std::vector<Interval> intervals_;
  int64_t offset_ns_ = std::numeric_limits<int64_t>::min();
};

Log log_of_process;

// Calls an enqueue function with an event of ours where the program asked for none, and logs that event.
template <typename Function>
cl_int Enqueue(cl_event* event, const Function& enqueue) {
  cl_event own = nullptr;
  cl_event* used = event != nullptr ? event : &own;
  const int64_t before_ns = NowNs();
  const cl_int status = enqueue(used);
  if (status == CL_SUCCESS) {
    if (event != nullptr) {
      target->clRetainEvent(*event);
    }
    log_of_process.Add(*used, before_ns);
  }
  return status;
}

cl_int CL_API_CALL NdRange(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions, const size_t* offset,
                           const size_t* global, const size_t* local, cl_uint waits,
                           const cl_event* wait_list, cl_event* event) {
  return Enqueue(event, [&](cl_event* used) {
    return target->clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, waits, wait_list,
                                          used);
  });
}

cl_int CL_API_CALL Read(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
                        void* to, cl_uint waits, const cl_event* wait_list, cl_event* event) {
  return Enqueue(event, [&](cl_event* used) {
    return target->clEnqueueReadBuffer(queue, buffer, blocking, offset, size, to, waits, wait_list, used);
  });
}

cl_int CL_API_CALL Write(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size,
                         const void* from, cl_uint waits, const cl_event* wait_list, cl_event* event) {
  return Enqueue(event, [&](cl_event* used) {
    return target->clEnqueueWriteBuffer(queue, buffer, blocking, offset, size, from, waits, wait_list, used);
  });
}

cl_int CL_API_CALL Copy(cl_command_queue queue, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset,
                        size_t size, cl_uint waits, const cl_event* wait_list, cl_event* event) {
  return Enqueue(event, [&](cl_event* used) {
    return target->clEnqueueCopyBuffer(queue, from, to, from_offset, to_offset, size, waits, wait_list, used);
  });
}

cl_int CL_API_CALL Fill(cl_command_queue queue, cl_mem buffer, const void* pattern, size_t pattern_size,
                        size_t offset, size_t size, cl_uint waits, const cl_event* wait_list,
                        cl_event* event) {
  return Enqueue(event, [&](cl_event* used) {
    return target->clEnqueueFillBuffer(queue, buffer, pattern, pattern_size, offset, size, waits, wait_list,
                                       used);
  });
}

cl_int CL_API_CALL Finish(cl_command_queue queue) {
  const cl_int status = target->clFinish(queue);
  log_of_process.ReapAll();
  return status;
}

cl_command_queue CL_API_CALL CreateQueue(cl_context context, cl_device_id device,
                                         cl_command_queue_properties properties, cl_int* status) {
  return target->clCreateCommandQueue(context, device, properties | CL_QUEUE_PROFILING_ENABLE, status);
}

cl_command_queue CL_API_CALL CreateQueueWithProperties(cl_context context, cl_device_id device,
                                                       const cl_queue_properties* properties,
                                                       cl_int* status) {
  std::vector<cl_queue_properties> changed;
  bool found = false;
  for (; properties != nullptr && *properties != 0; properties += 2) {
    found = found || properties[0] == CL_QUEUE_PROPERTIES;
    changed.push_back(properties[0]);
    changed.push_back(properties[0] == CL_QUEUE_PROPERTIES ? properties[1] | CL_QUEUE_PROFILING_ENABLE
                                                           : properties[1]);
  }
  if (!found) {
    changed.insert(changed.end(), {CL_QUEUE_PROPERTIES, CL_QUEUE_PROFILING_ENABLE});
  }
  changed.push_back(0);
  return target->clCreateCommandQueueWithProperties(context, device, changed.data(), status);
}

}  // namespace

extern "C" cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size, void* value, size_t* size_ret) {
  const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
  if (name != CL_LAYER_API_VERSION || (value != nullptr && size < sizeof version)) {
    return CL_INVALID_VALUE;
  }
  if (value != nullptr) {
    *static_cast<cl_layer_api_version*>(value) = version;
  }
  if (size_ret != nullptr) {
    *size_ret = sizeof version;
  }
  return CL_SUCCESS;
}

extern "C" cl_int CL_API_CALL clInitLayer(cl_uint entries, const cl_icd_dispatch* target_dispatch,
                                          cl_uint* entries_ret, const cl_icd_dispatch** layer_dispatch) {
  constexpr cl_uint kEntries = sizeof(cl_icd_dispatch) / sizeof(void*);
  if (target_dispatch == nullptr || layer_dispatch == nullptr || entries_ret == nullptr ||
      entries < kEntries) {
    return CL_INVALID_VALUE;
  }
  target = target_dispatch;
  layer = *target_dispatch;
  layer.clEnqueueNDRangeKernel = NdRange;
  layer.clEnqueueReadBuffer = Read;
  layer.clEnqueueWriteBuffer = Write;
  layer.clEnqueueCopyBuffer = Copy;
  layer.clEnqueueFillBuffer = Fill;
  layer.clFinish = Finish;
  layer.clCreateCommandQueue = CreateQueue;
  layer.clCreateCommandQueueWithProperties = CreateQueueWithProperties;
  *entries_ret = kEntries;
  *layer_dispatch = &layer;
  return CL_SUCCESS;
}
