// Queues: properties, info, references, release with work under way, many at once.
#include "program.h"

static void ShowQueue(const char* label, cl_command_queue q) {
  cl_uint references = 99, size = 99;
  cl_command_queue_properties properties = 99;
  cl_context owner;
  cl_device_id on;
  OK(clGetCommandQueueInfo(q, CL_QUEUE_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clGetCommandQueueInfo(q, CL_QUEUE_PROPERTIES, sizeof properties, &properties, NULL));
  OK(clGetCommandQueueInfo(q, CL_QUEUE_CONTEXT, sizeof owner, &owner, NULL));
  OK(clGetCommandQueueInfo(q, CL_QUEUE_DEVICE, sizeof on, &on, NULL));
  cl_int code = clGetCommandQueueInfo(q, CL_QUEUE_SIZE, sizeof size, &size, NULL);
  size_t array = 99;
  cl_int second = clGetCommandQueueInfo(q, CL_QUEUE_PROPERTIES_ARRAY, 0, NULL, &array);
  printf("%s: references %u properties %#llx context %d device %d size %s", label, references,
         (unsigned long long)properties, owner == context, on == device, CodeName(code));
  printf(" array %s %zu\n", CodeName(second), array);
}

int main(void) {
  Begin();
  ShowQueue("plain", queue);
  const cl_command_queue_properties old[] = {
      0, CL_QUEUE_PROFILING_ENABLE, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE,
      CL_QUEUE_PROFILING_ENABLE | CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE};
  for (size_t i = 0; i < COUNT(old); ++i) {
    cl_command_queue q = MAKE(clCreateCommandQueue(context, device, old[i], &err));
    ShowQueue("clCreateCommandQueue", q);
    OK(clReleaseCommandQueue(q));
    const cl_queue_properties properties[] = {CL_QUEUE_PROPERTIES, old[i], 0};
    q = MAKE(clCreateCommandQueueWithProperties(context, device, properties, &err));
    ShowQueue("with properties", q);
    OK(clReleaseCommandQueue(q));
  }
  const cl_queue_properties empty[] = {0};
  cl_command_queue q = GET(clCreateCommandQueueWithProperties(context, device, empty, &err));
  ShowQueue("empty list", q);
  OK(clReleaseCommandQueue(q));
  const cl_queue_properties unknown[] = {0x9999, 1, 0};
  GET(clCreateCommandQueueWithProperties(context, device, unknown, &err));
  GET(clCreateCommandQueue(context, device, 1ull << 40, &err));
  GET(clCreateCommandQueue(context, NULL, 0, &err));
  GET(clCreateCommandQueue(NULL, device, 0, &err));
  GET(clCreateCommandQueueWithProperties(NULL, device, NULL, &err));
  GET(clCreateCommandQueueWithProperties(context, NULL, NULL, &err));
  SHOW(clGetCommandQueueInfo(queue, 0x999, 0, NULL, NULL));
  SHOW(clGetCommandQueueInfo(NULL, CL_QUEUE_CONTEXT, 0, NULL, NULL));
  SHOW(clFlush(NULL));
  SHOW(clFinish(NULL));
  SHOW(clRetainCommandQueue(NULL));
  SHOW(clReleaseCommandQueue(NULL));
  OK(clRetainCommandQueue(queue));
  ShowQueue("retained", queue);
  OK(clReleaseCommandQueue(queue));

  // The release of a queue flushes it and its work goes on.
  cl_mem mem = MAKE(clCreateBuffer(context, 0, 4, NULL, &err));
  int value = 9, got = 0;
  q = MAKE(clCreateCommandQueue(context, device, 0, &err));
  cl_event event;
  OK(clEnqueueWriteBuffer(q, mem, CL_FALSE, 0, 4, &value, 0, NULL, &event));
  OK(clReleaseCommandQueue(q));
  OK(clWaitForEvents(1, &event));
  OK(clReleaseEvent(event));
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &got, 0, NULL, NULL));
  printf("after the queue's release %d\n", got);

  enum { kQueues = 100 };
  static cl_command_queue queues[kQueues];
  for (int i = 0; i < kQueues; ++i) queues[i] = MAKE(clCreateCommandQueue(context, device, 0, &err));
  for (int i = 0; i < kQueues; ++i) {
    OK(clEnqueueWriteBuffer(queues[i], mem, CL_FALSE, 0, 4, &i, 0, NULL, NULL));
    OK(clFinish(queues[i]));
  }
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &got, 0, NULL, NULL));
  printf("many queues %d\n", got);
  for (int i = 0; i < kQueues; ++i) OK(clReleaseCommandQueue(queues[i]));
  OK(clReleaseMemObject(mem));
  End();
}
