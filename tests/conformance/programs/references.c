// Reference counts and lifetimes: what keeps what alive, counts as the application sees them, releases in any
// order.
#include "program.h"

static const char* kSource = "kernel void twice(global int* p) { p[get_global_id(0)] *= 2; }";

int main(void) {
  Begin();
  int values[64];
  for (int i = 0; i < 64; ++i) values[i] = i;
  // Everything but the event is released while the kernel is still to run; the result must come all the same.
  cl_context c = MAKE(clCreateContext(NULL, 1, &device, NULL, NULL, &err));
  cl_command_queue q = MAKE(clCreateCommandQueue(c, device, 0, &err));
  cl_mem mem = MAKE(clCreateBuffer(c, CL_MEM_COPY_HOST_PTR, sizeof values, values, &err));
  cl_program program = MAKE(clCreateProgramWithSource(c, 1, &kSource, NULL, &err));
  OK(clBuildProgram(program, 0, NULL, NULL, NULL, NULL));
  cl_kernel kernel = MAKE(clCreateKernel(program, "twice", &err));
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  cl_event gate = MAKE(clCreateUserEvent(c, &err)), ran, read;
  size_t count = 64;
  OK(clEnqueueNDRangeKernel(q, kernel, 1, NULL, &count, NULL, 1, &gate, &ran));
  OK(clEnqueueReadBuffer(q, mem, CL_FALSE, 0, sizeof values, values, 1, &ran, &read));
  OK(clReleaseKernel(kernel));
  OK(clReleaseProgram(program));
  OK(clReleaseMemObject(mem));
  OK(clReleaseEvent(ran));
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clReleaseEvent(gate));
  OK(clWaitForEvents(1, &read));
  OK(clReleaseEvent(read));
  OK(clReleaseCommandQueue(q));
  OK(clReleaseContext(c));
  ShowInts("after the releases", values, 8);

  // Counts.
  cl_uint references = 0;
  mem = MAKE(clCreateBuffer(context, 0, 64, NULL, &err));
  for (int i = 0; i < 5; ++i) OK(clRetainMemObject(mem));
  OK(clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT, sizeof references, &references, NULL));
  printf("memory %u\n", references);
  for (int i = 0; i < 6; ++i) OK(clReleaseMemObject(mem));
  cl_event event = MAKE(clCreateUserEvent(context, &err));
  OK(clRetainEvent(event));
  OK(clGetEventInfo(event, CL_EVENT_REFERENCE_COUNT, sizeof references, &references, NULL));
  printf("event %u\n", references);
  OK(clSetUserEventStatus(event, CL_COMPLETE));
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(event));
  program = Build(kSource, "");
  OK(clRetainProgram(program));
  OK(clGetProgramInfo(program, CL_PROGRAM_REFERENCE_COUNT, sizeof references, &references, NULL));
  printf("program %u\n", references);
  OK(clReleaseProgram(program));
  OK(clReleaseProgram(program));
  SHOW(clRetainMemObject(NULL));
  SHOW(clReleaseMemObject(NULL));
  SHOW(clRetainEvent(NULL));
  SHOW(clReleaseEvent(NULL));
  SHOW(clRetainProgram(NULL));
  SHOW(clReleaseProgram(NULL));
  SHOW(clRetainKernel(NULL));
  SHOW(clReleaseKernel(NULL));
  SHOW(clRetainSampler(NULL));
  SHOW(clReleaseSampler(NULL));

  // Handles of live objects differ, and creation and release go on without end.
  unsigned long long sum = 0;
  for (int i = 0; i < 5000; ++i) {
    cl_mem a = MAKE(clCreateBuffer(context, 0, 4096, NULL, &err)),
           b = MAKE(clCreateBuffer(context, 0, 64, NULL, &err));
    sum += a != b;
    OK(clEnqueueWriteBuffer(queue, a, CL_FALSE, 0, 4, &i, 0, NULL, NULL));
    OK(clReleaseMemObject(a));
    OK(clReleaseMemObject(b));
  }
  OK(clFinish(queue));
  printf("pairs %llu\n", sum);
  End();
}
