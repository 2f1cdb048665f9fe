// Coarse-grained SVM, if the device has it: allocation, map, copies, fills, kernels with pointers, deferred
// free.
#include <pthread.h>

#include "program.h"

static const char* kSource =
    "kernel void add(global int* p, int v) { p[get_global_id(0)] += v; }\n"
    "typedef struct { global int* target; } Holder;\n"
    "kernel void through(global Holder* h) { h->target[get_global_id(0)] = 1000 + get_global_id(0); }\n";

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int freed;

static void CL_CALLBACK Free(cl_command_queue q, cl_uint count, void* pointers[], void* data) {
  for (cl_uint i = 0; i < count; ++i) clSVMFree(context, pointers[i]);
  pthread_mutex_lock(&mutex);
  freed = (int)count + *(int*)data + (q == queue ? 0 : 1000);
  pthread_cond_signal(&condition);
  pthread_mutex_unlock(&mutex);
}

int main(void) {
  Begin();
  cl_device_svm_capabilities capabilities = 0;
  OK(clGetDeviceInfo(device, CL_DEVICE_SVM_CAPABILITIES, sizeof capabilities, &capabilities, NULL));
  printf("coarse-grained SVM %d\n", (capabilities & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER) != 0);
  if (!(capabilities & CL_DEVICE_SVM_COARSE_GRAIN_BUFFER)) {
    printf("clSVMAlloc %s\n", clSVMAlloc(context, CL_MEM_READ_WRITE, 64, 0) ? "some" : "null");
    End();
    return 0;
  }
  enum { kCount = 1000 };
  int* a = clSVMAlloc(context, CL_MEM_READ_WRITE, kCount * 4, 0);
  int* b = clSVMAlloc(context, CL_MEM_READ_WRITE, kCount * 4, 64);
  printf("allocated %d %d aligned %d\n", a != NULL, b != NULL, (uintptr_t)b % 64 == 0);
  SHOW(clEnqueueSVMMap(queue, CL_TRUE, CL_MAP_WRITE, a, kCount * 4, 0, NULL, NULL));
  for (int i = 0; i < kCount; ++i) a[i] = i;
  SHOW(clEnqueueSVMUnmap(queue, a, 0, NULL, NULL));
  cl_program program = Build(kSource, "");
  cl_kernel add = MAKE(clCreateKernel(program, "add", &err));
  size_t count = kCount;
  int seven = 7;
  SHOW(clSetKernelArgSVMPointer(add, 0, a));
  OK(clSetKernelArg(add, 1, 4, &seven));
  SHOW(clEnqueueNDRangeKernel(queue, add, 1, NULL, &count, NULL, 0, NULL, NULL));
  cl_event event;
  SHOW(clEnqueueSVMMemcpy(queue, CL_FALSE, b, a, kCount * 4, 0, NULL, &event));
  cl_command_type type;
  OK(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, sizeof type, &type, NULL));
  OK(clWaitForEvents(1, &event));
  OK(clReleaseEvent(event));
  printf("type %#x\n", type);
  SHOW(clEnqueueSVMMap(queue, CL_TRUE, CL_MAP_READ, b, kCount * 4, 0, NULL, NULL));
  printf("copied %016llx\n", Hash(b, kCount * 4));
  SHOW(clEnqueueSVMUnmap(queue, b, 0, NULL, NULL));

  // A pointer into the middle of an allocation, and host memory on one side of a copy.
  SHOW(clSetKernelArgSVMPointer(add, 0, b + 500));
  count = 100;
  SHOW(clEnqueueNDRangeKernel(queue, add, 1, NULL, &count, NULL, 0, NULL, NULL));
  int host[kCount];
  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, host, b, kCount * 4, 0, NULL, NULL));
  printf("middle %d %d %d\n", host[499], host[500], host[600]);
  for (int i = 0; i < kCount; ++i) host[i] = 3 * i;
  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, a, host, kCount * 4, 0, NULL, NULL));
  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, host, a + 10, 40, 0, NULL, NULL));
  ShowInts("back", host, 10);
  int pattern[2] = {1, 2};
  SHOW(clEnqueueSVMMemFill(queue, b, pattern, sizeof pattern, 80, 0, NULL, NULL));
  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, host, b, 96, 0, NULL, NULL));
  ShowInts("filled", host, 24);

  // A pointer inside a structure.
  cl_kernel through = MAKE(clCreateKernel(program, "through", &err));
  int** holder = clSVMAlloc(context, CL_MEM_READ_WRITE, sizeof(int*), 0);
  OK(clEnqueueSVMMap(queue, CL_TRUE, CL_MAP_WRITE, holder, sizeof(int*), 0, NULL, NULL));
  *holder = a;
  OK(clEnqueueSVMUnmap(queue, holder, 0, NULL, NULL));
  OK(clSetKernelArgSVMPointer(through, 0, holder));
  void* indirect[] = {a};
  SHOW(clSetKernelExecInfo(through, CL_KERNEL_EXEC_INFO_SVM_PTRS, sizeof indirect, indirect));
  SHOW(clEnqueueNDRangeKernel(queue, through, 1, NULL, &count, NULL, 0, NULL, NULL));
  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, host, a, 400, 0, NULL, NULL));
  printf("through %d %d\n", host[0], host[99]);

  // A buffer on SVM memory.
  cl_mem mem = GET(clCreateBuffer(context, CL_MEM_USE_HOST_PTR, kCount * 4, a, &err));
  cl_bool uses = 9;
  OK(clGetMemObjectInfo(mem, CL_MEM_USES_SVM_POINTER, sizeof uses, &uses, NULL));
  printf("uses SVM %u, contents %016llx\n", uses, BufferHash(mem, 0, kCount * 4));
  OK(clReleaseMemObject(mem));

  const void* migrate[] = {a, b};
  SHOW(clEnqueueSVMMigrateMem(queue, 2, migrate, NULL, 0, 0, NULL, NULL));
  void* both[] = {a, b};
  int extra = 40;
  SHOW(clEnqueueSVMFree(queue, 2, both, Free, &extra, 0, NULL, NULL));
  OK(clFlush(queue));
  pthread_mutex_lock(&mutex);
  while (!freed) pthread_cond_wait(&condition, &mutex);
  printf("freed %d\n", freed);
  pthread_mutex_unlock(&mutex);
  clSVMFree(context, holder);
  clSVMFree(context, NULL);

  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, NULL, host, 4, 0, NULL, NULL));
  SHOW(clEnqueueSVMMemcpy(queue, CL_TRUE, host, NULL, 4, 0, NULL, NULL));
  SHOW(clEnqueueSVMMap(queue, CL_TRUE, CL_MAP_READ, NULL, 4, 0, NULL, NULL));
  SHOW(clEnqueueSVMUnmap(queue, NULL, 0, NULL, NULL));
  SHOW(clEnqueueSVMMemFill(queue, NULL, pattern, 4, 4, 0, NULL, NULL));
  printf("zero size %s\n", clSVMAlloc(context, CL_MEM_READ_WRITE, 0, 0) ? "some" : "null");
  printf("bad alignment %s\n", clSVMAlloc(context, CL_MEM_READ_WRITE, 64, 3) ? "some" : "null");
  printf("bad context %s\n", clSVMAlloc(NULL, CL_MEM_READ_WRITE, 64, 0) ? "some" : "null");
  OK(clReleaseKernel(add));
  OK(clReleaseKernel(through));
  OK(clReleaseProgram(program));
  End();
}
