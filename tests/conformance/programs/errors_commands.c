// What the commands that read, write, copy, fill and map answer to each kind of invalid argument.
#include "program.h"

static const cl_image_format kRgba8 = {CL_RGBA, CL_UNSIGNED_INT8}, kRgba32 = {CL_RGBA, CL_UNSIGNED_INT32};
static char host[4096];

static void Buffers(cl_mem a, cl_mem b) {
  SHOW(clEnqueueReadBuffer(NULL, a, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, NULL, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, a, CL_TRUE, 0, 257, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, a, CL_TRUE, 256, 1, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, a, CL_TRUE, SIZE_MAX, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, a, CL_TRUE, 0, 4, NULL, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, a, CL_TRUE, 0, 4, host, 1, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(NULL, a, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, NULL, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, a, CL_TRUE, 255, 2, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, a, CL_TRUE, 0, 4, NULL, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(NULL, a, b, 0, 0, 4, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, NULL, b, 0, 0, 4, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, a, NULL, 0, 0, 4, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, a, b, 0, 253, 4, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, a, b, 253, 0, 4, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, a, a, 0, 2, 4, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, a, a, 2, 0, 4, 0, NULL, NULL));
  int pattern = 1;
  SHOW(clEnqueueFillBuffer(NULL, a, &pattern, 4, 0, 16, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, NULL, &pattern, 4, 0, 16, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, NULL, 4, 0, 16, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, &pattern, 0, 0, 16, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, &pattern, 3, 0, 15, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, host, 256, 0, 256, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, &pattern, 4, 2, 16, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, &pattern, 4, 0, 15, 0, NULL, NULL));
  SHOW(clEnqueueFillBuffer(queue, a, &pattern, 4, 248, 16, 0, NULL, NULL));
  SHOW(clEnqueueMigrateMemObjects(NULL, 1, &a, 0, 0, NULL, NULL));
  SHOW(clEnqueueMigrateMemObjects(queue, 0, &a, 0, 0, NULL, NULL));
  SHOW(clEnqueueMigrateMemObjects(queue, 1, NULL, 0, 0, NULL, NULL));
  SHOW(clEnqueueMigrateMemObjects(queue, 1, &a, 1ull << 20, 0, NULL, NULL));
  cl_mem both[] = {a, b};
  SHOW(clEnqueueMigrateMemObjects(queue, 2, both, CL_MIGRATE_MEM_OBJECT_HOST, 0, NULL, NULL));
  SHOW(clEnqueueMigrateMemObjects(queue, 2, both, CL_MIGRATE_MEM_OBJECT_CONTENT_UNDEFINED, 0, NULL, NULL));
  SHOW(clFinish(queue));
  cl_mem none = MAKE(clCreateBuffer(context, CL_MEM_HOST_NO_ACCESS, 64, NULL, &err));
  cl_mem reads = MAKE(clCreateBuffer(context, CL_MEM_HOST_READ_ONLY, 64, NULL, &err));
  cl_mem writes = MAKE(clCreateBuffer(context, CL_MEM_HOST_WRITE_ONLY, 64, NULL, &err));
  SHOW(clEnqueueReadBuffer(queue, none, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, writes, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, none, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, reads, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueReadBuffer(queue, reads, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteBuffer(queue, writes, CL_TRUE, 0, 4, host, 0, NULL, NULL));
  OK(clReleaseMemObject(none));
  OK(clReleaseMemObject(reads));
  OK(clReleaseMemObject(writes));
}

static void Images(cl_mem buffer) {
  cl_image_desc desc = {.image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = 8, .image_height = 8};
  cl_mem image = MAKE(clCreateImage(context, 0, &kRgba8, &desc, NULL, &err));
  cl_mem wide = MAKE(clCreateImage(context, 0, &kRgba32, &desc, NULL, &err));
  size_t zero[3] = {0, 0, 0}, all[3] = {8, 8, 1}, outside[3] = {8, 0, 0}, deep[3] = {8, 8, 2},
         level[3] = {0, 0, 1};
  size_t nothing[3] = {0, 8, 1};
  SHOW(clEnqueueReadImage(NULL, image, CL_TRUE, zero, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, NULL, CL_TRUE, zero, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, NULL, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, zero, NULL, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, zero, all, 0, 0, NULL, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, outside, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, zero, deep, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, level, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, image, CL_TRUE, zero, nothing, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueReadImage(queue, buffer, CL_TRUE, zero, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteImage(queue, NULL, CL_TRUE, zero, all, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteImage(queue, image, CL_TRUE, zero, deep, 0, 0, host, 0, NULL, NULL));
  SHOW(clEnqueueWriteImage(queue, image, CL_TRUE, zero, all, 0, 0, NULL, 0, NULL, NULL));
  SHOW(clEnqueueCopyImage(queue, image, wide, zero, zero, all, 0, NULL, NULL));
  SHOW(clEnqueueCopyImage(queue, image, image, zero, zero, all, 0, NULL, NULL));
  SHOW(clEnqueueCopyImage(queue, NULL, image, zero, zero, all, 0, NULL, NULL));
  SHOW(clEnqueueCopyImage(queue, image, NULL, zero, zero, all, 0, NULL, NULL));
  SHOW(clEnqueueCopyImageToBuffer(queue, image, buffer, zero, all, 250, 0, NULL, NULL));
  SHOW(clEnqueueCopyImageToBuffer(queue, NULL, buffer, zero, all, 0, 0, NULL, NULL));
  SHOW(clEnqueueCopyBufferToImage(queue, buffer, image, 250, zero, all, 0, NULL, NULL));
  cl_uint color[4] = {0, 0, 0, 0};
  SHOW(clEnqueueFillImage(queue, NULL, color, zero, all, 0, NULL, NULL));
  SHOW(clEnqueueFillImage(queue, image, NULL, zero, all, 0, NULL, NULL));
  SHOW(clEnqueueFillImage(queue, image, color, zero, deep, 0, NULL, NULL));
  size_t row;
  GET(clEnqueueMapImage(queue, image, CL_TRUE, CL_MAP_READ, zero, all, NULL, NULL, 0, NULL, NULL, &err));
  GET(clEnqueueMapImage(queue, NULL, CL_TRUE, CL_MAP_READ, zero, all, &row, NULL, 0, NULL, NULL, &err));
  GET(clEnqueueMapImage(queue, image, CL_TRUE, CL_MAP_READ, zero, deep, &row, NULL, 0, NULL, NULL, &err));
  SHOW(clFinish(queue));
  OK(clReleaseMemObject(image));
  OK(clReleaseMemObject(wide));
}

static void Info(void) {
  cl_kernel kernel = BuildKernel("kernel void k(global int* p, read_only image2d_t i, sampler_t s) {}", "k");
  size_t size;
  cl_uint count;
  SHOW(clGetKernelInfo(kernel, 0x999, sizeof count, &count, NULL));
  SHOW(clGetKernelInfo(kernel, CL_KERNEL_NUM_ARGS, 3, &count, NULL));
  SHOW(clGetKernelInfo(NULL, CL_KERNEL_NUM_ARGS, sizeof count, &count, NULL));
  SHOW(clGetKernelWorkGroupInfo(kernel, device, 0x999, sizeof size, &size, NULL));
  SHOW(clGetKernelWorkGroupInfo(kernel, device, CL_KERNEL_WORK_GROUP_SIZE, 4, &size, NULL));
  SHOW(clGetKernelWorkGroupInfo(kernel, NULL, CL_KERNEL_WORK_GROUP_SIZE, sizeof size, &size, NULL));
  SHOW(clGetKernelWorkGroupInfo(NULL, device, CL_KERNEL_WORK_GROUP_SIZE, sizeof size, &size, NULL));
  SHOW(clGetKernelArgInfo(NULL, 0, CL_KERNEL_ARG_NAME, 0, NULL, NULL));
  SHOW(clGetKernelArgInfo(kernel, 9, CL_KERNEL_ARG_NAME, 0, NULL, NULL));
  SHOW(clGetProgramInfo(NULL, CL_PROGRAM_NUM_DEVICES, sizeof count, &count, NULL));
  cl_program program;
  OK(clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof program, &program, NULL));
  SHOW(clGetProgramInfo(program, 0x999, sizeof count, &count, NULL));
  SHOW(clGetProgramInfo(program, CL_PROGRAM_NUM_DEVICES, 3, &count, NULL));
  SHOW(clGetProgramBuildInfo(program, NULL, CL_PROGRAM_BUILD_STATUS, sizeof count, &count, NULL));
  SHOW(clGetProgramBuildInfo(program, device, 0x999, sizeof count, &count, NULL));
  SHOW(clGetProgramBuildInfo(NULL, device, CL_PROGRAM_BUILD_STATUS, sizeof count, &count, NULL));
  cl_event event = MAKE(clCreateUserEvent(context, &err));
  SHOW(clGetEventInfo(event, 0x999, sizeof count, &count, NULL));
  SHOW(clGetEventInfo(event, CL_EVENT_COMMAND_TYPE, 3, &count, NULL));
  SHOW(clGetEventInfo(NULL, CL_EVENT_COMMAND_TYPE, sizeof count, &count, NULL));
  OK(clSetUserEventStatus(event, CL_COMPLETE));
  OK(clReleaseEvent(event));
  cl_sampler sampler = MAKE(clCreateSampler(context, CL_TRUE, CL_ADDRESS_REPEAT, CL_FILTER_NEAREST, &err));
  SHOW(clGetSamplerInfo(sampler, 0x999, sizeof count, &count, NULL));
  SHOW(clGetSamplerInfo(NULL, CL_SAMPLER_FILTER_MODE, sizeof count, &count, NULL));
  SHOW(clSetKernelArg(kernel, 1, 4, &count));
  SHOW(clSetKernelArg(kernel, 2, 4, &count));
  SHOW(clSetKernelArg(kernel, 2, sizeof sampler, &sampler));
  SHOW(clSetKernelArg(kernel, 3, sizeof sampler, &sampler));
  OK(clReleaseSampler(sampler));
  OK(clReleaseKernel(kernel));
}

int main(void) {
  Begin();
  cl_mem a = MAKE(clCreateBuffer(context, 0, 256, NULL, &err)),
         b = MAKE(clCreateBuffer(context, 0, 256, NULL, &err));
  Buffers(a, b);
  Images(a);
  Info();
  OK(clReleaseMemObject(a));
  OK(clReleaseMemObject(b));
  End();
}
