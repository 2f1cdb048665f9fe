// Launch shapes: one to three dimensions, offsets, local sizes given and chosen, and the errors of each.
#include "program.h"

static const char* kSource =
    "kernel void shape(global int* out, int width, int height) {\n"
    "  int i = (get_global_id(2) * height + get_global_id(1)) * width + get_global_id(0);\n"
    "  out[i] = 1 + get_global_id(0) + 100 * get_global_id(1) + 10000 * get_global_id(2) + get_work_dim() * "
    "1000000\n"
    "      + get_global_offset(0) * 7; }\n"
    "kernel void sizes(global int* out) {\n"
    "  out[0] = get_global_size(0); out[1] = get_global_size(1); out[2] = get_num_groups(0) * "
    "get_local_size(0);\n"
    "  out[3] = get_global_size(3); out[4] = get_local_size(2); }\n";

enum { kBytes = 64 * 1024 };
static cl_mem out;
static cl_kernel shape;

static void Try(cl_uint dimensions, const size_t* offset, const size_t* global, const size_t* local) {
  int zero = 0, width = 20, height = 20;
  OK(clEnqueueFillBuffer(queue, out, &zero, 4, 0, kBytes, 0, NULL, NULL));
  OK(clSetKernelArg(shape, 0, sizeof out, &out));
  OK(clSetKernelArg(shape, 1, sizeof width, &width));
  OK(clSetKernelArg(shape, 2, sizeof height, &height));
  cl_int code = clEnqueueNDRangeKernel(queue, shape, dimensions, offset, global, local, 0, NULL, NULL);
  printf("%u dimensions", dimensions);
  for (cl_uint i = 0; i < dimensions && i < 3; ++i)
    printf(", %zu+%zu/%zu", offset ? offset[i] : 0, global ? global[i] : 0, local ? local[i] : 0);
  printf(": %s", CodeName(code));
  if (code == CL_SUCCESS) printf(" %016llx", BufferHash(out, 0, kBytes));
  puts("");
}

int main(void) {
  Begin();
  cl_program program = Build(kSource, "");
  shape = MAKE(clCreateKernel(program, "shape", &err));
  out = MAKE(clCreateBuffer(context, CL_MEM_READ_WRITE, kBytes, NULL, &err));
  size_t a[3] = {16, 8, 4}, offset[3] = {3, 2, 1}, local[3] = {4, 2, 2}, odd[3] = {17, 7, 3},
         one[3] = {1, 1, 1};
  for (cl_uint dimensions = 1; dimensions <= 3; ++dimensions) {
    Try(dimensions, NULL, a, NULL);
    Try(dimensions, offset, a, NULL);
    Try(dimensions, NULL, a, local);
    Try(dimensions, offset, a, local);
    Try(dimensions, NULL, odd, NULL);
    Try(dimensions, NULL, odd, one);
    Try(dimensions, NULL, a, a);
  }
  size_t huge[3] = {1u << 30, 1, 1}, zero[3] = {0, 8, 4}, zero_local[3] = {0, 1, 1};
  Try(1, NULL, huge, huge);
  Try(2, NULL, a, huge);
  Try(0, NULL, a, NULL);
  Try(4, NULL, a, NULL);
  Try(1, NULL, a, zero_local);
  (void)zero;  // a global size of 0 is an error before 2.1 and none since; implementations differ
  SHOW(clEnqueueNDRangeKernel(NULL, shape, 1, NULL, a, NULL, 0, NULL, NULL));

  cl_kernel sizes = MAKE(clCreateKernel(program, "sizes", &err));
  OK(clSetKernelArg(sizes, 0, sizeof out, &out));
  size_t grid[2] = {12, 5};
  OK(clEnqueueNDRangeKernel(queue, sizes, 2, NULL, grid, NULL, 0, NULL, NULL));
  int values[5];
  OK(clEnqueueReadBuffer(queue, out, CL_TRUE, 0, sizeof values, values, 0, NULL, NULL));
  ShowInts("sizes", values, 5);
  OK(clReleaseKernel(sizes));
  OK(clReleaseKernel(shape));
  OK(clReleaseProgram(program));
  OK(clReleaseMemObject(out));
  End();
}
