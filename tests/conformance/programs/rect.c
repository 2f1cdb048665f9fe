// Rectangular reads, writes and copies in two and three dimensions, with given and with default pitches.
#include "program.h"

enum { kW = 20, kH = 12, kD = 5, kBytes = kW * kH * kD };

static unsigned char host[kBytes * 4];

static void Show3(const char* label, cl_mem mem) {
  printf("%s %016llx\n", label, BufferHash(mem, 0, kBytes));
}

int main(void) {
  Begin();
  unsigned char start[kBytes];
  Pattern(start, sizeof start, 1);
  cl_mem a = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, kBytes, start, &err));
  cl_mem b = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, kBytes, NULL, &err));
  unsigned char zero = 0;
  OK(clEnqueueFillBuffer(queue, b, &zero, 1, 0, kBytes, 0, NULL, NULL));

  size_t at[3] = {3, 2, 1}, host_at[3] = {1, 1, 0}, region[3] = {7, 4, 3}, origin[3] = {0, 0, 0};
  memset(host, 0xee, sizeof host);
  SHOW(clEnqueueReadBufferRect(queue, a, CL_TRUE, at, host_at, region, kW, kW * kH, 16, 16 * 8, host, 0, NULL,
                               NULL));
  printf("read %016llx\n", Hash(host, sizeof host));
  memset(host, 0xee, sizeof host);
  SHOW(
      clEnqueueReadBufferRect(queue, a, CL_TRUE, at, origin, region, kW, kW * kH, 0, 0, host, 0, NULL, NULL));
  printf("read tight %016llx\n", Hash(host, sizeof host));
  size_t row[3] = {kW, kH, kD};
  memset(host, 0xee, sizeof host);
  SHOW(clEnqueueReadBufferRect(queue, a, CL_TRUE, origin, origin, row, 0, 0, 0, 0, host, 0, NULL, NULL));
  printf("read whole %d\n", memcmp(host, start, kBytes));

  Pattern(host, sizeof host, 2);
  SHOW(clEnqueueWriteBufferRect(queue, b, CL_TRUE, at, host_at, region, kW, kW * kH, 16, 16 * 8, host, 0,
                                NULL, NULL));
  Show3("write", b);
  cl_event event;
  SHOW(clEnqueueWriteBufferRect(queue, b, CL_FALSE, origin, origin, region, 0, 0, 11, 55, host, 0, NULL,
                                &event));
  SHOW(clWaitForEvents(1, &event));
  OK(clReleaseEvent(event));
  Show3("write default", b);

  size_t source[3] = {1, 1, 1}, target[3] = {9, 6, 2};
  SHOW(clEnqueueCopyBufferRect(queue, a, b, source, target, region, kW, kW * kH, kW, kW * kH, 0, NULL, NULL));
  Show3("copy", b);
  size_t beside[3] = {9, 1, 1};
  SHOW(clEnqueueCopyBufferRect(queue, a, a, source, beside, region, kW, kW * kH, kW, kW * kH, 0, NULL, NULL));
  Show3("copy within", a);
  size_t near[3] = {4, 2, 1};
  SHOW(clEnqueueCopyBufferRect(queue, a, a, source, near, region, kW, kW * kH, kW, kW * kH, 0, NULL, NULL));

  size_t nothing[3] = {0, 4, 3}, outside[3] = {kW, kH, kD};
  SHOW(clEnqueueReadBufferRect(queue, a, CL_TRUE, at, origin, nothing, kW, kW * kH, 0, 0, host, 0, NULL,
                               NULL));
  SHOW(clEnqueueReadBufferRect(queue, a, CL_TRUE, at, origin, outside, kW, kW * kH, 0, 0, host, 0, NULL,
                               NULL));
  SHOW(clEnqueueReadBufferRect(queue, a, CL_TRUE, at, origin, region, 6, kW * kH, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBufferRect(queue, a, CL_TRUE, at, origin, region, kW, kW, 0, 0, host, 0, NULL, NULL));
  SHOW(
      clEnqueueReadBufferRect(queue, a, CL_TRUE, at, origin, region, kW, kW * kH, 0, 0, NULL, 0, NULL, NULL));
  SHOW(clEnqueueReadBufferRect(queue, NULL, CL_TRUE, at, origin, region, kW, kW * kH, 0, 0, host, 0, NULL,
                               NULL));
  SHOW(clEnqueueWriteBufferRect(queue, a, CL_TRUE, outside, origin, region, kW, kW * kH, 0, 0, host, 0, NULL,
                                NULL));
  SHOW(
      clEnqueueCopyBufferRect(queue, a, b, source, outside, region, kW, kW * kH, kW, kW * kH, 0, NULL, NULL));

  OK(clReleaseMemObject(a));
  OK(clReleaseMemObject(b));
  End();
}
