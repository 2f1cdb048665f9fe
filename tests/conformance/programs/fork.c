// fork: before the first OpenCL call both sides may use it; after it the child may leave or execute
// something; a child that OpenCL was not used in before may start its own.
#include <sys/wait.h>

#include "program.h"

static const char* kSource =
    "kernel void fill(global int* p, int v) { p[get_global_id(0)] = v + get_global_id(0); }";

static unsigned long long Work(int value) {
  cl_kernel kernel = BuildKernel(kSource, "fill");
  cl_mem mem = MAKE(clCreateBuffer(context, 0, 4000, NULL, &err));
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  OK(clSetKernelArg(kernel, 1, sizeof value, &value));
  size_t count = 1000;
  OK(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &count, NULL, 0, NULL, NULL));
  unsigned long long hash = BufferHash(mem, 0, 4000);
  OK(clReleaseMemObject(mem));
  OK(clReleaseKernel(kernel));
  return hash;
}

static void Join(pid_t child, const char* label) {
  int status = 0;
  waitpid(child, &status, 0);
  printf("%s: exited %d code %d\n", label, WIFEXITED(status), WEXITSTATUS(status));
  fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc > 1) {  // executed by the child below
    Begin();
    printf("executed %016llx\n", Work(3));
    End();
    return 7;
  }
  // Both sides from the start, one after the other so that their lines have an order.
  pid_t child = fork();
  if (child == 0) {
    Begin();
    printf("child %016llx\n", Work(1));
    End();
    fflush(stdout);
    _exit(5);
  }
  Join(child, "fork before the first call");
  Begin();
  printf("parent %016llx\n", Work(2));

  child = fork();
  if (child == 0) _exit(6);
  Join(child, "child that leaves at once");
  printf("parent after it %016llx\n", Work(2));

  child = fork();
  if (child == 0) {
    execl(argv[0], argv[0], "again", (char*)NULL);
    _exit(99);
  }
  Join(child, "child that executes");
  printf("parent after it %016llx\n", Work(2));

  // A child may exist while work is under way, and ends without disturbing it.
  cl_event gate = MAKE(clCreateUserEvent(context, &err)), event;
  cl_mem mem = MAKE(clCreateBuffer(context, 0, 64, NULL, &err));
  int value = 5;
  OK(clEnqueueFillBuffer(queue, mem, &value, 4, 0, 64, 1, &gate, &event));
  child = fork();
  if (child == 0) _exit(0);
  OK(clSetUserEventStatus(gate, CL_COMPLETE));
  OK(clWaitForEvents(1, &event));
  Join(child, "child beside work");
  printf("work %016llx\n", BufferHash(mem, 0, 64));
  OK(clReleaseEvent(gate));
  OK(clReleaseEvent(event));
  OK(clReleaseMemObject(mem));
  int status = system("exit 3");
  printf("system %d\n", WEXITSTATUS(status));
  printf("parent at the end %016llx\n", Work(4));
  End();
}
