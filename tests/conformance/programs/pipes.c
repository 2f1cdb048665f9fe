// Pipes and sub-groups: what a device without them answers, and what one with them does.
#include "program.h"

static const char* kSource = "kernel void nothing(global int* p) { p[0] = 1; }";

int main(void) {
  Begin();
  cl_bool pipes = CL_FALSE;
  OK(clGetDeviceInfo(device, CL_DEVICE_PIPE_SUPPORT, sizeof pipes, &pipes, NULL));
  printf("pipes %u\n", pipes);
  cl_mem pipe = GET(clCreatePipe(context, CL_MEM_HOST_NO_ACCESS, 16, 32, NULL, &err));
  if (pipe) {
    cl_uint packet, packets;
    SHOW(clGetPipeInfo(pipe, CL_PIPE_PACKET_SIZE, sizeof packet, &packet, NULL));
    SHOW(clGetPipeInfo(pipe, CL_PIPE_MAX_PACKETS, sizeof packets, &packets, NULL));
    printf("packet %u packets %u\n", packet, packets);
    OK(clReleaseMemObject(pipe));
  }
  GET(clCreatePipe(NULL, 0, 16, 32, NULL, &err));
  cl_mem buffer = MAKE(clCreateBuffer(context, 0, 64, NULL, &err));
  cl_uint value;
  SHOW(clGetPipeInfo(buffer, CL_PIPE_PACKET_SIZE, sizeof value, &value, NULL));
  SHOW(clGetPipeInfo(NULL, CL_PIPE_PACKET_SIZE, sizeof value, &value, NULL));
  OK(clReleaseMemObject(buffer));

  cl_kernel kernel = BuildKernel(kSource, "nothing");
  size_t global = 64, local = 0, groups = 99;
  SHOW(clGetKernelSubGroupInfo(kernel, device, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE, sizeof global,
                               &global, sizeof groups, &groups, NULL));
  SHOW(clGetKernelSubGroupInfo(kernel, device, CL_KERNEL_MAX_NUM_SUB_GROUPS, 0, NULL, sizeof groups, &groups,
                               NULL));
  SHOW(clGetKernelSubGroupInfo(NULL, device, CL_KERNEL_MAX_NUM_SUB_GROUPS, 0, NULL, sizeof groups, &groups,
                               NULL));
  clGetKernelSuggestedLocalWorkSizeKHR_fn suggested =
      (clGetKernelSuggestedLocalWorkSizeKHR_fn)clGetExtensionFunctionAddressForPlatform(
          platform, "clGetKernelSuggestedLocalWorkSizeKHR");
  printf("suggested local size %s\n", suggested ? "some" : "none");
  if (suggested) {
    SHOW(suggested(queue, kernel, 1, NULL, &global, &local));
    printf("local %zu\n", local);
  }
  OK(clReleaseKernel(kernel));
  End();
}
