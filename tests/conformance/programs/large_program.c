// A program text larger than any ring of a forwarder, a long log, many kernels, many arguments.
#include "program.h"

int main(void) {
  Begin();
  enum { kKernels = 60 };
  char* source = malloc(4 << 20);
  size_t at = 0;
  // 1.5 MB of comments keep compilation short.
  for (int i = 0; i < 15000; ++i)
    at += (size_t)sprintf(source + at, "// line %06d: %080d of a text that is long but means nothing\n", i,
                          i * 7919);
  for (int i = 0; i < kKernels; ++i)
    at +=
        (size_t)sprintf(source + at, "kernel void kernel_%02d(global int* p) { p[%d] = %d; }\n", i, i, i * i);
  const char* text = source;
  cl_program program = GET(clCreateProgramWithSource(context, 1, &text, NULL, &err));
  size_t length = 0;
  OK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, 0, NULL, &length));
  char* back = malloc(length);
  OK(clGetProgramInfo(program, CL_PROGRAM_SOURCE, length, back, NULL));
  printf("source comes back %d of %zu bytes\n", strcmp(back, source), length);
  SHOW(clBuildProgram(program, 1, &device, NULL, NULL, NULL));
  cl_kernel kernels[kKernels];
  cl_uint count;
  SHOW(clCreateKernelsInProgram(program, kKernels, kernels, &count));
  cl_mem mem = MAKE(clCreateBuffer(context, 0, kKernels * 4, NULL, &err));
  size_t one = 1;
  for (cl_uint i = 0; i < 5; ++i) {
    OK(clSetKernelArg(kernels[i], 0, sizeof mem, &mem));
    OK(clEnqueueNDRangeKernel(queue, kernels[i], 1, NULL, &one, NULL, 0, NULL, NULL));
  }
  int values[5];
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
  ShowInts("values", values, 5);
  for (cl_uint i = 0; i < count; ++i) OK(clReleaseKernel(kernels[i]));
  OK(clReleaseProgram(program));

  // 100 arguments.
  at = (size_t)sprintf(source, "kernel void many(global int* p");
  for (int i = 0; i < 100; ++i) at += (size_t)sprintf(source + at, ", int a%d", i);
  at += (size_t)sprintf(source + at, ") { p[0] = 0");
  for (int i = 0; i < 100; ++i) at += (size_t)sprintf(source + at, " + a%d * %d", i, i);
  sprintf(source + at, "; }\n");
  cl_kernel many = BuildKernel(source, "many");
  OK(clSetKernelArg(many, 0, sizeof mem, &mem));
  for (int i = 0; i < 100; ++i) OK(clSetKernelArg(many, (cl_uint)i + 1, sizeof i, &i));
  OK(clEnqueueNDRangeKernel(queue, many, 1, NULL, &one, NULL, 0, NULL, NULL));
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, values, 0, NULL, NULL));
  printf("many arguments %d\n", values[0]);

  OK(clReleaseKernel(many));
  OK(clReleaseMemObject(mem));
  free(source);
  free(back);
  End();
}
