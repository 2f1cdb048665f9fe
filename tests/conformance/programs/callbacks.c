// What callbacks may do: call OpenCL themselves, enqueue more work, set user events; and where signals go.
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include "program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int done;
static cl_mem mem;
static volatile sig_atomic_t alarms;
static pthread_t main_thread;
static int alarms_elsewhere;

static void Done(void) {
  pthread_mutex_lock(&mutex);
  ++done;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
}

static void WaitDone(int count) {
  pthread_mutex_lock(&mutex);
  while (done < count) pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
}

// Ten links, each enqueued from the callback of the one before.
static void CL_CALLBACK Link(cl_event event, cl_int status, void* data) {
  int link = (int)(intptr_t)data;
  (void)event, (void)status;
  if (link < 10) {
    cl_event next;
    int value = link;
    Require("write", clEnqueueFillBuffer(queue, mem, &value, 4, (size_t)link * 4, 4, 0, NULL, &next),
            __LINE__);
    Require("callback", clSetEventCallback(next, CL_COMPLETE, Link, (void*)(intptr_t)(link + 1)), __LINE__);
    Require("flush", clFlush(queue), __LINE__);
    Require("release", clReleaseEvent(next), __LINE__);
  }
  Done();
}

static cl_event gate;

static void CL_CALLBACK OpenGate(cl_event event, cl_int status, void* data) {
  (void)event, (void)status, (void)data;
  Require("set", clSetUserEventStatus(gate, CL_COMPLETE), __LINE__);
  Done();
}

static void OnAlarm(int number) {
  (void)number;
  ++alarms;
  if (!pthread_equal(pthread_self(), main_thread)) alarms_elsewhere = 1;
}

int main(void) {
  Begin();
  main_thread = pthread_self();
  mem = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, 1024, NULL, &err));
  int zero = 0;
  OK(clEnqueueFillBuffer(queue, mem, &zero, 4, 0, 1024, 0, NULL, NULL));
  cl_event event;
  OK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
  OK(clSetEventCallback(event, CL_COMPLETE, Link, (void*)0));
  OK(clReleaseEvent(event));
  OK(clFlush(queue));
  WaitDone(11);
  int values[10];
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
  ShowInts("chain", values, 10);

  // A callback that opens the gate another queue waits at.
  cl_command_queue other = MAKE(clCreateCommandQueue(context, device, 0, &err));
  gate = MAKE(clCreateUserEvent(context, &err));
  int value = 77;
  OK(clEnqueueWriteBuffer(other, mem, CL_FALSE, 0, 4, &value, 1, &gate, NULL));
  OK(clFlush(other));
  OK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
  OK(clSetEventCallback(event, CL_COMPLETE, OpenGate, NULL));
  OK(clFlush(queue));
  OK(clFinish(other));
  WaitDone(12);
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, values, 0, NULL, NULL));
  printf("gate %d\n", values[0]);
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(gate));
  OK(clReleaseCommandQueue(other));

  // Signals interrupt waits, and waits go on. 200 alarms of a millisecond.
  struct sigaction action = {.sa_handler = OnAlarm};
  sigaction(SIGALRM, &action, NULL);
  struct itimerval every = {{0, 1000}, {0, 1000}}, off = {{0, 0}, {0, 0}};
  setitimer(ITIMER_REAL, &every, NULL);
  unsigned long long hash = 0;
  while (alarms < 200) {
    OK(clEnqueueFillBuffer(queue, mem, &value, 4, 0, 1024, 0, NULL, NULL));
    OK(clFinish(queue));
    hash = BufferHash(mem, 0, 1024);
  }
  setitimer(ITIMER_REAL, &off, NULL);
  printf("under alarms %016llx\n", hash);
  (void)alarms_elsewhere;
  OK(clReleaseMemObject(mem));
  End();
}
