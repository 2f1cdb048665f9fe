// The end of a process: handlers that use OpenCL, objects never released, work under way, threads still
// waiting.
#include <pthread.h>

#include "program.h"

static cl_mem mem;

static void Handler(void) {
  int value = 0;
  cl_int code = clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, NULL, NULL);
  printf("handler: %s %d\n", CodeName(code), value);
  SHOW(clReleaseMemObject(mem));
  SHOW(clFinish(queue));
  SHOW(clReleaseCommandQueue(queue));
  SHOW(clReleaseContext(context));
}

__attribute__((destructor)) static void Destructor(void) {
  cl_uint count = 0;
  printf("destructor: %s\n", CodeName(clGetPlatformIDs(0, NULL, &count)));
  fflush(stdout);
}

static void* WaitForever(void* event) {
  clWaitForEvents(1, (cl_event*)event);
  return NULL;
}

int main(void) {
  Begin();
  atexit(Handler);
  int value = 12;
  mem = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 4, &value, &err));
  // Left behind on purpose: objects of every kind and a thread in a wait.
  static cl_event gate;
  cl_command_queue other = MAKE(clCreateCommandQueue(context, device, 0, &err));
  gate = MAKE(clCreateUserEvent(context, &err));
  cl_mem waiting = MAKE(clCreateBuffer(context, 0, 64, NULL, &err));
  OK(clEnqueueFillBuffer(other, waiting, &value, 4, 0, 64, 1, &gate, NULL));
  pthread_t thread;
  pthread_create(&thread, NULL, WaitForever, &gate);
  MAKE(clCreateSampler(context, CL_TRUE, CL_ADDRESS_REPEAT, CL_FILTER_LINEAR, &err));
  BuildKernel("kernel void k(global int* p) { p[0] = 1; }", "k");
  usleep(20000);
  puts("leaving");
  return 3;
}
