// Mapping: pointers, counts, overlapping maps, events, invalidation, host-pointer identity, kernels between
// maps.
#include "program.h"

static cl_uint Maps(cl_mem mem) {
  cl_uint maps = 99;
  OK(clGetMemObjectInfo(mem, CL_MEM_MAP_COUNT, sizeof maps, &maps, NULL));
  return maps;
}

static const char* kSource = "kernel void twice(global int* p) { p[get_global_id(0)] *= 2; }";

static void Run(cl_kernel kernel, cl_mem mem, size_t count) {
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, NULL));
}

static void Kind(cl_kernel kernel, const char* label, cl_mem_flags flags, void* host) {
  enum { kCount = 5000 };
  cl_mem mem = MAKE(clCreateBuffer(context, flags, kCount * 4, host, &err));
  int* p = MAKE(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0, kCount * 4, 0,
                                   NULL, NULL, &err));
  for (int i = 0; i < kCount; ++i) p[i] = i;
  OK(clEnqueueUnmapMemObject(queue, mem, p, 0, NULL, NULL));
  Run(kernel, mem, kCount);
  int* part = MAKE(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ, 400, 40, 0, NULL, NULL, &err));
  printf("%s: same base %d, map of a part %d %d, at host pointer %d\n", label, (char*)part - (char*)p == 400,
         part[0], part[9], host != NULL && (char*)part == (char*)host + 400);
  OK(clEnqueueUnmapMemObject(queue, mem, part, 0, NULL, NULL));
  p = MAKE(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, kCount * 4, 0, NULL, NULL,
                              &err));
  printf("  hash %016llx\n", Hash(p, kCount * 4));
  p[0] = 77;
  OK(clEnqueueUnmapMemObject(queue, mem, p, 0, NULL, NULL));
  int value = 0;
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  printf("  written through the map: %d\n", value);
  OK(clReleaseMemObject(mem));
}

static void Counts(void) {
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_ALLOC_HOST_PTR, 8192, NULL, &err));
  void* a = GET(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ, 0, 8192, 0, NULL, NULL, &err));
  void* b = GET(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ, 0, 4096, 0, NULL, NULL, &err));
  printf("maps %u\n", Maps(mem));
  SHOW(clEnqueueUnmapMemObject(queue, mem, b, 0, NULL, NULL));
  OK(clFinish(queue));
  printf("maps %u\n", Maps(mem));
  SHOW(clEnqueueUnmapMemObject(queue, mem, a, 0, NULL, NULL));
  OK(clFinish(queue));
  printf("maps %u\n", Maps(mem));
  SHOW(clEnqueueUnmapMemObject(queue, mem, a, 0, NULL, NULL));
  char other;
  SHOW(clEnqueueUnmapMemObject(queue, mem, &other, 0, NULL, NULL));
  SHOW(clEnqueueUnmapMemObject(queue, NULL, a, 0, NULL, NULL));
  GET(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ, 8000, 193, 0, NULL, NULL, &err));
  GET(clEnqueueMapBuffer(queue, NULL, CL_TRUE, CL_MAP_READ, 0, 16, 0, NULL, NULL, &err));
  OK(clReleaseMemObject(mem));
  mem = MAKE(clCreateBuffer(context, CL_MEM_HOST_WRITE_ONLY, 64, NULL, &err));
  GET(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ, 0, 16, 0, NULL, NULL, &err));
  OK(clReleaseMemObject(mem));
  mem = MAKE(clCreateBuffer(context, CL_MEM_HOST_READ_ONLY, 64, NULL, &err));
  GET(clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_WRITE, 0, 16, 0, NULL, NULL, &err));
  OK(clReleaseMemObject(mem));
}

static void Events(cl_kernel kernel) {
  int zeros[256] = {0};
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof zeros, zeros, &err));
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  cl_event mapped, unmapped;
  int* p =
      GET(clEnqueueMapBuffer(queue, mem, CL_FALSE, CL_MAP_WRITE, 0, sizeof zeros, 1, &gate, &mapped, &err));
  cl_int status;
  cl_command_type type;
  OK(clGetEventInfo(mapped, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL));
  OK(clGetEventInfo(mapped, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
  printf("waiting map: complete %d type %#x\n", status == CL_COMPLETE, type);
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clWaitForEvents(1, &mapped));
  for (int i = 0; i < 256; ++i) p[i] = i + 1;
  SHOW(clEnqueueUnmapMemObject(queue, mem, p, 0, NULL, &unmapped));
  OK(clGetEventInfo(unmapped, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
  printf("unmap type %#x\n", type);
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  size_t count = 256;
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 1, &unmapped, NULL));
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, sizeof zeros, zeros, 0, NULL, NULL));
  printf("after %d %d\n", zeros[0], zeros[255]);
  OK(clReleaseEvent(gate));
  OK(clReleaseEvent(mapped));
  OK(clReleaseEvent(unmapped));
  OK(clReleaseMemObject(mem));
}

static void Many(void) {
  enum { kBuffers = 200 };
  cl_mem mems[kBuffers];
  unsigned char* maps[kBuffers];
  for (int i = 0; i < kBuffers; ++i) {
    mems[i] = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, 1000 + i, NULL, &err));
    maps[i] =
        MAKE(clEnqueueMapBuffer(queue, mems[i], CL_TRUE, CL_MAP_WRITE, 0, 1000 + i, 0, NULL, NULL, &err));
    memset(maps[i], i, 1000 + i);
  }
  unsigned long long sum = 0;
  for (int i = kBuffers - 1; i >= 0; --i) {
    OK(clEnqueueUnmapMemObject(queue, mems[i], maps[i], 0, NULL, NULL));
    sum = sum * 31 + BufferHash(mems[i], 0, 1000 + i);
    OK(clReleaseMemObject(mems[i]));
  }
  printf("many %016llx\n", sum);
}

int main(void) {
  Begin();
  cl_kernel kernel = BuildKernel(kSource, "twice");
  static _Alignas(4096) int host[5000];
  static int unaligned[5004];
  Kind(kernel, "plain", CL_MEM_READ_WRITE, NULL);
  Kind(kernel, "alloc", CL_MEM_ALLOC_HOST_PTR, NULL);
  Kind(kernel, "use", CL_MEM_USE_HOST_PTR, host);
  Kind(kernel, "use, not page-aligned", CL_MEM_USE_HOST_PTR, unaligned + 1);
  Counts();
  Events(kernel);
  Many();
  OK(clReleaseKernel(kernel));
  End();
}
