// Out-of-order queues, several queues, and graphs of commands held together by events, markers and barriers.
#include "program.h"

static const char* kSource =
    "kernel void add(global int* p, int v) { p[get_global_id(0)] += v; }\n"
    "kernel void twice(global int* p) { p[get_global_id(0)] *= 2; }\n"
    "kernel void sum(global int* to, global const int* a, global const int* b) {\n"
    "  int i = get_global_id(0); to[i] = a[i] + b[i]; }\n";

enum { kCount = 1024 };
static cl_program program;

static cl_mem Zeros(void) {
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, kCount * 4, NULL, &err));
  int zero = 0;
  OK(clEnqueueFillBuffer(queue, mem, &zero, 4, 0, kCount * 4, 0, NULL, NULL));
  OK(clFinish(queue));
  return mem;
}

static cl_event Launch(cl_command_queue q, cl_kernel kernel, cl_uint waits, const cl_event* list) {
  size_t count = kCount;
  cl_event event;
  OK(clEnqueueNDRangeKernel(q, kernel, 1, NULL, &count, NULL, waits, list, &event));
  return event;
}

static cl_kernel Kernel(const char* name, cl_mem first) {
  cl_kernel kernel = MAKE(clCreateKernel(program, name, &err));
  OK(clSetKernelArg(kernel, 0, sizeof first, &first));
  return kernel;
}

static int First(cl_mem mem) {
  int value = 0;
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  return value;
}

// One source, two branches, one join, over and over.
static void Diamond(cl_command_queue left, cl_command_queue right) {
  cl_mem a = Zeros(), b = Zeros(), c = Zeros();
  cl_kernel add_a = Kernel("add", a), twice_a = Kernel("twice", a), add_b = Kernel("add", b),
            sum = Kernel("sum", c);
  int three = 3, five = 5;
  OK(clSetKernelArg(add_a, 1, 4, &three));
  OK(clSetKernelArg(add_b, 1, 4, &five));
  OK(clSetKernelArg(sum, 1, sizeof a, &a));
  OK(clSetKernelArg(sum, 2, sizeof b, &b));
  cl_event last = NULL;
  for (int round = 0; round < 8; ++round) {
    cl_event start = Launch(left, add_a, last != NULL, last ? &last : NULL);
    cl_event branches[2] = {Launch(left, twice_a, 1, &start), Launch(right, add_b, 1, &start)};
    cl_event join = Launch(right, sum, 2, branches);
    OK(clReleaseEvent(start));
    OK(clReleaseEvent(branches[0]));
    OK(clReleaseEvent(branches[1]));
    if (last) OK(clReleaseEvent(last));
    last = join;
  }
  OK(clFlush(left));
  OK(clFlush(right));
  OK(clWaitForEvents(1, &last));
  OK(clReleaseEvent(last));
  printf("diamond %d %d %d\n", First(a), First(b), First(c));
  cl_kernel kernels[] = {add_a, twice_a, add_b, sum};
  for (size_t i = 0; i < COUNT(kernels); ++i) OK(clReleaseKernel(kernels[i]));
  OK(clReleaseMemObject(a));
  OK(clReleaseMemObject(b));
  OK(clReleaseMemObject(c));
}

static void Barriers(cl_command_queue q) {
  cl_mem a = Zeros();
  cl_kernel add = Kernel("add", a), twice = Kernel("twice", a);
  int one = 1;
  OK(clSetKernelArg(add, 1, 4, &one));
  for (int i = 0; i < 6; ++i) {
    OK(clReleaseEvent(Launch(q, add, 0, NULL)));
    OK(clEnqueueBarrierWithWaitList(q, 0, NULL, NULL));
    OK(clReleaseEvent(Launch(q, twice, 0, NULL)));
    OK(clEnqueueBarrier(q));
  }
  OK(clFinish(q));
  printf("barriers %d\n", First(a));
  // A marker ends after everything before it.
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  cl_event held = Launch(q, add, 1, &gate), marker;
  OK(clEnqueueMarkerWithWaitList(q, 0, NULL, &marker));
  OK(clFlush(q));
  usleep(20000);
  cl_int status;
  OK(clGetEventInfo(marker, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  printf("marker waits %d\n", status != CL_COMPLETE);
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clWaitForEvents(1, &marker));
  OK(clGetEventInfo(held, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  printf("held %d value %d\n", status, First(a));
  OK(clReleaseEvent(gate));
  OK(clReleaseEvent(held));
  OK(clReleaseEvent(marker));
  OK(clReleaseKernel(add));
  OK(clReleaseKernel(twice));
  OK(clReleaseMemObject(a));
}

// On an out-of-order queue a command behind a waiting one may run first.
static void Overtake(cl_command_queue q) {
  cl_mem a = Zeros(), b = Zeros();
  cl_kernel add_a = Kernel("add", a), add_b = Kernel("add", b);
  int one = 1;
  OK(clSetKernelArg(add_a, 1, 4, &one));
  OK(clSetKernelArg(add_b, 1, 4, &one));
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  cl_event held = Launch(q, add_a, 1, &gate), free_one = Launch(q, add_b, 0, NULL);
  OK(clFlush(q));
  SHOW(clWaitForEvents(1, &free_one));
  cl_int status;
  OK(clGetEventInfo(held, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  printf("overtaken %d\n", status != CL_COMPLETE);
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clFinish(q));
  printf("both %d %d\n", First(a), First(b));
  OK(clReleaseEvent(gate));
  OK(clReleaseEvent(held));
  OK(clReleaseEvent(free_one));
  OK(clReleaseKernel(add_a));
  OK(clReleaseKernel(add_b));
  OK(clReleaseMemObject(a));
  OK(clReleaseMemObject(b));
}

// Independent commands in great number, and then one that waits for all.
static void Storm(cl_command_queue q) {
  enum { kCommands = 3000 };
  cl_mem mem = Zeros();
  static cl_event events[kCommands];
  for (int i = 0; i < kCommands; ++i)
    OK(clEnqueueFillBuffer(q, mem, &i, 4, (i % kCount) * 4, 4, i >= kCount,
                           i >= kCount ? &events[i - kCount] : NULL, &events[i]));
  OK(clFinish(q));
  printf("storm %016llx\n", BufferHash(mem, 0, kCount * 4));
  for (int i = 0; i < kCommands; ++i) OK(clReleaseEvent(events[i]));
  OK(clReleaseMemObject(mem));
}

int main(void) {
  Begin();
  program = Build(kSource, "");
  const cl_queue_properties unordered[] = {CL_QUEUE_PROPERTIES, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, 0};
  cl_command_queue a = GET(clCreateCommandQueueWithProperties(context, device, unordered, &err));
  cl_command_queue b = MAKE(clCreateCommandQueueWithProperties(context, device, unordered, &err));
  Diamond(queue, queue);
  Diamond(a, a);
  Diamond(a, b);
  Diamond(queue, a);
  Barriers(queue);
  Barriers(a);
  Overtake(a);
  Storm(queue);
  Storm(a);
  OK(clReleaseCommandQueue(a));
  OK(clReleaseCommandQueue(b));
  OK(clReleaseProgram(program));
  End();
}
