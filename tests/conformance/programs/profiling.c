// Profiling: order of the time stamps, agreement between commands, errors where there is nothing to tell.
#include "program.h"

static const char* kSource =
    "kernel void work(global float* p) { float x = p[get_global_id(0)];\n"
    "  for (int i = 0; i < 2000; ++i) x = x * 1.0001f + 0.5f; p[get_global_id(0)] = x; }";

typedef struct {
  cl_ulong queued, submit, start, end, complete;
} Times;

static Times Get(cl_event event) {
  Times t;
  OK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_QUEUED, sizeof(cl_ulong), &t.queued, NULL));
  OK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_SUBMIT, sizeof(cl_ulong), &t.submit, NULL));
  OK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_START, sizeof(cl_ulong), &t.start, NULL));
  OK(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(cl_ulong), &t.end, NULL));
  t.complete = 0;
  clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_COMPLETE, sizeof(cl_ulong), &t.complete, NULL);
  return t;
}

int main(void) {
  Begin();
  cl_command_queue timed = MAKE(clCreateCommandQueue(context, device, CL_QUEUE_PROFILING_ENABLE, &err));
  cl_kernel kernel = BuildKernel(kSource, "work");
  enum { kCount = 20000 };
  cl_mem mem = MAKE(clCreateBuffer(context, 0, kCount * 4, NULL, &err));
  float zero = 0;
  OK(clEnqueueFillBuffer(queue, mem, &zero, 4, 0, kCount * 4, 0, NULL, NULL));
  OK(clFinish(queue));
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  size_t count = kCount;
  cl_event events[5];
  OK(clEnqueueNDRangeKernel(timed, kernel, 1, NULL, &count, NULL, 0, NULL, &events[0]));
  OK(clFinish(timed));
  OK(clReleaseEvent(events[0]));
  for (int i = 0; i < 5; ++i)
    OK(clEnqueueNDRangeKernel(timed, kernel, 1, NULL, &count, NULL, 0, NULL, &events[i]));
  OK(clFinish(timed));
  Times last = {0, 0, 0, 0, 0};
  int ordered = 1, serial = 1, positive = 1, complete = 1;
  for (int i = 0; i < 5; ++i) {
    Times t = Get(events[i]);
    ordered &= t.queued <= t.submit && t.submit <= t.start && t.start <= t.end;
    serial &= t.start >= last.end;
    positive &= t.end > t.start;
    complete &= t.complete == 0 || t.complete >= t.end;
    last = t;
    OK(clReleaseEvent(events[i]));
  }
  printf("ordered %d serial %d positive %d complete %d\n", ordered, serial, positive, complete);

  static float host[kCount];
  cl_event event;
  OK(clEnqueueReadBuffer(timed, mem, CL_TRUE, 0, kCount * 4, host, 0, NULL, &event));
  Times read = Get(event);
  printf("read after the kernels %d, ordered %d\n", read.start >= last.end, read.start <= read.end);
  size_t size = 0;
  SHOW(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, 0, NULL, &size));
  printf("size %zu\n", size);
  SHOW(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, 4, host, NULL));
  SHOW(clGetEventProfilingInfo(event, 0x999, 8, host, NULL));
  SHOW(clGetEventProfilingInfo(NULL, CL_PROFILING_COMMAND_END, 8, host, NULL));
  OK(clReleaseEvent(event));

  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, &event));
  OK(clFinish(queue));
  SHOW(
      clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, 8, host, NULL));  // this queue doesn't profile
  OK(clReleaseEvent(event));
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  SHOW(clGetEventProfilingInfo(gate, CL_PROFILING_COMMAND_END, 8, host, NULL));
  OK(clEnqueueNDRangeKernel(timed, kernel, 1, NULL, &count, NULL, 1, &gate, &event));
  SHOW(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, 8, host, NULL));  // not yet done
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clFinish(timed));
  SHOW(clGetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, 8, host, NULL));
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(gate));

  // Maps, copies and markers have times too.
  void* p = MAKE(clEnqueueMapBuffer(timed, mem, CL_TRUE, CL_MAP_READ, 0, 64, 0, NULL, &event, &err));
  Times t = Get(event);
  printf("map ordered %d\n", t.queued <= t.submit && t.submit <= t.start && t.start <= t.end);
  OK(clReleaseEvent(event));
  OK(clEnqueueUnmapMemObject(timed, mem, p, 0, NULL, &event));
  OK(clFinish(timed));
  t = Get(event);
  printf("unmap ordered %d\n", t.queued <= t.submit && t.submit <= t.start && t.start <= t.end);
  OK(clReleaseEvent(event));
  OK(clEnqueueMarkerWithWaitList(timed, 0, NULL, &event));
  OK(clFinish(timed));
  t = Get(event);
  printf("marker ordered %d\n", t.queued <= t.submit && t.submit <= t.start && t.start <= t.end);
  OK(clReleaseEvent(event));

  cl_ulong device_time = 0, host_time = 0, host_after = 0;
  SHOW(clGetDeviceAndHostTimer(device, &device_time, &host_time));
  SHOW(clGetHostTimer(device, &host_after));
  printf("timers %d\n", host_after >= host_time);
  SHOW(clGetHostTimer(NULL, &host_after));
  SHOW(clGetHostTimer(device, NULL));
  OK(clReleaseMemObject(mem));
  OK(clReleaseKernel(kernel));
  OK(clReleaseCommandQueue(timed));
  End();
}
