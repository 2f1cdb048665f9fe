// A program that closes every descriptor it does not know after it has started OpenCL, as daemons do, and one
// whose standard streams are closed.
#include "program.h"

int main(void) {
  Begin();
  int value = 1, got = 0;
  cl_mem mem = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, 4, &value, &err));
  for (int fd = 3; fd < 256; ++fd) close(fd);
  value = 2;
  SHOW(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 4, &value, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &got, 0, NULL, NULL));
  printf("value %d\n", got);
  // New descriptors take the old numbers; nobody may write to them.
  FILE* file = tmpfile();
  int fd = fileno(file);
  for (int i = 0; i < 20; ++i) OK(clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, 4, &i, 0, NULL, NULL));
  OK(clFinish(queue));
  printf("stray bytes %ld\n", (long)lseek(fd, 0, SEEK_END));
  fclose(file);
  close(0);
  OK(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, 4, &got, 0, NULL, NULL));
  printf("value %d\n", got);
  OK(clReleaseMemObject(mem));
  End();
}
