// Sub-devices: partitions by count and equally, their info and references, contexts and kernels on them.
#include "program.h"

static const char* kSource =
    "kernel void fill(global int* p) { p[get_global_id(0)] = 5 * get_global_id(0); }";

static void ShowSub(cl_device_id sub) {
  cl_uint units, references;
  cl_device_id parent;
  cl_device_partition_property type[8] = {0};
  size_t size = 0;
  OK(clGetDeviceInfo(sub, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL));
  OK(clGetDeviceInfo(sub, CL_DEVICE_REFERENCE_COUNT, sizeof references, &references, NULL));
  OK(clGetDeviceInfo(sub, CL_DEVICE_PARENT_DEVICE, sizeof parent, &parent, NULL));
  OK(clGetDeviceInfo(sub, CL_DEVICE_PARTITION_TYPE, sizeof type, type, &size));
  printf("  units %u references %u parent %d type", units, references, parent == device);
  for (size_t i = 0; i < size / sizeof type[0]; ++i) printf(" %#llx", (unsigned long long)type[i]);
  puts("");
}

static void Use(cl_device_id sub) {
  cl_context c = MAKE(clCreateContext(NULL, 1, &sub, NULL, NULL, &err));
  cl_command_queue q = MAKE(clCreateCommandQueue(c, sub, 0, &err));
  cl_program program = MAKE(clCreateProgramWithSource(c, 1, &kSource, NULL, &err));
  OK(clBuildProgram(program, 1, &sub, "", NULL, NULL));
  cl_kernel kernel = MAKE(clCreateKernel(program, "fill", &err));
  cl_mem mem = MAKE(clCreateBuffer(c, 0, 4000, NULL, &err));
  OK(clSetKernelArg(kernel, 0, sizeof mem, &mem));
  size_t count = 1000;
  OK(clEnqueueNDRangeKernel(q, kernel, 1, NULL, &count, NULL, 0, NULL, NULL));
  int values[1000];
  OK(clEnqueueReadBuffer(q, mem, CL_TRUE, 0, 4000, values, 0, NULL, NULL));
  printf("  kernel on it %016llx\n", Hash(values, sizeof values));
  OK(clFinish(q));
  usleep(
      50000);  // PoCL 3.1 may crash when a context on sub-devices goes while its worker is ending a command
  OK(clReleaseMemObject(mem));
  OK(clReleaseKernel(kernel));
  OK(clReleaseProgram(program));
  OK(clReleaseCommandQueue(q));
  OK(clReleaseContext(c));
}

static void Partition(const char* label, const cl_device_partition_property* properties) {
  cl_device_id subs[64];
  cl_uint count = 0;
  cl_int code = clCreateSubDevices(device, properties, 64, subs, &count);
  printf("%s: %s %u\n", label, CodeName(code), code == CL_SUCCESS ? count : 0);
  if (code != CL_SUCCESS) return;
  for (cl_uint i = 0; i < count; ++i) ShowSub(subs[i]);
  Use(subs[0]);
  OK(clRetainDevice(subs[0]));
  ShowSub(subs[0]);
  OK(clReleaseDevice(subs[0]));
  for (cl_uint i = 0; i < count; ++i) OK(clReleaseDevice(subs[i]));
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  FindDevice();
  cl_uint units;
  OK(clGetDeviceInfo(device, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL));
  printf("units %u\n", units);
  const cl_device_partition_property equally[] = {CL_DEVICE_PARTITION_EQUALLY, 1, 0};
  const cl_device_partition_property counts[] = {CL_DEVICE_PARTITION_BY_COUNTS, 1,
                                                 CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
  const cl_device_partition_property two[] = {CL_DEVICE_PARTITION_BY_COUNTS, 1, 1,
                                              CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
  const cl_device_partition_property many[] = {CL_DEVICE_PARTITION_BY_COUNTS, 1000,
                                               CL_DEVICE_PARTITION_BY_COUNTS_LIST_END, 0};
  const cl_device_partition_property whole[] = {CL_DEVICE_PARTITION_EQUALLY, 1000, 0};
  const cl_device_partition_property affinity[] = {CL_DEVICE_PARTITION_BY_AFFINITY_DOMAIN,
                                                   CL_DEVICE_AFFINITY_DOMAIN_L4_CACHE, 0};
  const cl_device_partition_property unknown[] = {0x9999, 1, 0};
  Partition("equally", equally);
  Partition("by counts", counts);
  Partition("two by counts", two);
  Partition("too many", many);
  Partition("larger than the device", whole);
  Partition("by affinity", affinity);
  Partition("unknown", unknown);
  cl_uint count = 0;
  cl_device_id sub;
  SHOW(clCreateSubDevices(device, equally, 0, NULL, &count));
  printf("count %u\n", count);
  SHOW(clCreateSubDevices(device, NULL, 1, &sub, &count));
  SHOW(clCreateSubDevices(NULL, equally, 1, &sub, &count));
  puts("end");
}
