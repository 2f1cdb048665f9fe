// What the standard asks for and PoCL 3.1 aborts, crashes or hangs in. Not compared with the native run but
// with expected/beyond.txt: through a forwarder these must neither end the program nor the executor.
#include <pthread.h>
#include <sys/wait.h>

#include "program.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int calls;
static cl_int seen;

static void CL_CALLBACK OnStatus(cl_event event, cl_int status, void* data) {
  (void)event, (void)data;
  pthread_mutex_lock(&mutex);
  seen = status;
  ++calls;
  pthread_cond_broadcast(&condition);
  pthread_mutex_unlock(&mutex);
}

static void CL_CALLBACK Native(void* data) { (void)data; }

static int Value(cl_mem mem) {
  int value = -1;
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  return value;
}

int main(void) {
  Begin();
  int one = 1, two = 2;
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 4, &one, &err));

  // The old form of a barrier with a wait list.
  cl_event gate = MAKE(clCreateUserEvent(context, &err));
  SHOW(clEnqueueWaitForEvents(queue, 1, &gate));
  OK(clEnqueueWriteBuffer(queue, mem, CL_FALSE, 0, 4, &two, 0, NULL, NULL));
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  printf("after the old wait %d\n", Value(mem));
  OK(clReleaseEvent(gate));
  SHOW(clEnqueueWaitForEvents(queue, 0, NULL));

  // The callback of a command that fails because of its wait list.
  cl_command_queue other = MAKE(clCreateCommandQueue(context, device, 0, &err));
  cl_event event;
  gate = MAKE(clCreateUserEvent(context, &err));
  OK(clEnqueueWriteBuffer(other, mem, CL_FALSE, 0, 4, &one, 1, &gate, &event));
  OK(clSetEventCallback(event, CL_COMPLETE, OnStatus, NULL));
  OK(clSetUserEventStatus(gate, -42));
  pthread_mutex_lock(&mutex);
  while (!calls) pthread_cond_wait(&condition, &mutex);
  printf("callback of a failed command: negative %d\n", seen < 0);
  pthread_mutex_unlock(&mutex);
  OK(clReleaseEvent(event));
  OK(clReleaseEvent(gate));
  OK(clReleaseCommandQueue(other));
  printf("not written %d\n", Value(mem));

  // Null pointers where the standard names a code for them.
  size_t count = 1;
  const char* source = "kernel void k(global int* p) { p[0] = 5; }";
  SHOW(clEnqueueNDRangeKernel(queue, NULL, 1, NULL, &count, NULL, 0, NULL, NULL));
  GET(clCreateProgramWithSource(context, 1, NULL, NULL, &err));
  cl_program program = Build(source, "");
  SHOW(clCompileProgram(program, 1, &device, "", 1, NULL, NULL, NULL, NULL));
  unsigned char* skipped = NULL;
  SHOW(clGetProgramInfo(program, CL_PROGRAM_BINARIES, sizeof skipped, &skipped, NULL));

  // A clone that runs.
  cl_kernel kernel = MAKE(clCreateKernel(program, "k", &err));
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  cl_kernel clone = GET(clCloneKernel(kernel, &err));
  if (clone) {
    OK(clEnqueueNDRangeKernel(queue, clone, 1, NULL, &count, NULL, 0, NULL, NULL));
    printf("written by a clone %d\n", Value(mem));
    OK(clReleaseKernel(clone));
  }

  // Capabilities that this device does not have.
  const cl_queue_properties on_device[] = {CL_QUEUE_PROPERTIES,
                                           CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE | CL_QUEUE_ON_DEVICE, 0};
  GET(clCreateCommandQueueWithProperties(context, device, on_device, &err));
  const cl_image_format rgba8 = {CL_RGBA, CL_UNSIGNED_INT8};
  cl_image_desc desc = {
      .image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 8, .image_height = 8, .num_mip_levels = 2};
  cl_mem image = clCreateImage(context, 0, &rgba8, &desc, NULL, &err);
  printf("mip levels %s\n", image ? "some" : "null");
  SHOW(clEnqueueNativeKernel(queue, Native, NULL, 0, 0, NULL, NULL, 0, NULL, NULL));

  // A child after the parent used OpenCL: it gets a session of its own.
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    FindDevice();
    context = clCreateContext(NULL, 1, &device, NULL, NULL, &err);
    if (err != CL_SUCCESS) _exit(10);
    queue = clCreateCommandQueue(context, device, 0, &err);
    if (err != CL_SUCCESS) _exit(11);
    cl_mem own = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 4, &two, &err);
    if (err != CL_SUCCESS) _exit(12);
    int value = 0;
    if (clEnqueueReadBuffer(queue, own, CL_TRUE, 0, 4, &value, 0, NULL, NULL) != CL_SUCCESS) _exit(13);
    _exit(value == 2 ? 0 : 14);
  }
  int status = -1;
  waitpid(child, &status, 0);
  printf("child with its own session: exited %d code %d\n", WIFEXITED(status), WEXITSTATUS(status));
  printf("parent goes on %d\n", Value(mem));
  OK(clReleaseKernel(kernel));
  OK(clReleaseProgram(program));
  OK(clReleaseMemObject(mem));
  End();
}
