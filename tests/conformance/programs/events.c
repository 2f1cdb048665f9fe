// Events: info, wait lists, user events and chains of them, failures that spread, callbacks, markers,
// barriers.
#include <pthread.h>

#include "program.h"

static cl_mem mem;

static cl_int Status(cl_event event) {
  cl_int status = 99;
  OK(clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  return status;
}

static void ShowEvent(const char* label, cl_event event) {
  cl_command_type type;
  cl_uint references;
  cl_context owner;
  cl_command_queue of;
  OK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
  OK(clGetEventInfo(event, CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clGetEventInfo(event, CL_EVENT_CONTEXT, sizeof owner, &owner, NULL));
  OK(clGetEventInfo(event, CL_EVENT_COMMAND_QUEUE, sizeof of, &of, NULL));
  printf("%s: type %#x context %d queue %s\n", label, type, owner == context,
         !of           ? "none"
         : of == queue ? "mine"
                       : "other");
  (void)references;  // what a running command holds is an implementation's own affair
}

static void Types(void) {
  int value = 1, values[4];
  cl_event event;
  OK(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 0, 4, &value, 0, NULL, &event));
  OK(clWaitForEvents(1, &event));
  ShowEvent("write", event);
  printf("status %d\n", Status(event));
  cl_uint references;
  OK(clGetEventInfo(event, CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clRetainEvent(event));
  cl_uint more;
  OK(clGetEventInfo(event, CL_EVENT_REFERENCE_COUNT, sizeof more, &more, NULL));
  printf("one more reference %d\n", more == references + 1);
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(event));
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, values, 0, NULL, &event));
  ShowEvent("read", event);
  printf("complete after a blocking read %d\n", Status(event) == CL_COMPLETE);
  OK(clReleaseEvent(event));
  OK(clEnqueueCopyBuffer(queue, mem, mem, 0, 64, 16, 0, NULL, &event));
  ShowEvent("copy", event);
  OK(clReleaseEvent(event));
  OK(clEnqueueFillBuffer(queue, mem, &value, 4, 0, 16, 0, NULL, &event));
  ShowEvent("fill", event);
  OK(clReleaseEvent(event));
  OK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
  ShowEvent("marker", event);
  OK(clReleaseEvent(event));
  OK(clEnqueueBarrierWithWaitList(queue, 0, NULL, &event));
  ShowEvent("barrier", event);
  OK(clReleaseEvent(event));
  OK(clEnqueueMarker(queue, &event));
  ShowEvent("old marker", event);
  OK(clEnqueueBarrier(queue));
  OK(clReleaseEvent(event));
  OK(clEnqueueMigrateMemObjects(queue, 1, &mem, 0, 0, NULL, &event));
  ShowEvent("migrate", event);
  OK(clReleaseEvent(event));
  OK(clFinish(queue));
}

static void UserEvents(void) {
  cl_event gate = GET(clCreateUserEvent(context, &err));
  ShowEvent("user", gate);
  printf("status %d\n", Status(gate));
  int values[3] = {11, 22, 33};
  cl_event first, second;
  OK(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 0, 4, &values[0], 1, &gate, &first));
  OK(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 4, 4, &values[1], 1, &first, &second));
  OK(clFlush(queue));
  usleep(20000);
  printf("waiting: complete %d %d\n", Status(first) == CL_COMPLETE, Status(second) == CL_COMPLETE);
  SHOW(clSetUserEventStatus(gate, CL_COMPLETE));
  SHOW(clSetUserEventStatus(gate, CL_COMPLETE));
  cl_event both[] = {first, second};
  SHOW(clWaitForEvents(2, both));
  printf("done: %d %d %d\n", Status(gate), Status(first), Status(second));
  OK(clReleaseEvent(first));
  OK(clReleaseEvent(second));
  OK(clReleaseEvent(gate));
  gate = MAKE(clCreateUserEvent(context, &err));
  SHOW(clSetUserEventStatus(gate, CL_RUNNING));
  SHOW(clSetUserEventStatus(gate, 17));
  SHOW(clSetUserEventStatus(NULL, CL_COMPLETE));
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clReleaseEvent(gate));
  GET(clCreateUserEvent(NULL, &err));
  OK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &first));
  SHOW(clSetUserEventStatus(first, CL_COMPLETE));
  OK(clFinish(queue));
  OK(clReleaseEvent(first));
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int calls;
static cl_int seen[16];

static void CL_CALLBACK OnStatus(cl_event event, cl_int status, void* data) {
  (void)event;
  pthread_mutex_lock(&mutex);
  seen[(intptr_t)data] = status;
  ++calls;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
}

static void WaitCalls(int count) {
  pthread_mutex_lock(&mutex);
  while (calls < count) pthread_cond_wait(&condition, &mutex);
  pthread_mutex_unlock(&mutex);
}

static void Callbacks(void) {
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  int value = 5;
  cl_event event;
  OK(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 0, 4, &value, 1, &gate, &event));
  memset(seen, 99, sizeof seen);
  SHOW(clSetEventCallback(event, CL_COMPLETE, OnStatus, (void*)0));
  SHOW(clSetEventCallback(event, CL_COMPLETE, OnStatus, (void*)1));
  SHOW(clSetEventCallback(event, CL_RUNNING, OnStatus, (void*)2));
  SHOW(clSetEventCallback(event, CL_SUBMITTED, OnStatus, (void*)3));
  SHOW(clSetEventCallback(gate, CL_COMPLETE, OnStatus, (void*)4));
  SHOW(clSetEventCallback(event, CL_QUEUED, OnStatus, (void*)5));
  SHOW(clSetEventCallback(event, CL_COMPLETE, NULL, NULL));
  SHOW(clSetEventCallback(NULL, CL_COMPLETE, OnStatus, NULL));
  SHOW(clSetEventCallback(event, -7, OnStatus, NULL));
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  WaitCalls(5);
  ShowInts("seen", seen, 5);
  SHOW(clSetEventCallback(event, CL_COMPLETE, OnStatus, (void*)6));  // too late: called at once
  WaitCalls(6);
  printf("late %d\n", seen[6]);
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(gate));
  // The event's own reference is gone before it ends: the callback still comes.
  gate = MAKE(clCreateUserEvent(context, &err));
  OK(clEnqueueMarkerWithWaitList(queue, 1, &gate, &event));
  OK(clSetEventCallback(event, CL_COMPLETE, OnStatus, (void*)7));
  OK(clReleaseEvent(event));
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clReleaseEvent(gate));
  OK(clFinish(queue));
  WaitCalls(7);
  printf("after release %d\n", seen[7]);
}

static void Failures(void) {
  cl_command_queue other = MAKE(clCreateCommandQueueWithProperties(context, device, NULL, &err));
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  int value = 6;
  cl_event event;
  OK(clEnqueueWriteBuffer(other, mem, CL_FALSE, 0, 4, &value, 1, &gate, &event));
  SHOW(clSetUserEventStatus(gate, -42));
  SHOW(clWaitForEvents(1, &event));
  printf("negative %d gate %d\n", Status(event) < 0, Status(gate));
  SHOW(clWaitForEvents(1, &gate));
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(gate));
  OK(clReleaseCommandQueue(other));
}

static void WaitLists(void) {
  cl_event event = NULL, null = NULL;
  int value = 0;
  SHOW(clWaitForEvents(0, NULL));
  SHOW(clWaitForEvents(1, NULL));
  SHOW(clWaitForEvents(1, &null));
  SHOW(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 4, &value, 1, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 4, &value, 1, &null, NULL));
  OK(clEnqueueMarkerWithWaitList(queue, 0, NULL, &event));
  SHOW(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, &event, NULL));
  cl_context elsewhere = MAKE(clCreateContext(NULL, 1, &device, NULL, NULL, &err));
  cl_event foreign = MAKE(clCreateUserEvent(elsewhere, &err));
  SHOW(clEnqueueMarkerWithWaitList(queue, 1, &foreign, NULL));
  OK(clSetUserEventStatus(foreign, CL_COMPLETE));
  cl_event mixed[] = {event, foreign};
  SHOW(clWaitForEvents(2, mixed));
  OK(clReleaseEvent(foreign));
  OK(clReleaseContext(elsewhere));
  OK(clReleaseEvent(event));
  // A long list.
  cl_event many[100];
  for (int i = 0; i < 100; ++i) OK(clEnqueueFillBuffer(queue, mem, &i, 4, 0, 4, 0, NULL, &many[i]));
  SHOW(clEnqueueMarkerWithWaitList(queue, 100, many, &event));
  SHOW(clWaitForEvents(1, &event));
  for (int i = 0; i < 100; ++i) OK(clReleaseEvent(many[i]));
  OK(clReleaseEvent(event));
}

int main(void) {
  Begin();
  mem = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, 256, NULL, &err));
  Types();
  UserEvents();
  Callbacks();
  WaitLists();
  Failures();
  OK(clReleaseMemObject(mem));
  End();
}
