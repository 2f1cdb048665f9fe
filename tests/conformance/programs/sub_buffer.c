// Sub-buffers: origin and alignment, inherited flags, commands and kernels through parent and child,
// lifetime.
#include "program.h"

static const char* kSource =
    "kernel void add(global int* p, int v) { p[get_global_id(0)] += v; }\n"
    "kernel void move(global int* to, global const int* from) { to[get_global_id(0)] = "
    "from[get_global_id(0)]; }\n";

static void Destroyed(cl_mem mem, void* data) {
  (void)mem;
  printf("destroyed %s\n", (const char*)data);
}

int main(void) {
  Begin();
  cl_uint align_bits;
  OK(clGetDeviceInfo(device, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof align_bits, &align_bits, NULL));
  size_t align = align_bits / 8;
  printf("alignment %zu\n", align);
  int host[1024];
  for (int i = 0; i < 1024; ++i) host[i] = i;
  cl_mem parent = MAKE(clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof host, host, &err));

  cl_buffer_region region = {align, 256};
  cl_mem child =
      GET(clCreateSubBuffer(parent, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &err));
  cl_buffer_region misaligned = {align + 1, 256};
  GET(clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &misaligned, &err));
  cl_buffer_region too_long = {0, sizeof host + 1};
  GET(clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &too_long, &err));
  cl_buffer_region empty = {0, 0};
  GET(clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &empty, &err));
  GET(clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, NULL, &err));
  GET(clCreateSubBuffer(parent, 0, 0x999, &region, &err));
  GET(clCreateSubBuffer(NULL, 0, CL_BUFFER_CREATE_TYPE_REGION, &region, &err));
  cl_buffer_region whole = {0, 64};
  GET(clCreateSubBuffer(child, 0, CL_BUFFER_CREATE_TYPE_REGION, &whole, &err));
  GET(clCreateSubBuffer(parent, CL_MEM_READ_WRITE | CL_MEM_READ_ONLY, CL_BUFFER_CREATE_TYPE_REGION, &region,
                        &err));

  cl_mem associated;
  size_t offset, size;
  cl_mem_flags flags;
  cl_mem_object_type type;
  void* pointer = &offset;
  cl_uint references;
  OK(clGetMemObjectInfo(child, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof associated, &associated, NULL));
  OK(clGetMemObjectInfo(child, CL_MEM_OFFSET, sizeof offset, &offset, NULL));
  OK(clGetMemObjectInfo(child, CL_MEM_SIZE, sizeof size, &size, NULL));
  OK(clGetMemObjectInfo(child, CL_MEM_FLAGS, sizeof flags, &flags, NULL));
  OK(clGetMemObjectInfo(child, CL_MEM_TYPE, sizeof type, &type, NULL));
  OK(clGetMemObjectInfo(child, CL_MEM_HOST_PTR, sizeof pointer, &pointer, NULL));
  OK(clGetMemObjectInfo(child, CL_MEM_REFERENCE_COUNT, sizeof references, &references, NULL));
  printf("child: parent %d offset %zu size %zu flags %#llx type %#x host %d references %u\n",
         associated == parent, offset, size, (unsigned long long)flags, type, pointer != NULL, references);

  cl_program program = Build(kSource, NULL);
  cl_kernel add = MAKE(clCreateKernel(program, "add", &err));
  cl_kernel move = MAKE(clCreateKernel(program, "move", &err));
  int value = 1000;
  size_t count = 64;
  OK(clSetKernelArg(add, 0, sizeof child, &child));
  OK(clSetKernelArg(add, 1, sizeof value, &value));
  SHOW(clEnqueueNDRangeKernel(queue, add, 1, NULL, &count, NULL, 0, NULL, NULL));
  OK(clEnqueueReadBuffer(queue, parent, CL_TRUE, 0, sizeof host, host, 0, NULL, NULL));
  printf("parent sees the child's change at %zu: %d %d\n", align, host[align / 4], host[align / 4 + 64]);
  OK(clEnqueueReadBuffer(queue, child, CL_TRUE, 4, 16, host, 0, NULL, NULL));
  ShowInts("child", host, 4);

  // Two children of one parent as source and target, and the overlap rule between siblings.
  cl_buffer_region second = {align * 8, 256};
  cl_mem sibling = MAKE(clCreateSubBuffer(parent, 0, CL_BUFFER_CREATE_TYPE_REGION, &second, &err));
  OK(clSetKernelArg(move, 0, sizeof sibling, &sibling));
  OK(clSetKernelArg(move, 1, sizeof child, &child));
  SHOW(clEnqueueNDRangeKernel(queue, move, 1, NULL, &count, NULL, 0, NULL, NULL));
  SHOW(clEnqueueCopyBuffer(queue, child, sibling, 0, 128, 64, 0, NULL, NULL));
  printf("parent %016llx\n", BufferHash(parent, 0, sizeof host));
  cl_int fill = 0x01020304;
  SHOW(clEnqueueFillBuffer(queue, sibling, &fill, 4, 8, 16, 0, NULL, NULL));
  int* mapped = GET(
      clEnqueueMapBuffer(queue, sibling, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, 256, 0, NULL, NULL, &err));
  ShowInts("mapped", mapped, 8);
  mapped[0] = -1;
  SHOW(clEnqueueUnmapMemObject(queue, sibling, mapped, 0, NULL, NULL));
  printf("parent %016llx\n", BufferHash(parent, 0, sizeof host));

  // The parent lives as long as its children.
  OK(clSetMemObjectDestructorCallback(parent, Destroyed, "parent"));
  OK(clReleaseMemObject(parent));
  printf("child after the parent's release %016llx\n", BufferHash(child, 0, 256));
  OK(clReleaseMemObject(sibling));
  OK(clReleaseMemObject(child));
  OK(clReleaseKernel(add));
  OK(clReleaseKernel(move));
  OK(clReleaseProgram(program));
  OK(clFinish(queue));
  usleep(200000);

  // A child of a buffer on the application's own memory.
  static _Alignas(4096) int own[4096];
  for (int i = 0; i < 4096; ++i) own[i] = 7 * i;
  cl_mem wrapped = MAKE(clCreateBuffer(context, CL_MEM_USE_HOST_PTR, sizeof own, own, &err));
  cl_buffer_region tail = {4096, 4096};
  cl_mem part = MAKE(clCreateSubBuffer(wrapped, 0, CL_BUFFER_CREATE_TYPE_REGION, &tail, &err));
  OK(clGetMemObjectInfo(part, CL_MEM_HOST_PTR, sizeof pointer, &pointer, NULL));
  printf("host pointer at +%td\n", (char*)pointer - (char*)own);
  mapped = MAKE(clEnqueueMapBuffer(queue, part, CL_TRUE, CL_MAP_READ, 16, 64, 0, NULL, NULL, &err));
  printf("mapped at +%td, value %d\n", (char*)mapped - (char*)own, mapped[0]);
  OK(clEnqueueUnmapMemObject(queue, part, mapped, 0, NULL, NULL));
  OK(clReleaseMemObject(part));
  OK(clReleaseMemObject(wrapped));
  End();
}
