// printf from kernels: every conversion, in order with the program's own output, and a lot of it.
#include "program.h"

static const char* kSource =
    "kernel void every(int a, float b, long c) {\n"
    "  printf(\"int %d %5d %-5d| %05d %x %X %o %u\\n\", a, a, a, a, 255, 255, 8, 7u);\n"
    "  printf(\"float %f %.2f %e %g\\n\", b, b, b, b);\n"
    "  printf(\"long %ld %lx\\n\", c, c);\n"
    "  printf(\"char %c string %s percent %%\\n\", 'z', \"text\");\n"
    "  printf(\"vector %v4d\\n\", (int4)(1, 2, 3, 4));\n"
    "  printf(\"float vector %v2hlf\\n\", (float2)(0.5f, 1.5f));\n"
    "}\n"
    "kernel void each() { printf(\"item %d of %d\\n\", (int)get_global_id(0), (int)get_global_size(0)); }\n"
    "kernel void lot(int n) { for (int i = 0; i < n; ++i) printf(\"line %d\\n\", i); }\n";

int main(void) {
  Begin();
  cl_program program = Build(kSource, "");
  cl_kernel every = MAKE(clCreateKernel(program, "every", &err));
  cl_kernel each = MAKE(clCreateKernel(program, "each", &err));
  cl_kernel lot = MAKE(clCreateKernel(program, "lot", &err));
  cl_int a = 42;
  cl_float b = 3.25f;
  cl_long c = 0x123456789all;
  OK(clSetKernelArg(every, 0, sizeof a, &a));
  OK(clSetKernelArg(every, 1, sizeof b, &b));
  OK(clSetKernelArg(every, 2, sizeof c, &c));
  puts("before");
  fflush(stdout);
  size_t one = 1, five = 5;
  OK(clEnqueueNDRangeKernel(queue, every, 1, NULL, &one, &one, 0, NULL, NULL));
  OK(clFinish(queue));
  puts("between");
  fflush(stdout);
  OK(clEnqueueNDRangeKernel(queue, each, 1, NULL, &five, &five, 0, NULL, NULL));
  OK(clFinish(queue));
  puts("between");
  fflush(stdout);
  int n = 300;
  OK(clSetKernelArg(lot, 0, sizeof n, &n));
  cl_event event;
  OK(clEnqueueNDRangeKernel(queue, lot, 1, NULL, &one, &one, 0, NULL, &event));
  OK(clWaitForEvents(1, &event));
  OK(clReleaseEvent(event));
  puts("after");
  fflush(stdout);
  OK(clReleaseKernel(every));
  OK(clReleaseKernel(each));
  OK(clReleaseKernel(lot));
  OK(clReleaseProgram(program));
  End();
}
