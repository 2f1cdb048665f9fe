// Contexts: creation by device and by type, properties, info, references, several at once, destructor
// callbacks.
#include "program.h"

static void Notify(const char* message, const void* info, size_t size, void* data) {
  (void)message, (void)info, (void)size, (void)data;
}

static void Destroyed(cl_context c, void* data) {
  (void)c;
  printf("destroyed %s\n", (const char*)data);
}

static void ShowContext(const char* label, cl_context c) {
  cl_uint references, count;
  cl_device_id devices[8] = {NULL};
  size_t properties = 99;
  OK(clGetContextInfo(c, CL_CONTEXT_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clGetContextInfo(c, CL_CONTEXT_NUM_DEVICES, sizeof count, &count, NULL));
  OK(clGetContextInfo(c, CL_CONTEXT_DEVICES, sizeof devices, devices, NULL));
  OK(clGetContextInfo(c, CL_CONTEXT_PROPERTIES, 0, NULL, &properties));
  printf("%s: references %u devices %u mine %d properties %zu\n", label, references, count,
         devices[0] == device, properties);
}

int main(void) {
  Begin();
  const cl_context_properties with_platform[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform, 0};
  int data = 0;
  cl_context a = GET(clCreateContext(with_platform, 1, &device, Notify, &data, &err));
  ShowContext("with platform", a);
  cl_context_properties back[8] = {0};
  OK(clGetContextInfo(a, CL_CONTEXT_PROPERTIES, sizeof back, back, NULL));
  printf("property %d\n",
         back[0] == CL_CONTEXT_PLATFORM && back[1] == (cl_context_properties)platform && back[2] == 0);
  const cl_context_properties synced[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)platform,
                                          CL_CONTEXT_INTEROP_USER_SYNC, CL_TRUE, 0};
  cl_context b = GET(clCreateContext(synced, 1, &device, NULL, NULL, &err));
  if (b) OK(clReleaseContext(b));
  cl_context c = GET(clCreateContextFromType(with_platform, CL_DEVICE_TYPE_ALL, NULL, NULL, &err));
  ShowContext("from type", c);
  GET(clCreateContextFromType(with_platform, CL_DEVICE_TYPE_ACCELERATOR, NULL, NULL, &err));
  cl_context d = GET(clCreateContextFromType(with_platform, CL_DEVICE_TYPE_DEFAULT, NULL, NULL, &err));
  OK(clReleaseContext(d));

  cl_device_id twice[] = {device, device};
  cl_context e = GET(clCreateContext(NULL, 2, twice, NULL, NULL, &err));
  if (e) ShowContext("the same device twice", e);
  if (e) OK(clReleaseContext(e));
  GET(clCreateContext(NULL, 0, &device, NULL, NULL, &err));
  GET(clCreateContext(NULL, 1, NULL, NULL, NULL, &err));
  GET(clCreateContext(NULL, 1, &device, NULL, &data, &err));
  const cl_context_properties unknown[] = {0x7777, 1, 0};
  GET(clCreateContext(unknown, 1, &device, NULL, NULL, &err));

  OK(clRetainContext(a));
  ShowContext("retained", a);
  OK(clReleaseContext(a));
  SHOW(clSetContextDestructorCallback(a, Destroyed, "first"));
  SHOW(clSetContextDestructorCallback(a, Destroyed, "second"));
  SHOW(clSetContextDestructorCallback(a, NULL, NULL));
  // A buffer keeps its context.
  cl_mem mem = MAKE(clCreateBuffer(a, 0, 64, NULL, &err));
  OK(clReleaseContext(a));
  puts("context released, buffer alive");
  cl_context owner;
  OK(clGetMemObjectInfo(mem, CL_MEM_CONTEXT, sizeof owner, &owner, NULL));
  printf("owner %d\n", owner == a);
  OK(clReleaseMemObject(mem));
  usleep(200000);

  // Objects of one context don't serve in another.
  cl_mem foreign = MAKE(clCreateBuffer(c, 0, 64, NULL, &err));
  int value = 0;
  SHOW(clEnqueueWriteBuffer(queue, foreign, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  OK(clReleaseMemObject(foreign));
  SHOW(clGetContextInfo(c, 0x999, 0, NULL, NULL));
  SHOW(clGetContextInfo(NULL, CL_CONTEXT_DEVICES, 0, NULL, NULL));
  SHOW(clRetainContext(NULL));
  SHOW(clReleaseContext(NULL));
  OK(clReleaseContext(c));

  // Many contexts, each with its queue and work.
  enum { kContexts = 20 };
  cl_context contexts[kContexts];
  int sum = 0;
  for (int i = 0; i < kContexts; ++i) {
    contexts[i] = MAKE(clCreateContext(NULL, 1, &device, NULL, NULL, &err));
    cl_command_queue q = MAKE(clCreateCommandQueue(contexts[i], device, 0, &err));
    cl_mem m = MAKE(clCreateBuffer(contexts[i], CL_MEM_COPY_HOST_PTR, 4, &i, &err));
    int got = -1;
    OK(clEnqueueReadBuffer(q, m, CL_TRUE, 0, 4, &got, 0, NULL, NULL));
    sum += got;
    OK(clReleaseMemObject(m));
    OK(clReleaseCommandQueue(q));
  }
  for (int i = 0; i < kContexts; ++i) OK(clReleaseContext(contexts[i]));
  printf("many %d\n", sum);
  End();
}
