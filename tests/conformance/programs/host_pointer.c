// CL_MEM_USE_HOST_PTR: the application's memory holds the contents after a map, and only then must.
#include "program.h"

static const char* kSource =
    "kernel void count(global int* p) { p[get_global_id(0)] = get_global_id(0) + p[get_global_id(0)] * 10; }";

int main(void) {
  Begin();
  cl_kernel kernel = BuildKernel(kSource, "count");
  enum { kCount = 3000 };
  int* host = aligned_alloc(4096, 4096 * 3);
  for (int i = 0; i < kCount; ++i) host[i] = i % 7;
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_USE_HOST_PTR, kCount * 4, host, &err));
  size_t count = kCount;
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, NULL));
  int* p = MAKE(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, kCount * 4, 0, NULL,
                                   NULL, &err));
  printf("same pointer %d, contents %016llx\n", p == host, Hash(host, kCount * 4));
  for (int i = 0; i < kCount; ++i) host[i] = 1;
  OK(clEnqueueUnmapMemObject(queue, mem, p, 0, NULL, NULL));
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, NULL));
  printf("second %016llx\n", BufferHash(mem, 0, kCount * 4));

  // A write through the API, then a map of a part: that part of the application's memory is current.
  int values[4] = {-1, -2, -3, -4};
  OK(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 400, sizeof values, values, 0, NULL, NULL));
  p = MAKE(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ, 400, 16, 0, NULL, NULL, &err));
  ShowInts("part", host + 100, 4);
  OK(clEnqueueUnmapMemObject(queue, mem, p, 0, NULL, NULL));

  // Reading a buffer into its own host pointer is allowed.
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, kCount * 4, host, 0, NULL, NULL));
  printf("read into itself %016llx\n", Hash(host, kCount * 4));
  OK(clFinish(queue));
  OK(clReleaseMemObject(mem));

  // The memory is the application's again after the release.
  memset(host, 0, kCount * 4);
  printf("mine again %d\n", host[0]);

  // Two buffers, the second copied from a host pointer that changes at once.
  cl_mem copy = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, kCount * 4, host, &err));
  memset(host, 0xff, kCount * 4);
  int first = 5;
  OK(clEnqueueReadBuffer(queue, copy, CL_TRUE, 0, 4, &first, 0, NULL, NULL));
  printf("copied before the change: %d\n", first);
  OK(clReleaseMemObject(copy));
  free(host);
  OK(clReleaseKernel(kernel));
  End();
}
