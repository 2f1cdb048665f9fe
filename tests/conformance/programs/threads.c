// Threads: own queues, a shared queue, waits for one event from all, user events set by another thread,
// objects made in one thread and used in the next.
#include <pthread.h>

#include "program.h"

enum { kThreads = 8, kRounds = 40, kCount = 512 };
static const char* kSource = "kernel void add(global int* p, int v) { p[get_global_id(0)] += v; }";
static cl_program program;
static pthread_barrier_t start;
static long long sums[kThreads];

static void* OwnQueue(void* argument) {
  int index = (int)(intptr_t)argument;
  pthread_barrier_wait(&start);
  cl_int code;
  cl_command_queue q = clCreateCommandQueue(context, device, 0, &code);
  Require("queue", code, __LINE__);
  cl_kernel kernel = clCreateKernel(program, "add", &code);
  Require("kernel", code, __LINE__);
  for (int round = 0; round < kRounds; ++round) {
    int host[kCount];
    for (int i = 0; i < kCount; ++i) host[i] = i * index;
    cl_mem mem = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof host, host, &code);
    Require("buffer", code, __LINE__);
    OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
    OK(clSetKernelArg(kernel, 1, sizeof round, &round));
    size_t count = kCount;
    OK(clEnqueueNDRangeKernel(q, kernel, 1, NULL, &count, NULL, 0, NULL, NULL));
    OK(clEnqueueReadBuffer(q, mem, CL_TRUE, 0, sizeof host, host, 0, NULL, NULL));
    for (int i = 0; i < kCount; ++i) sums[index] += host[i];
    OK(clReleaseMemObject(mem));
  }
  OK(clReleaseKernel(kernel));
  OK(clReleaseCommandQueue(q));
  return NULL;
}

static cl_mem shared;

static void* SharedQueue(void* argument) {
  int index = (int)(intptr_t)argument;
  pthread_barrier_wait(&start);
  for (int round = 0; round < kRounds; ++round) {
    int value = index * 1000 + round;
    OK(clEnqueueWriteBuffer(queue, shared, CL_FALSE, (size_t)(index * kRounds + round) * 4, 4, &value, 0,
                            NULL, NULL));
    OK(clFinish(queue));
  }
  return NULL;
}

static cl_event gate, gated;

static void* WaitOnEvent(void* argument) {
  int index = (int)(intptr_t)argument;
  pthread_barrier_wait(&start);
  cl_event event = index % 2 ? gate : gated;
  Require("wait", clWaitForEvents(1, &event), __LINE__);
  sums[index] = 1;
  return NULL;
}

static void* Opener(void* argument) {
  (void)argument;
  usleep(30000);
  Require("set", clSetUserEventStatus(gate, CL_COMPLETE), __LINE__);
  return NULL;
}

static void RunAll(void* (*function)(void*)) {
  pthread_t threads[kThreads];
  memset(sums, 0, sizeof sums);
  pthread_barrier_init(&start, NULL, kThreads);
  for (intptr_t i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, function, (void*)i);
  for (int i = 0; i < kThreads; ++i) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&start);
}

int main(void) {
  Begin();
  program = Build(kSource, "");
  RunAll(OwnQueue);
  for (int i = 0; i < kThreads; ++i) printf("own queue %d: %lld\n", i, sums[i]);

  shared = MAKE(clCreateBuffer(context, 0, kThreads * kRounds * 4, NULL, &err));
  RunAll(SharedQueue);
  printf("shared queue %016llx\n", BufferHash(shared, 0, kThreads * kRounds * 4));

  gate = MAKE(clCreateUserEvent(context, &err));
  int value = 3;
  OK(clEnqueueWriteBuffer(queue, shared, CL_FALSE, 0, 4, &value, 1, &gate, &gated));
  pthread_t opener;
  pthread_create(&opener, NULL, Opener, NULL);
  RunAll(WaitOnEvent);
  pthread_join(opener, NULL);
  int woken = 0;
  for (int i = 0; i < kThreads; ++i) woken += (int)sums[i];
  printf("woken %d\n", woken);
  OK(clReleaseEvent(gate));
  OK(clReleaseEvent(gated));
  OK(clReleaseMemObject(shared));

  // The first OpenCL calls of a process may come from any thread, and threads come and go.
  for (int i = 0; i < 50; ++i) {
    pthread_t one;
    pthread_barrier_init(&start, NULL, 1);
    sums[0] = 0;
    pthread_create(&one, NULL, OwnQueue, (void*)0);
    pthread_join(one, NULL);
  }
  printf("short threads %lld\n", sums[0]);
  OK(clReleaseProgram(program));
  End();
}
